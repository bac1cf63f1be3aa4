#include <stdlib.h>
#include <threads.h>

#include "internal.h"

typedef struct scratch {
  size_t bytes;
  _Alignas(64) float values[];
} scratch;

static once_flag once = ONCE_FLAG_INIT;
static tss_t key;

static void make_key(void) {
  if (tss_create(&key, free) != thrd_success) abort();
}

float *brake_scratch(long count) {
  call_once(&once, make_key);
  scratch *held = tss_get(key);
  size_t bytes = (sizeof(scratch) + (size_t)count * sizeof(float) + 63) / 64 * 64;
  if (!held || held->bytes < bytes) {
    free(held);
    held = aligned_alloc(64, bytes);
    // The kernels have no way to report it, and their callers have just allocated far more.
    if (!held || tss_set(key, held) != thrd_success) abort();
    held->bytes = bytes;
  }
  return held->values;
}
