// Rotary position embedding.

void KERNEL(brake_rope)(
    float *x, long ldx, const float *cosine, const float *sine, long first, long last, long length, long heads,
    long head_dim, long rotary, bool inverse) {
  long half = rotary / 2;
  for (long r = first; r < last; r++) {
    const float *c = cosine + r % length * half, *s = sine + r % length * half;
    for (long h = 0; h < heads; h++) {
      float *low = x + r * ldx + h * head_dim, *high = low + half;
      for (long i = 0; i < half; i += 16) {
        lanes a = get(low, i, half), b = get(high, i, half);
        lanes cos = get(c, i, half), sin = get(s, i, half);
        if (inverse) sin = -sin;
        put(low, i, half, fma16(a, cos, -(b * sin)));
        put(high, i, half, fma16(b, cos, a * sin));
      }
    }
  }
}
