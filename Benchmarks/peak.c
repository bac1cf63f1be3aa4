// Prints how many float32 operations a second `argv[1]` threads can make: fused multiply-adds in registers, two operations
// each, in 24 independent chains, which is more than any processor can have under way.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef float lanes __attribute__((ext_vector_type(16)));
enum { chains = 24, rounds = 20000000 };

static float sink[256];

__attribute__((min_vector_width(512))) static void *run(void *place) {
  lanes chain[chains] = {0};
  lanes a = 0.999f, b = (float)time(0);
  for (int r = 0; r < rounds; r++) {
    __asm__ volatile("" : "+x"(a));
#pragma clang loop unroll(full)
    for (int i = 0; i < chains; i++) chain[i] = __builtin_elementwise_fma(chain[i], a, b);
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
  printf("%.0f\n", 2.0 * 16 * chains * rounds * threads / (now() - start));
}
