// The register-blocked product of two panels, on which matrix products and attention stand.
//
// Both operands are "p-major": a[p * lda + i] and b[p * ldb + j]. Each output is one chain of fused multiply-adds over p
// from +0, whatever rows and columns share the registers, so the shape of the block is free: it is the processor's.

#if BRAKE_MASKED
#define PANEL_ROWS 14
#define PANEL_VECTORS 2
#define PANEL_STRIDE 16
#else
#define PANEL_ROWS 6
#define PANEL_VECTORS 1
#define PANEL_STRIDE 8
#endif
#define PANEL_COLUMNS (16 * PANEL_VECTORS)

/// What becomes of the chains of a block.
typedef struct finish {
  bool add;           ///< c + chain instead of chain
  const float *bias;  ///< added last, or null
} finish;

/// C (rows x columns, columns <= 16 * vectors) from a panel of each operand. `b` has 16 * vectors readable columns; `a`
/// may be row-major instead: a[i * lda + p].
INLINE void block_product(
    const int rows, const int vectors, const bool row_major, long columns, long k, const float *a, long lda,
    const float *b, long ldb, float *c, long ldc, finish f) {
  lanes chain[PANEL_ROWS][PANEL_VECTORS];
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int j = 0; j < vectors; j++) {
      chain[i][j] = 0;
      __builtin_prefetch(c + i * ldc + 16 * j, 1);
    }
  // Row-major, three rows share an address, or there were more addresses than registers.
  const float *row[(PANEL_ROWS + 2) / 3];
  UNROLLED for (int i = 0; i < rows; i += 3) row[i / 3] = row_major ? a + i * lda : a;
  for (long p = 0; p < k; p++, a += lda, b += ldb) {
    lanes right[PANEL_VECTORS];
    UNROLLED for (int j = 0; j < vectors; j++) right[j] = load(b + 16 * j);
    UNROLLED for (int i = 0; i < rows; i++) {
      lanes left = splat(row_major ? row[i / 3][i % 3 * lda + p] : a[i]);
      UNROLLED for (int j = 0; j < vectors; j++)
        chain[i][j] = fma16(left, right[j], chain[i][j]);
    }
  }
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int j = 0; j < vectors; j++) {
      lanes v = chain[i][j];
      if (f.add) v = get(c + i * ldc, 16 * j, columns) + v;
      if (f.bias) v = v + get(f.bias, 16 * j, columns);
      put(c + i * ldc, 16 * j, columns, v);
    }
}

/// CASE(rows, vectors) for every height of a block.
#if BRAKE_MASKED
#define EACH_HEIGHT(CASE, v) \
  CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v) CASE(7, v) CASE(8, v) CASE(9, v) CASE(10, v) \
  CASE(11, v) CASE(12, v) CASE(13, v) CASE(14, v)
#else
#define EACH_HEIGHT(CASE, v) CASE(1, v) CASE(2, v) CASE(3, v) CASE(4, v) CASE(5, v) CASE(6, v)
#endif

#define PRODUCT_CASE(n, vectors) \
  case n: \
    block_product(n, vectors, false, columns, k, a, lda, b, ldb, c, ldc, f); \
    break;
#define ROW_MAJOR_CASE(n, vectors) \
  case n: \
    block_product(n, vectors, true, columns, k, a, lda, b, ldb, c, ldc, f); \
    break;

/// A block of at most PANEL_ROWS x PANEL_COLUMNS.
static void panel_product(
    long rows, long columns, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc, finish f) {
  if (columns > 16 * (PANEL_VECTORS - 1)) {
    switch (rows) { EACH_HEIGHT(PRODUCT_CASE, PANEL_VECTORS) }
  } else {
    switch (rows) { EACH_HEIGHT(PRODUCT_CASE, 1) }
  }
}

/// The same of a row-major left operand.
static void row_major_product(
    long rows, long columns, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc, finish f) {
  if (columns > 16 * (PANEL_VECTORS - 1)) {
    switch (rows) { EACH_HEIGHT(ROW_MAJOR_CASE, PANEL_VECTORS) }
  } else {
    switch (rows) { EACH_HEIGHT(ROW_MAJOR_CASE, 1) }
  }
}

/// Rows are cut into panels of nearly equal height: panel i starts at this row.
INLINE long panel_start(long i, long panels, long rows) { return i * rows / panels; }
INLINE long panel_count(long rows) { return (rows + PANEL_ROWS - 1) / PANEL_ROWS; }

/// C from operands that lie in memory p-major; `b` has a multiple of 16 readable columns.
static void plain_product(
    long m, long n, long k, const float *a, long lda, const float *b, long ldb, float *c, long ldc, finish f) {
  long panels = panel_count(m);
  for (long j = 0; j < n; j += PANEL_COLUMNS)
    for (long i = 0; i < panels; i++) {
      long row = panel_start(i, panels, m);
      panel_product(
          panel_start(i + 1, panels, m) - row, smaller(n - j, PANEL_COLUMNS), k, a + row, lda, b + j, ldb,
          c + row * ldc + j, ldc, f);
    }
}
