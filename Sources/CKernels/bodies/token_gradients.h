// Gradients of single tokens, each a block of registers at a time: their magnitudes are added up, and sums over their
// elements are taken, before the next one takes their place.

/// Running sums over the elements of one gradient.
typedef struct tally {
  lanes products, product_magnitudes, magnitudes, squares, weighted, product_squares;
} tally;

/// Counts 16 elements from column i of a row of n.
INLINE void count_gradient(
    tally *t, lanes g, float *absolute, float *squares, const float *delta, const float *weight, long i, long n) {
  lanes size = magnitude(g);
  put(absolute, i, n, get(absolute, i, n) + size);
  put(squares, i, n, fma16(g, g, get(squares, i, n)));
  t->magnitudes += size;
  t->squares = fma16(g, g, t->squares);
  if (delta) {
    lanes product = g * get(delta, i, n);
    t->products += product;
    t->product_magnitudes += magnitude(product);
    t->product_squares = fma16(product, product, t->product_squares);
  }
  if (weight) t->weighted = fma16(get(weight, i, n), size, t->weighted);
}

INLINE void add_tally(double sums[BRAKE_TOKEN_SUMS], tally a, tally b) {
  sums[0] += (double)tree_sum(a.products + b.products);
  sums[1] += (double)tree_sum(a.product_magnitudes + b.product_magnitudes);
  sums[2] += (double)tree_sum(a.magnitudes + b.magnitudes);
  sums[3] += (double)tree_sum(a.squares + b.squares);
  sums[4] += (double)tree_sum(a.weighted + b.weighted);
  sums[5] += (double)tree_sum(a.product_squares + b.product_squares);
}

INLINE double *task_sums(double *sums, long task, long tokens) {
  sums += BRAKE_TOKEN_SUMS * task * tokens;
  __builtin_memset(sums, 0, (size_t)(BRAKE_TOKEN_SUMS * tokens) * sizeof(double));
  return sums;
}

// MARK: - Matrices

/// Columns of a strip, each 16 with a tally of their own.
#define STRIP 32

INLINE void gradient_block(
    const int rows, const int vectors, long columns, long k, const float *a, const float *b, float *absolute,
    float *squares, const float *delta, const float *weight, long ld, tally *tallies) {
  lanes chain[PANEL_ROWS][PANEL_VECTORS];
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int j = 0; j < vectors; j++) chain[i][j] = 0;
  for (long p = 0; p < k; p++, a += PANEL_STRIDE, b += STRIP) {
    lanes right[PANEL_VECTORS];
    UNROLLED for (int j = 0; j < vectors; j++) right[j] = load(b + 16 * j);
    UNROLLED for (int i = 0; i < rows; i++) {
      lanes left = splat(a[i]);
      UNROLLED for (int j = 0; j < vectors; j++) chain[i][j] = fma16(left, right[j], chain[i][j]);
    }
  }
  UNROLLED for (int j = 0; j < vectors; j++)
    UNROLLED for (int i = 0; i < rows; i++)
      count_gradient(
          &tallies[j], chain[i][j], absolute + i * ld, squares + i * ld, delta ? delta + i * ld : 0, weight ? weight + i * ld : 0, 16 * j,
          columns);
}

#define GRADIENT_CASE(n, vectors) \
  case n: \
    gradient_block(n, vectors, columns, k, a, b, absolute, squares, delta, weight, ld, tallies); \
    break;

static void gradient_panel(
    long rows, long columns, long k, const float *a, const float *b, float *absolute, float *squares,
    const float *delta, const float *weight, long ld, tally *tallies) {
  if (columns > 16 * (PANEL_VECTORS - 1)) {
    switch (rows) { EACH_HEIGHT(GRADIENT_CASE, PANEL_VECTORS) }
  } else {
    switch (rows) { EACH_HEIGHT(GRADIENT_CASE, 1) }
  }
}

static void token_products(const brake_token_products *x, long task) {
  long first_row = task * BRAKE_TOKEN_PRODUCT_ROWS, rows = smaller(BRAKE_TOKEN_PRODUCT_ROWS, x->rows - first_row);
  long panels = panel_count(rows), panel = x->left_rows * PANEL_STRIDE;
  float *left = brake_scratch(panels * panel + x->right_rows * STRIP), *right = left + panels * panel;
  for (long i = 0; i < panels; i++)
    for (long p = 0; p < x->left_rows; p++)
      store_width(
          left + i * panel + p * PANEL_STRIDE, get(x->left + p * x->ld_left + first_row, panel_start(i, panels, rows), rows),
          PANEL_STRIDE);
  double *sums = task_sums(x->sums, task, x->tokens);
  for (long strip = 0; strip < x->columns; strip += STRIP) {
    long width = smaller(STRIP, x->columns - strip);
    for (long p = 0; p < x->right_rows; p++)
      for (long j = 0; j < width; j += 16) store(right + p * STRIP + j, get(x->right + p * x->ld_right + strip, j, width));
    for (long token = 0; token < x->tokens; token++) {
      tally tallies[STRIP / 16] = {0};
      const float *b = right + x->right_first[token] * STRIP;
      for (long i = 0; i < panels; i++) {
        long row = panel_start(i, panels, rows), place = (first_row + row) * x->ld + strip;
        const float *a = left + i * panel + x->left_first[token] * PANEL_STRIDE;
        for (long j = 0; j < width; j += 16 * PANEL_VECTORS)
          gradient_panel(
              panel_start(i + 1, panels, rows) - row, smaller(width - j, 16 * PANEL_VECTORS), x->count[token], a, b + j,
              x->absolute + place + j, x->squares + place + j, x->delta ? x->delta + place + j : 0,
              x->weight ? x->weight + place + j : 0, x->ld, tallies + j / 16);
      }
      add_tally(sums + BRAKE_TOKEN_SUMS * token, tallies[0], tallies[1]);
    }
  }
}

void KERNEL(brake_tally_products)(const brake_token_products *x, long first, long last) {
  for (long task = first; task < last; task++) token_products(x, task);
}

// MARK: - Vectors

static void token_columns(const brake_token_columns *x, long task) {
  double *sums = task_sums(x->sums, task, x->tokens);
  long end = smaller((task + 1) * BRAKE_TOKEN_COLUMNS, x->columns);
  for (long token = 0; token < x->tokens; token++) {
    tally t = {0};
    for (long j = task * BRAKE_TOKEN_COLUMNS; j < end; j += 16) {
      lanes g = 0;
      for (long p = 0; p < x->count[token]; p++) {
        lanes d = get(x->dy + (x->dy_first[token] + p) * x->ld_dy, j, end);
        if (x->x) {
          long row = x->x_first[token] + p;
          lanes normal = (get(x->x + row * x->ld_x, j, end) - (x->mean ? x->mean[row] : 0)) * x->rstd[row];
          g = fma16(d, normal, g);
        } else {
          g += d;
        }
      }
      count_gradient(&t, g, x->absolute, x->squares, x->delta, x->weight, j, end);
    }
    add_tally(sums + BRAKE_TOKEN_SUMS * token, t, (tally){0});
  }
}

void KERNEL(brake_tally_columns)(const brake_token_columns *x, long first, long last) {
  for (long task = first; task < last; task++) token_columns(x, task);
}

// MARK: - Tables

static void token_rows(const brake_token_rows *x, long task) {
  double *sums = task_sums(x->sums, task, x->tokens);
  long start = task * BRAKE_TOKEN_COLUMNS, columns = smaller(BRAKE_TOKEN_COLUMNS, x->columns - start), most = 0;
  for (long token = 0; token < x->tokens; token++) most = x->count[token] > most ? x->count[token] : most;
  float *rows = brake_scratch(most * BRAKE_TOKEN_COLUMNS);
  for (long token = 0; token < x->tokens; token++) {
    long used = 0;
    for (long p = 0; p < x->count[token]; p++) {
      bool known = x->slot[p] < used;
      float *row = rows + x->slot[p] * BRAKE_TOKEN_COLUMNS;
      const float *d = x->dy + (x->dy_first[token] + p) * x->ld_dy + start;
      for (long j = 0; j < columns; j += 16)
        put(row, j, columns, known ? get(row, j, columns) + get(d, j, columns) : get(d, j, columns));
      used += !known;
    }
    tally t = {0};
    for (long slot = 0; slot < used; slot++) {
      long place = x->table_row[slot] * x->ld + start;
      float *absolute = x->absolute + place, *squares = x->squares + place;
      const float *delta = x->delta ? x->delta + place : 0;
      for (long j = 0; j < columns; j += 16) {
        lanes g = get(rows + slot * BRAKE_TOKEN_COLUMNS, j, columns);
        if (!x->outer) {
          count_gradient(&t, g, absolute, squares, delta, 0, j, columns);
          continue;
        }
        lanes outer = x->outer[token * x->ld_outer + slot] * get(x->hidden + token * x->ld_hidden + start, j, columns);
        lanes change = magnitude(outer + g) - magnitude(outer), twice = g + outer + outer;
        put(absolute, j, columns, get(absolute, j, columns) + change);
        put(squares, j, columns, fma16(g, twice, get(squares, j, columns)));
        t.magnitudes += change;
        t.squares = fma16(g, twice, t.squares);
        if (delta) {
          lanes d = get(delta, j, columns);
          t.products = fma16(g, d, t.products);
          t.product_magnitudes = fma16(change, magnitude(d), t.product_magnitudes);
          t.product_squares = fma16(g * twice, d * d, t.product_squares);
        }
      }
    }
    add_tally(sums + BRAKE_TOKEN_SUMS * token, t, (tally){0});
  }
}

void KERNEL(brake_tally_rows)(const brake_token_rows *x, long first, long last) {
  for (long task = first; task < last; task++) token_rows(x, task);
}
