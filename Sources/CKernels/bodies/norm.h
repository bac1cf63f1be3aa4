// RMSNorm and LayerNorm. Sums over a row: one chain per lane, then the tree, then divided by the number of columns.

/// weight[i...], 1 + weight[i...] if they count from one, or ones.
INLINE lanes weights(const float *weight, bool from_one, long i, long columns) {
  if (!weight) return splat(1);
  lanes w = get(weight, i, columns);
  return from_one ? 1.0f + w : w;
}

void KERNEL(brake_rmsnorm)(
    float *y, float *rstd, const float *x, const float *weight, bool from_one, long rows, long columns, float epsilon) {
  for (long r = 0; r < rows; r++, x += columns, y += columns) {
    lanes sum = 0;
    for (long i = 0; i < columns; i += 16) {
      lanes v = get(x, i, columns);
      sum = fma16(v, v, sum);
    }
    float scale = 1.0f / __builtin_elementwise_sqrt(tree_sum(sum) / (float)columns + epsilon);
    rstd[r] = scale;
    if (weight)
      for (long i = 0; i < columns; i += 16) put(y, i, columns, get(x, i, columns) * scale * weights(weight, from_one, i, columns));
    else
      for (long i = 0; i < columns; i += 16) put(y, i, columns, get(x, i, columns) * scale);
  }
}

// With n = x rstd and g = dy weight: dx = rstd (g - n mean(g n)).
void KERNEL(brake_rmsnorm_backward)(
    float *dx, const float *dy, const float *x, const float *weight, bool from_one, const float *rstd, long rows,
    long columns, bool accumulate) {
  for (long r = 0; r < rows; r++, dx += columns, dy += columns, x += columns) {
    float scale = rstd[r];
    lanes sum = 0;
    for (long i = 0; i < columns; i += 16)
      sum = fma16(get(dy, i, columns) * weights(weight, from_one, i, columns), get(x, i, columns) * scale, sum);
    float mean = tree_sum(sum) / (float)columns;
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(dy, i, columns) * weights(weight, from_one, i, columns);
      lanes d = scale * fma16(get(x, i, columns) * scale, splat(-mean), g);
      put(dx, i, columns, accumulate ? get(dx, i, columns) + d : d);
    }
  }
}

void KERNEL(brake_rmsnorm_backward_weight)(
    float *dweight, const float *dy, const float *x, const float *rstd, long rows, long columns, long first_column,
    long last_column) {
  for (long j = first_column; j < last_column; j += 16) {
    lanes total = get(dweight, j, last_column);
    for (long block = 0; block < rows; block += ROW_BLOCK) {
      lanes sum = 0;
      long end = smaller(block + ROW_BLOCK, rows);
      for (long r = block; r < end; r++)
        sum = fma16(get(dy + r * columns, j, last_column), get(x + r * columns, j, last_column) * rstd[r], sum);
      total += sum;
    }
    put(dweight, j, last_column, total);
  }
}

void KERNEL(brake_layernorm)(
    float *y, float *mean, float *rstd, const float *x, const float *weight, const float *bias, long rows, long columns,
    float epsilon) {
  for (long r = 0; r < rows; r++, x += columns, y += columns) {
    lanes sum = 0;
    for (long i = 0; i < columns; i += 16) sum += get(x, i, columns);
    float centre = tree_sum(sum) / (float)columns;
    lanes squares = 0;
    for (long i = 0; i < columns; i += 16) {
      lanes d = keep(get(x, i, columns) - centre, columns - i);
      squares = fma16(d, d, squares);
    }
    float scale = 1.0f / __builtin_elementwise_sqrt(tree_sum(squares) / (float)columns + epsilon);
    mean[r] = centre;
    rstd[r] = scale;
    for (long i = 0; i < columns; i += 16) {
      lanes n = (get(x, i, columns) - centre) * scale * weights(weight, false, i, columns);
      put(y, i, columns, bias ? n + get(bias, i, columns) : n);
    }
  }
}

// With n = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - n mean(g n)).
void KERNEL(brake_layernorm_backward)(
    float *dx, const float *dy, const float *x, const float *weight, const float *mean, const float *rstd, long rows,
    long columns, bool accumulate) {
  for (long r = 0; r < rows; r++, dx += columns, dy += columns, x += columns) {
    float centre = mean[r], scale = rstd[r];
    lanes sum = 0, products = 0;
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(dy, i, columns) * weights(weight, false, i, columns);
      sum += g;
      products = fma16(g, (get(x, i, columns) - centre) * scale, products);
    }
    float mean_g = tree_sum(sum) / (float)columns;
    float mean_gn = tree_sum(products) / (float)columns;
    for (long i = 0; i < columns; i += 16) {
      lanes g = get(dy, i, columns) * weights(weight, false, i, columns);
      lanes d = scale * fma16((get(x, i, columns) - centre) * scale, splat(-mean_gn), g - mean_g);
      put(dx, i, columns, accumulate ? get(dx, i, columns) + d : d);
    }
  }
}

void KERNEL(brake_layernorm_backward_weight)(
    float *dweight, float *dbias, const float *dy, const float *x, const float *mean, const float *rstd, long rows,
    long columns, long first_column, long last_column) {
  for (long j = first_column; j < last_column; j += 16) {
    lanes total = get(dweight, j, last_column);
    for (long block = 0; block < rows; block += ROW_BLOCK) {
      lanes sum = 0;
      long end = smaller(block + ROW_BLOCK, rows);
      for (long r = block; r < end; r++) {
        lanes n = (get(x + r * columns, j, last_column) - mean[r]) * rstd[r];
        sum = fma16(get(dy + r * columns, j, last_column), n, sum);
      }
      total += sum;
    }
    put(dweight, j, last_column, total);
  }
  if (dbias) KERNEL(brake_column_sums)(dbias, dy, columns, rows, first_column, last_column, true);
}
