// Calls libcurl's functions that have variable arguments, which Swift cannot do: one function for each kind of argument. The library
// is loaded when it is first needed, so its functions come as pointers.
#pragma once
#include <stdint.h>

typedef int (*brake_curl_variadic)(void *handle, int option, ...);

static inline int brake_curl_set_long(brake_curl_variadic set, void *handle, int option, long value) {
  return set(handle, option, value);
}
static inline int brake_curl_set_size(brake_curl_variadic set, void *handle, int option, int64_t value) {
  return set(handle, option, value);
}
static inline int brake_curl_set_text(brake_curl_variadic set, void *handle, int option, const char *value) {
  return set(handle, option, value);
}
static inline int brake_curl_set_pointer(brake_curl_variadic set, void *handle, int option, void *value) {
  return set(handle, option, value);
}
typedef unsigned long (*brake_curl_transfer)(char *bytes, unsigned long size, unsigned long count, void *data);
static inline int brake_curl_set_transfer(brake_curl_variadic set, void *handle, int option, brake_curl_transfer value) {
  return set(handle, option, value);
}
typedef int (*brake_curl_progress)(void *data, int64_t toCome, int64_t come, int64_t toGo, int64_t gone);
static inline int brake_curl_set_progress(brake_curl_variadic set, void *handle, int option, brake_curl_progress value) {
  return set(handle, option, value);
}
static inline int brake_curl_get_long(brake_curl_variadic get, void *handle, int information, long *value) {
  return get(handle, information, value);
}
