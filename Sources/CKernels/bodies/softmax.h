// Softmax and cross-entropy over rows. Sums over a row use 16 lanes within blocks of 2048 columns; the lanes of the blocks
// are added in order, then the tree.

#define COLUMN_BLOCK 2048

INLINE float row_greatest(const float *x, long columns) {
  lanes best = splat(-__builtin_inff());
  long i = 0;
  for (; i + 16 <= columns; i += 16) best = greater(load(x + i), best);
  if (i < columns)
    best = choose(lane_index < (int32_t)(columns - i), greater(load_part(x + i, columns - i), best), best);
  return tree_greatest(best);
}

/// Sum of exp(x - shift). Writes the terms to y unless it is null.
INLINE float row_exponentials(float *y, const float *x, float shift, long columns) {
  lanes total = 0;
  for (long block = 0; block < columns; block += COLUMN_BLOCK) {
    lanes sum = 0;
    long end = smaller(block + COLUMN_BLOCK, columns);
    for (long i = block; i < end; i += 16) {
      lanes e = exp16(get(x, i, end) - shift);
      if (y) put(y, i, end, e);
      sum += keep(e, end - i);
    }
    total += sum;
  }
  return tree_sum(total);
}

void KERNEL(brake_softmax)(float *y, const float *x, long rows, long columns) {
  for (long r = 0; r < rows; r++, x += columns, y += columns) {
    float scale = 1.0f / row_exponentials(y, x, row_greatest(x, columns), columns);
    for (long i = 0; i < columns; i += 16) put(y, i, columns, get(y, i, columns) * scale);
  }
}

void KERNEL(brake_softmax_backward)(float *dx, const float *dy, const float *y, long rows, long columns) {
  for (long r = 0; r < rows; r++, dx += columns, dy += columns, y += columns) {
    lanes sum = 0;
    for (long i = 0; i < columns; i += 16) sum = fma16(get(dy, i, columns), get(y, i, columns), sum);
    float s = tree_sum(sum);
    for (long i = 0; i < columns; i += 16) put(dx, i, columns, get(y, i, columns) * (get(dy, i, columns) - s));
  }
}

void KERNEL(brake_cross_entropy)(
    float *losses, const float *logits, const int32_t *targets, long rows, long vocabulary) {
  for (long r = 0; r < rows; r++, logits += vocabulary) {
    if (targets[r] < 0) {
      losses[r] = 0;
      continue;
    }
    float shift = row_greatest(logits, vocabulary);
    float sum = row_exponentials(0, logits, shift, vocabulary);
    losses[r] = log1(sum) + (shift - logits[targets[r]]);
  }
}

void KERNEL(brake_cross_entropy_gradient)(
    float *losses, float *logits, const int32_t *targets, float scale, long rows, long vocabulary) {
  for (long r = 0; r < rows; r++, logits += vocabulary) {
    if (targets[r] < 0) {
      losses[r] = 0;
      __builtin_memset(logits, 0, (size_t)vocabulary * sizeof(float));
      continue;
    }
    float shift = row_greatest(logits, vocabulary);
    float target = logits[targets[r]];
    float sum = row_exponentials(logits, logits, shift, vocabulary);
    losses[r] = log1(sum) + (shift - target);
    float factor = scale / sum;
    for (long i = 0; i < vocabulary; i += 16) put(logits, i, vocabulary, get(logits, i, vocabulary) * factor);
    logits[targets[r]] -= scale;
  }
}
