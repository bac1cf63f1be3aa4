// Prints how many float32 operations a second `argv[1]` threads can make: fused multiply-adds in registers, two operations
// each, in as many independent chains as registers can hold, which is more than any processor can have under way. A
// processor without fused multiply-adds multiplies and adds.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __AVX512F__
enum { width = 16, chains = 24 };
#elif defined __AVX__
enum { width = 8, chains = 12 };
#elif defined __aarch64__
enum { width = 4, chains = 24 };
#else
enum { width = 4, chains = 12 };
#endif

#if defined __FMA__ || defined __aarch64__
#define multiply_add(x, a, b) __builtin_elementwise_fma(x, a, b)
#else
#define multiply_add(x, a, b) ((x) * (a) + (b))
#endif

// Hides from the compiler what is in a register.
#ifdef __aarch64__
#define opaque(x) __asm__ volatile("" : "+w"(x))
#else
#define opaque(x) __asm__ volatile("" : "+x"(x))
#endif

typedef float lanes __attribute__((ext_vector_type(width)));
enum { rounds = 20000000 };

static float sink[256];

__attribute__((min_vector_width(32 * width))) static void *run(void *place) {
  lanes chain[chains] = {0};
  lanes a = 0.999f, b = (float)time(0);
  for (int r = 0; r < rounds; r++) {
    opaque(a);
#pragma clang loop unroll(full)
    for (int i = 0; i < chains; i++) chain[i] = multiply_add(chain[i], a, b);
  }
  lanes sum = 0;
  for (int i = 0; i < chains; i++) sum += chain[i];
  *(float *)place = sum[0];
  return 0;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  if (threads < 1 || threads > 256) return 2;
  pthread_t thread[256];
  double start = now();
  for (int t = 0; t < threads; t++)
    if (pthread_create(&thread[t], 0, run, &sink[t])) return 1;
  for (int t = 0; t < threads; t++) pthread_join(thread[t], 0);
  printf("%.0f\n", 2.0 * width * chains * rounds * threads / (now() - start));
}
