// Matrix products: tiles of C, blocks of k, packed panels.

/// p of one chain; the partial sums of the blocks are added in order.
#define K_BLOCK 256
#define TILE_ROWS 224
#define TILE_COLUMNS 384

/// Copies columns first...first+count of a p-major operand into a panel of `stride` >= 16 (or PANEL_STRIDE) columns.
INLINE void copy_panel(float *out, long stride, const float *in, long ld, long count, long k) {
  for (long p = 0; p < k; p++)
    for (long j = 0; j < count; j += 16) put(out + p * stride, j, count, get(in + p * ld, j, count));
}

/// Packs `count` rows of op(A) and k of its columns into panels of PANEL_STRIDE, p-major.
static void pack_left(float *out, const brake_product *x, const float *a, long rows, long k) {
  long panels = panel_count(rows);
  for (long i = 0; i < panels; i++, out += PANEL_STRIDE * K_BLOCK) {
    long row = panel_start(i, panels, rows), count = panel_start(i + 1, panels, rows) - row;
    if (x->a_transposed)
      copy_panel(out, PANEL_STRIDE, a + row, x->lda, count, k);
    else
      transpose_panel(out, PANEL_STRIDE, PANEL_STRIDE, a + row * x->lda, x->lda, count, k);
  }
}

/// Packs k rows of op(B) and `columns` of its columns into panels of PANEL_COLUMNS, p-major, with zeros at the edge.
static void pack_right(float *out, const brake_product *x, const float *b, long columns, long k) {
  for (long j = 0; j < columns; j += PANEL_COLUMNS, out += PANEL_COLUMNS * K_BLOCK)
    for (long v = j; v < smaller(j + PANEL_COLUMNS, columns); v += 16) {
      long count = smaller(16, columns - v);
      if (x->b_transposed) {
        transpose_panel(out + (v - j), PANEL_COLUMNS, 16, b + v * x->ldb, x->ldb, count, k);
      } else {
        for (long p = 0; p < k; p++) store(out + (v - j) + p * PANEL_COLUMNS, get(b + p * x->ldb, v, columns));
      }
    }
}

typedef struct tiling {
  long rows, columns, down, across;
} tiling;

/// Tiles of at most TILE_ROWS x TILE_COLUMNS, smaller ones while there are fewer than 8 in all.
static tiling tiles_of(const brake_product *x) {
  tiling t = {TILE_ROWS, TILE_COLUMNS, 0, 0};
  for (;;) {
    t.down = (x->m + t.rows - 1) / t.rows;
    t.across = (x->n + t.columns - 1) / t.columns;
    if (t.down * t.across * x->batch >= 8) return t;
    if (smaller(t.rows, x->m) > 56 && smaller(t.rows, x->m) * 2 >= smaller(t.columns, x->n))
      t.rows = rounded_up((smaller(t.rows, x->m) + 1) / 2, 14);
    else if (smaller(t.columns, x->n) > 64)
      t.columns = rounded_up((smaller(t.columns, x->n) + 1) / 2, 32);
    else
      return t;
  }
}

long KERNEL(brake_matmul_tile_count)(const brake_product *x) {
  tiling t = tiles_of(x);
  return t.down * t.across * x->batch;
}

static void matmul_tile(const brake_product *x, tiling t, long tile, float *left, float *right) {
  long matrix = tile / (t.down * t.across), place = tile % (t.down * t.across);
  long row = place / t.across * t.rows, column = place % t.across * t.columns;
  long rows = smaller(t.rows, x->m - row), columns = smaller(t.columns, x->n - column);
  const float *a = x->a + matrix * x->stride_a + (x->a_transposed ? row : row * x->lda);
  const float *b = x->b + matrix * x->stride_b + (x->b_transposed ? column * x->ldb : column);
  float *c = x->c + matrix * x->stride_c + row * x->ldc + column;
  const float *bias = x->bias ? x->bias + column : 0;
  long panels = panel_count(rows);
  for (long p = 0; p == 0 || p < x->k; p += K_BLOCK) {
    long k = smaller(K_BLOCK, x->k - p);
    pack_left(left, x, a + (x->a_transposed ? p * x->lda : p), rows, k);
    pack_right(right, x, b + (x->b_transposed ? p : p * x->ldb), columns, k);
    for (long j = 0; j < columns; j += PANEL_COLUMNS) {
      finish f = {p > 0 || x->accumulate, bias && p + K_BLOCK >= x->k ? bias + j : 0};
      for (long i = 0; i < panels; i++) {
        long first = panel_start(i, panels, rows);
        panel_product(
            panel_start(i + 1, panels, rows) - first, smaller(columns - j, PANEL_COLUMNS), k,
            left + i * PANEL_STRIDE * K_BLOCK, PANEL_STRIDE, right + j * K_BLOCK, PANEL_COLUMNS,
            c + first * x->ldc + j, x->ldc, f);
      }
    }
  }
}

void KERNEL(brake_matmul_tiles)(const brake_product *x, long first, long last) {
  tiling t = tiles_of(x);
  long left = panel_count(TILE_ROWS) * PANEL_STRIDE * K_BLOCK + 16, right = TILE_COLUMNS * K_BLOCK;
  float *scratch = brake_scratch(left + right);
  for (long tile = first; tile < last; tile++) matmul_tile(x, t, tile, scratch + right, scratch);
}
