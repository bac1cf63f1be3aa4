// Matrix products: tiles of C, blocks of k, packed panels.

/// p of one chain; the partial sums of the blocks are added in order.
#define K_BLOCK 256
/// A tile of C is at most TILE_ROWS x TILE_COLUMNS; its left operand is packed BLOCK_ROWS at a time. Panels of
/// BLOCK_ROWS x K_BLOCK and K_BLOCK x TILE_COLUMNS fit into a second-level cache of 1 MiB.
/// Panels are a little further apart than their size, or all would compete for the same sets of the first-level cache.
#define LEFT_PANEL (PANEL_STRIDE * K_BLOCK + 16)
#define RIGHT_PANEL (PANEL_COLUMNS * K_BLOCK + 32)
#define TILE_ROWS 896
#define BLOCK_ROWS 224
#define TILE_COLUMNS 384
#define FEWEST_TILES 8

/// Packs `rows` rows of op(A) and k of its columns into panels of PANEL_STRIDE, p-major.
static void pack_left(float *out, const brake_product *x, const float *a, long rows, long k) {
  long panels = panel_count(rows), start[panel_count(BLOCK_ROWS) + 1];
  for (long i = 0; i <= panels; i++) start[i] = panel_start(i, panels, rows);
  if (x->a_transposed) {
    for (long p = 0; p < k; p++, a += x->lda, out += PANEL_STRIDE)
      for (long i = 0; i < panels; i++) {
        __builtin_prefetch(a + start[i] + 4 * x->lda);
        store_width(out + i * LEFT_PANEL, get(a, start[i], rows), PANEL_STRIDE);
      }
  } else {
    for (long i = 0; i < panels; i++, out += LEFT_PANEL)
      transpose_panel(
          out, PANEL_STRIDE, PANEL_STRIDE, a + start[i] * x->lda, x->lda, start[i + 1] - start[i], k);
  }
}

/// Packs k rows of op(B) and `columns` of its columns into panels of PANEL_COLUMNS, p-major, with zeros up to the next
/// multiple of 16.
static void pack_right(float *out, const brake_product *x, const float *b, long columns, long k) {
  if (x->b_transposed) {
    for (long j = 0; j < columns; j += 16)
      transpose_panel(
          out + j / PANEL_COLUMNS * RIGHT_PANEL + j % PANEL_COLUMNS, PANEL_COLUMNS, 16, b + j * x->ldb,
          x->ldb, smaller(16, columns - j), k);
  } else {
    for (long p = 0; p < k; p++, b += x->ldb)
      for (long j = 0; j < columns; j += 16) {
        __builtin_prefetch(b + j + 4 * x->ldb);
        store(out + j / PANEL_COLUMNS * RIGHT_PANEL + p * PANEL_COLUMNS + j % PANEL_COLUMNS, get(b, j, columns));
      }
  }
}

typedef struct tiling {
  long rows, columns, down, across;
} tiling;

/// Nearly equal pieces of at most `most` (a multiple of `step`), each but the last a multiple of `step`.
INLINE long even_pieces(long size, long most, long step) {
  long pieces = (size + most - 1) / most;
  return pieces < 2 ? rounded_up(size, step) : rounded_up((size + pieces - 1) / pieces, step);
}

/// Nearly equal tiles, cut smaller while there are fewer than FEWEST_TILES.
static tiling tiles_of(const brake_product *x) {
  long rows = TILE_ROWS, columns = TILE_COLUMNS;
  for (;;) {
    tiling t = {even_pieces(x->m, rows, 14), even_pieces(x->n, columns, 32), 0, 0};
    if (x->m <= 0 || x->n <= 0) return t;
    t.down = (x->m + t.rows - 1) / t.rows;
    t.across = (x->n + t.columns - 1) / t.columns;
    if (t.down * t.across * x->batch >= FEWEST_TILES || (t.rows <= 56 && t.columns <= 64)) return t;
    if (t.columns <= 64 || (t.rows > 56 && t.rows >= t.columns))
      rows = rounded_up((t.rows + 1) / 2, 14);
    else
      columns = rounded_up((t.columns + 1) / 2, 32);
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
  const float *a = x->a + matrix * x->stride_a, *b = x->b + matrix * x->stride_b;
  float *c = x->c + matrix * x->stride_c + column;
  const float *bias = x->bias ? x->bias + column : 0;
  // With few panels on the right, packing the left would cost more than it saves.
  bool in_place = columns <= 6 * PANEL_COLUMNS;
  for (long p = 0; p == 0 || p < x->k; p += K_BLOCK) {
    long k = smaller(K_BLOCK, x->k - p);
    pack_right(right, x, b + (x->b_transposed ? column * x->ldb + p : p * x->ldb + column), columns, k);
    for (long block = row; block < row + rows; block += BLOCK_ROWS) {
      long height = smaller(BLOCK_ROWS, row + rows - block), panels = panel_count(height);
      const float *block_a = a + (x->a_transposed ? p * x->lda + block : block * x->lda + p);
      if (!in_place) pack_left(left, x, block_a, height, k);
      for (long j = 0; j < columns; j += PANEL_COLUMNS) {
        finish f = {p > 0 || x->accumulate, bias && p + K_BLOCK >= x->k ? bias + j : 0};
        for (long i = 0; i < panels; i++) {
          long first = panel_start(i, panels, height);
          long count = panel_start(i + 1, panels, height) - first, width = smaller(columns - j, PANEL_COLUMNS);
          const float *panel_b = right + j / PANEL_COLUMNS * RIGHT_PANEL;
          float *panel_c = c + (block + first) * x->ldc + j;
          if (!in_place)
            panel_product(
                count, width, k, left + i * LEFT_PANEL, PANEL_STRIDE, panel_b, PANEL_COLUMNS, panel_c, x->ldc, f);
          else if (x->a_transposed)
            panel_product(count, width, k, block_a + first, x->lda, panel_b, PANEL_COLUMNS, panel_c, x->ldc, f);
          else
            row_major_product(
                count, width, k, block_a + first * x->lda, x->lda, panel_b, PANEL_COLUMNS, panel_c, x->ldc, f);
        }
      }
    }
  }
}

void KERNEL(brake_matmul_tiles)(const brake_product *x, long first, long last) {
  tiling t = tiles_of(x);
  long left = panel_count(BLOCK_ROWS) * LEFT_PANEL, right = TILE_COLUMNS / PANEL_COLUMNS * RIGHT_PANEL;
  float *scratch = brake_scratch(left + right);
  for (long tile = first; tile < last; tile++) matmul_tile(x, t, tile, scratch + right, scratch);
}
