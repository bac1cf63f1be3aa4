// exp, log, tanh, erf: range reduction and polynomials of our own, the same on every processor. The coefficients are
// minimax fits (Remez) in multiple precision, rounded to float32; errors are measured in the tests.

/// exp(x): n = round(x log2 e) by the magic constant 1.5 * 2^23, r = x - n ln 2 in two fused steps,
/// e^r = 1 + r + r^2 Q(r) with Q of degree 4 on |r| <= ln(2)/2, times 2^(n >> 1) and 2^(n - (n >> 1)).
INLINE lanes exp16(lanes x) {
  x = choose(x < -104.0f, splat(-104.0f), x);
  x = choose(x > 89.0f, splat(89.0f), x);
  lanes shifted = fma16(x, splat(0x1.715476p+0f), splat(0x1.8p+23f));
  lanes n = shifted - 0x1.8p+23f;
  lanes r = fma16(n, splat(-0x1.62e4p-1f), x);
  r = fma16(n, splat(-0x1.7f7d1cp-20f), r);
  lanes q = splat(0x1.6a2354p-10f);
  q = fma16(q, r, splat(0x1.123a6cp-7f));
  q = fma16(q, r, splat(0x1.5558f4p-5f));
  q = fma16(q, r, splat(0x1.55549p-3f));
  q = fma16(q, r, splat(0x1.fffffcp-2f));
  lanes e = fma16(q * r, r, r) + 1.0f;
  ulanes k = bits_as(ulanes, shifted) - 0x4b400000u;
  ulanes half = bits_as(ulanes, bits_as(ilanes, k) >> 1);
  lanes s = bits_as(lanes, (half + 127) << 23);
  lanes t = bits_as(lanes, (k - half + 127) << 23);
  return e * s * t;
}

/// log(x): x = 2^n m with m in [sqrt(1/2), sqrt(2)), f = m - 1, log(1 + f) = f - f^2/2 + f^3 P(f) with P of degree 8.
/// Subnormal x is multiplied by 2^23 first.
INLINE lanes log16(lanes x) {
  ilanes tiny = x < 0x1p-126f;
  lanes scaled = choose(tiny, x * 0x1p+23f, x);
  ulanes bits = bits_as(ulanes, scaled) - 0x3f3504f3u;
  ilanes exponent = bits_as(ilanes, bits) >> 23;
  lanes m = bits_as(lanes, (bits & 0x7fffffu) + 0x3f3504f3u);
  lanes n = __builtin_convertvector(exponent - (tiny & 23), lanes);
  lanes f = m - 1.0f;
  lanes p = splat(0x1.1b42a0p-4f);
  p = fma16(p, f, splat(-0x1.e2e9a4p-4f));
  p = fma16(p, f, splat(0x1.e650a8p-4f));
  p = fma16(p, f, splat(-0x1.fb432cp-4f));
  p = fma16(p, f, splat(0x1.2332cp-3f));
  p = fma16(p, f, splat(-0x1.5562e2p-3f));
  p = fma16(p, f, splat(0x1.99a546p-3f));
  p = fma16(p, f, splat(-0x1.ffffeep-3f));
  p = fma16(p, f, splat(0x1.555546p-2f));
  lanes square = f * f;
  lanes y = fma16(p * f, square, n * 0x1.7f7d1cp-20f);
  y = fma16(square, splat(-0.5f), y);
  y = y + f;
  y = fma16(n, splat(0x1.62e4p-1f), y);
  y = choose(x == 0.0f, splat(-__builtin_inff()), y);
  y = choose(x == splat(__builtin_inff()), x, y);
  return choose(~(x >= 0.0f), splat(__builtin_nanf("")), y);
}

/// tanh(x): x + x^3 P(x^2) with P of degree 5 for |x| < 0.625, else 1 - 2 / (exp(2|x|) + 1) with the sign of x.
INLINE lanes tanh16(lanes x) {
  lanes a = magnitude(x);
  lanes z = x * x;
  lanes p = splat(0x1.195896p-9f);
  p = fma16(p, z, splat(-0x1.0c1818p-7f));
  p = fma16(p, z, splat(0x1.639312p-6f));
  p = fma16(p, z, splat(-0x1.b9ef56p-5f));
  p = fma16(p, z, splat(0x1.11106ap-3f));
  p = fma16(p, z, splat(-0x1.555554p-2f));
  lanes near = fma16(p * z, x, x);
  lanes far = 1.0f - 2.0f / (exp16(a + a) + 1.0f);
  return with_sign(choose(a < 0.625f, near, far), x);
}

/// erf(x): x + x P(x^2) with P of degree 6 for |x| < 1, else 1 - exp(R(|x|)) with R of degree 7 a fit of log(erfc) on [1, 4],
/// at min(|x|, 4), with the sign of x.
INLINE lanes erf16(lanes x) {
  lanes a = magnitude(x);
  lanes z = x * x;
  lanes p = splat(0x1.496a3p-14f);
  p = fma16(p, z, splat(-0x1.a3f7p-11f));
  p = fma16(p, z, splat(0x1.5405b2p-8f));
  p = fma16(p, z, splat(-0x1.b7f90cp-6f));
  p = fma16(p, z, splat(0x1.ce2cf8p-4f));
  p = fma16(p, z, splat(-0x1.81273ep-2f));
  p = fma16(p, z, splat(0x1.06eba8p-3f));
  lanes near = fma16(p, x, x);
  lanes b = choose(a > 4.0f, splat(4.0f), a);
  lanes r = splat(-0x1.6bd7dep-16f);
  r = fma16(r, b, splat(0x1.cec5fcp-12f));
  r = fma16(r, b, splat(-0x1.138cbap-8f));
  r = fma16(r, b, splat(0x1.9d0304p-6f));
  r = fma16(r, b, splat(-0x1.bc1516p-4f));
  r = fma16(r, b, splat(-0x1.443566p-1f));
  r = fma16(r, b, splat(-0x1.212c0cp+0f));
  r = fma16(r, b, splat(0x1.8a5744p-13f));
  lanes far = 1.0f - exp16(r);
  return with_sign(choose(a < 1.0f, near, far), x);
}

INLINE lanes sigmoid16(lanes x) { return 1.0f / (1.0f + exp16(-x)); }

INLINE float exp1(float x) { return exp16(splat(x))[0]; }
INLINE float log1(float x) { return log16(splat(x))[0]; }

#define ELEMENTWISE(name, function) \
  void KERNEL(name)(float *y, const float *x, long count) { \
    for (long i = 0; i < count; i += 16) put(y, i, count, function(get(x, i, count))); \
  }
ELEMENTWISE(brake_exp, exp16)
ELEMENTWISE(brake_log, log16)
ELEMENTWISE(brake_tanh, tanh16)
ELEMENTWISE(brake_erf, erf16)
ELEMENTWISE(brake_sigmoid, sigmoid16)
