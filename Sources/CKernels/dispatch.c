// Each kernel's public name calls the variant in use. (Not `target_clones`: its resolvers run before sanitizers are ready,
// and tests could not reach the variants beside the one that the processor prefers.)

#include <stdatomic.h>

// A dispatcher of each kernel, where the header declares it.
#ifdef __x86_64__
#define BRAKE_KERNEL(result, name, parameters, arguments) \
  result name##_plain parameters; \
  result name##_v3 parameters; \
  result name##_v4 parameters; \
  result name parameters { \
    switch (brake_variant_current()) { \
      case BRAKE_X86_64_V4: return name##_v4 arguments; \
      case BRAKE_X86_64_V3: return name##_v3 arguments; \
      default: return name##_plain arguments; \
    } \
  }
#else
#define BRAKE_KERNEL(result, name, parameters, arguments) \
  result name##_plain parameters; \
  result name parameters { return name##_plain arguments; }
#endif

#include "internal.h"

static const int unknown = -1;
static atomic_int current = unknown;

bool brake_variant_available(int variant) {
  switch (variant) {
    case BRAKE_PLAIN: return true;
#ifdef __x86_64__
    case BRAKE_X86_64_V3: return __builtin_cpu_supports("x86-64-v3");
    case BRAKE_X86_64_V4: return __builtin_cpu_supports("x86-64-v4");
#endif
    default: return false;
  }
}

int brake_variant_current(void) {
  int variant = atomic_load_explicit(&current, memory_order_relaxed);
  if (variant == unknown) {
    variant = BRAKE_X86_64_V4;
    while (!brake_variant_available(variant)) variant--;
    atomic_store_explicit(&current, variant, memory_order_relaxed);
  }
  return variant;
}

bool brake_variant_select(int variant) {
  if (!brake_variant_available(variant)) return false;
  atomic_store_explicit(&current, variant, memory_order_relaxed);
  return true;
}

long brake_attention_task_count(const brake_attention *attention) { return attention->batch * attention->kv_heads; }
