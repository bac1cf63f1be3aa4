// Rotary position embedding.

void KERNEL(brake_rope)(const brake_rotation *rotation, long first, long last) {
  const brake_rotation x = *rotation;
  long half = x.rotary / 2;
  for (long r = first; r < last; r++) {
    const float *c = x.cosine + r % x.length * half, *s = x.sine + r % x.length * half;
    for (long h = 0; h < x.heads; h++) {
      float *low = x.x + r * x.ldx + h * x.head_dim, *high = low + half;
      for (long i = 0; i < half; i += 16) {
        lanes a = get(low, i, half), b = get(high, i, half);
        lanes cos = get(c, i, half), sin = get(s, i, half);
        if (x.inverse) sin = -sin;
        put(low, i, half, fma16(a, cos, -(b * sin)));
        put(high, i, half, fma16(b, cos, a * sin));
      }
    }
  }
}
