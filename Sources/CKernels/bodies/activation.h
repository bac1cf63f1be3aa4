// SwiGLU, GELU, and gates of it.

void KERNEL(brake_swiglu)(float *y, long ldy, const float *gate, const float *up, long ldx, long rows, long columns) {
  for (long r = 0; r < rows; r++, y += ldy, gate += ldx, up += ldx)
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(gate, i, columns);
      put(y, i, columns, g * sigmoid16(g) * get(up, i, columns));
    }
}

// With s = sigmoid(gate): d(gate s)/d gate = s (1 + gate (1 - s)).
void KERNEL(brake_swiglu_backward)(
    float *dgate, float *dup, long lddx, const float *dy, long lddy, const float *gate, const float *up, long ldx,
    long rows, long columns) {
  for (long r = 0; r < rows; r++, dgate += lddx, dup += lddx, dy += lddy, gate += ldx, up += ldx)
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(gate, i, columns), u = get(up, i, columns), d = get(dy, i, columns);
      lanes s = sigmoid16(g);
      put(dgate, i, columns, d * u * (s * fma16(g, 1.0f - s, splat(1))));
      put(dup, i, columns, d * (g * s));
    }
}

/// sqrt(2 / pi) (x + 0.044715 x^3)
INLINE lanes gelu_argument(lanes x) {
  return 0x1.988454p-1f * fma16(x * x * x, splat(0.044715f), x);
}

INLINE lanes gelu_tanh(lanes x) { return 0.5f * x * (1.0f + tanh16(gelu_argument(x))); }

INLINE lanes gelu_tanh_slope(lanes x) {
  lanes t = tanh16(gelu_argument(x));
  lanes inner = 0x1.988454p-1f * fma16(x * x, splat(3 * 0.044715f), splat(1));
  return 0.5f * fma16(x * inner, fma16(-t, t, splat(1)), 1.0f + t);
}

INLINE lanes gelu_erf(lanes x) { return 0.5f * x * (1.0f + erf16(x * 0x1.6a09e6p-1f)); }

/// Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
INLINE lanes gelu_erf_slope(lanes x) {
  lanes density = 0x1.988454p-2f * exp16(-0.5f * x * x);
  return fma16(x, density, 0.5f * (1.0f + erf16(x * 0x1.6a09e6p-1f)));
}

#define GELU(form) \
  void KERNEL(brake_##form)(float *y, const float *x, long count) { \
    for (long i = 0; i < count; i += 16) put(y, i, count, form(get(x, i, count))); \
  } \
  void KERNEL(brake_##form##_backward)(float *dx, const float *dy, const float *x, long count) { \
    for (long i = 0; i < count; i += 16) put(dx, i, count, get(dy, i, count) * form##_slope(get(x, i, count))); \
  }
GELU(gelu_tanh)
GELU(gelu_erf)

void KERNEL(brake_geglu_tanh)(
    float *y, long ldy, const float *gate, const float *up, long ldx, long rows, long columns) {
  for (long r = 0; r < rows; r++, y += ldy, gate += ldx, up += ldx)
    for (long i = 0; i < columns; i += 16)
      put(y, i, columns, gelu_tanh(get(gate, i, columns)) * get(up, i, columns));
}

void KERNEL(brake_geglu_tanh_backward)(
    float *dgate, float *dup, long lddx, const float *dy, long lddy, const float *gate, const float *up, long ldx,
    long rows, long columns) {
  for (long r = 0; r < rows; r++, dgate += lddx, dup += lddx, dy += lddy, gate += ldx, up += ldx)
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(gate, i, columns), u = get(up, i, columns), d = get(dy, i, columns);
      put(dgate, i, columns, d * u * gelu_tanh_slope(g));
      put(dup, i, columns, d * gelu_tanh(g));
    }
}
