// The table of rotary positions, in float64 with functions of our own: libm's differ from system to system.
// Plain multiplications and additions, never fused, so that every processor agrees.

#pragma STDC FP_CONTRACT OFF

#include "internal.h"

/// Natural logarithm of x > 0 (normal): x = 2^n m, m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1) / (m + 1)) by 14 terms.
static double natural_log(double x) {
  int64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  int64_t n = (bits - 0x3fe6a09e667f3bcd) >> 52;
  bits -= n * 0x10000000000000;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  double s = (m - 1) / (m + 1), z = s * s, sum = 0;
  for (int i = 27; i >= 1; i -= 2) sum = sum * z + 1.0 / i;
  return (double)n * 0x1.62e42fefa39efp-1 + 2 * s * sum;
}

/// exp(x) for |x| < 700: x = n ln 2 + r, 18 terms of Taylor's series of e^r.
static double exponential(double x) {
  double shifted = x * 0x1.71547652b82fep+0 + 0x1.8p+52, n = shifted - 0x1.8p+52;
  double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  double sum = 0;
  for (int i = 18; i >= 1; i--) sum = sum * r / i + 1;
  int64_t bits = ((int64_t)n + 1023) << 52;
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return sum * power;
}

/// Cosine and sine of 0 <= x < 2^20: minus a multiple of pi/2 in three parts, then Taylor's series.
static void circular(double x, double *cosine, double *sine) {
  int64_t n = (int64_t)(x * 0x1.45f306dc9c883p-1 + 0.5);
  double k = (double)n;
  double r = ((x - k * 0x1.921fb544p+0) - k * 0x1.0b4611a6p-34) - k * 0x1.3198a2e037073p-69, z = r * r;
  double c = 1, s = 1;
  for (int i = 20; i >= 2; i -= 2) c = 1 - c * z / (i * (i - 1));
  for (int i = 21; i >= 3; i -= 2) s = 1 - s * z / (i * (i - 1));
  s = r * s;
  *cosine = n & 1 ? ((n + 1) & 2 ? -s : s) : (n & 2 ? -c : c);
  *sine = n & 1 ? (n & 2 ? -c : c) : (n & 2 ? -s : s);
}

void brake_rope_table(
    float *cosine, float *sine, long positions, long rotary, double theta, const double *factors) {
  long half = rotary / 2;
  double log_theta = natural_log(theta);
  for (long i = 0; i < half; i++) {
    double frequency = exponential(-(double)(2 * i) / (double)rotary * log_theta);
    if (factors) frequency *= factors[i];
    for (long p = 0; p < positions; p++) {
      double c, s;
      circular((double)p * frequency, &c, &s);
      cosine[p * half + i] = (float)c;
      sine[p * half + i] = (float)s;
    }
  }
}
