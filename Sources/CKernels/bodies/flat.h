// Flat arrays: elementwise operations, and sums over 16 lanes.

void KERNEL(brake_add)(float *y, const float *a, const float *b, long count) {
  for (long i = 0; i < count; i += 16) put(y, i, count, get(a, i, count) + get(b, i, count));
}

void KERNEL(brake_combine)(float *y, float alpha, const float *a, float beta, const float *b, long count) {
  for (long i = 0; i < count; i += 16)
    put(y, i, count, fma16(splat(alpha), get(a, i, count), beta * get(b, i, count)));
}

void KERNEL(brake_scale)(float *y, float alpha, const float *x, long count) {
  for (long i = 0; i < count; i += 16) put(y, i, count, alpha * get(x, i, count));
}

void KERNEL(brake_multiply)(float *y, const float *a, const float *b, long count) {
  for (long i = 0; i < count; i += 16) put(y, i, count, get(a, i, count) * get(b, i, count));
}

void KERNEL(brake_magnitude)(float *y, const float *x, long count) {
  for (long i = 0; i < count; i += 16) put(y, i, count, magnitude(get(x, i, count)));
}

double KERNEL(brake_sum)(const float *x, long count) {
  dlanes sum = 0;
  for (long i = 0; i < count; i += 16) sum += __builtin_convertvector(get(x, i, count), dlanes);
  return tree_sum_double(sum);
}

double KERNEL(brake_sum_squares)(const float *x, long count) { return KERNEL(brake_dot)(x, x, count); }

// The product of two float32 is exact in float64, so a fused and an unfused addition agree.
double KERNEL(brake_dot)(const float *x, const float *y, long count) {
  dlanes sum = 0;
  for (long i = 0; i < count; i += 16)
    sum += __builtin_convertvector(get(x, i, count), dlanes) * __builtin_convertvector(get(y, i, count), dlanes);
  return tree_sum_double(sum);
}

/// Rows of one block of a sum over rows.
#define ROW_BLOCK 256

void KERNEL(brake_column_sums)(
    float *out, const float *x, long ldx, long rows, long first_column, long last_column, bool accumulate) {
  for (long j = first_column; j < last_column; j += 16) {
    lanes total = accumulate ? get(out, j, last_column) : splat(0);
    for (long block = 0; block < rows; block += ROW_BLOCK) {
      lanes sum = 0;
      long end = smaller(block + ROW_BLOCK, rows);
      for (long r = block; r < end; r++) sum += get(x + r * ldx, j, last_column);
      total += sum;
    }
    put(out, j, last_column, total);
  }
}
