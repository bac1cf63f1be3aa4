#include "KernelCases.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "sha256.h"

// Inputs: Philox 4x32-10 (Salmon et al. 2011) with key (0, 0), counter (index, stream, 0, 0), a fresh stream for each array.
// Every array of a case lives in `arena` and is forgotten when the case ends.

typedef struct cases {
  kernel_case_visitor visit;
  void *context;
  uint32_t stream;
  float *arena;
  size_t used;
  sha256 digest;
} cases;

enum { ARENA = 1 << 19 };

static void philox(uint32_t index, uint32_t stream, uint32_t words[4]) {
  uint32_t c[4] = {index, stream, 0, 0}, k[2] = {0, 0};
  for (int round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)c[0] * 0xd2511f53, q = (uint64_t)c[2] * 0xcd9e8d57;
    uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k[1], (uint32_t)p};
    memcpy(c, next, sizeof c);
    k[0] += 0x9e3779b9;
    k[1] += 0xbb67ae85;
  }
  memcpy(words, c, sizeof c);
}

static float *zeros(cases *s, long count) {
  float *values = s->arena + s->used;
  s->used += (size_t)count;
  if (s->used > ARENA) abort();
  memset(values, 0, (size_t)count * sizeof(float));
  return values;
}

/// Multiples of 2^-23 * scale from -scale to scale; scale is a power of two.
static float *values(cases *s, long count, float scale) {
  float *values = zeros(s, count);
  uint32_t words[4];
  s->stream++;
  for (long i = 0; i < count; i++) {
    if (i % 4 == 0) philox((uint32_t)(i / 4), s->stream, words);
    values[i] = (float)((int32_t)(words[i % 4] >> 8) - (1 << 23)) * (scale * 0x1p-23f);
  }
  return values;
}

static int32_t *tokens(cases *s, long count, int32_t below) {
  float *x = values(s, count, 1);
  int32_t *t = (int32_t *)(void *)x;
  for (long i = 0; i < count; i++) t[i] = (int32_t)((x[i] + 1) * 0.5f * (float)below) % below;
  return t;
}

static void begin(cases *s) {
  s->used = 0;
  sha256_start(&s->digest);
}
static void output(cases *s, const float *x, long count) { sha256_add(&s->digest, x, (size_t)count * sizeof(float)); }
static void output_number(cases *s, double x) { sha256_add(&s->digest, &x, sizeof x); }
static void end(cases *s, const char *name) {
  char hex[65];
  sha256_finish(&s->digest, hex);
  s->visit(s->context, name, hex);
}

static void products(cases *s) {
  const long shapes[][3] = {{1, 1, 1}, {17, 33, 5}, {29, 50, 70}, {60, 37, 300}, {16, 16, 520}};
  for (int shape = 0; shape < 5; shape++)
    for (int form = 0; form < 8; form++) {
      begin(s);
      long m = shapes[shape][0], n = shapes[shape][1], k = shapes[shape][2];
      bool at = form & 1, bt = form & 2, accumulate = form & 4;
      float *c = values(s, m * (n + 3), 1);
      brake_product p = {
          .m = m, .n = n, .k = k,
          .a = values(s, m * k + 64, 1), .lda = at ? m : k, .a_transposed = at,
          .b = values(s, n * k + 64, 1), .ldb = bt ? k : n, .b_transposed = bt,
          .c = c, .ldc = n + 3, .accumulate = accumulate,
          .bias = accumulate ? values(s, n, 1) : 0, .batch = 1,
      };
      brake_matmul_tiles(&p, 0, brake_matmul_tile_count(&p));
      output(s, c, m * (n + 3));
      char name[64];
      snprintf(name, sizeof name, "product %ldx%ldx%ld %s%s%s", m, n, k, at ? "T" : "N", bt ? "T" : "N", accumulate ? "+" : "");
      end(s, name);
    }
  begin(s);
  float *c = zeros(s, 3 * 20 * 9);
  brake_product p = {
      .m = 20, .n = 9, .k = 8, .a = values(s, 3 * 160, 1), .lda = 8, .b = values(s, 72, 1), .ldb = 9, .c = c, .ldc = 9,
      .batch = 3, .stride_a = 160, .stride_c = 180};
  for (long tile = brake_matmul_tile_count(&p); tile > 0; tile--) brake_matmul_tiles(&p, tile - 1, tile);
  output(s, c, 540);
  end(s, "product batch");
}

static void elementary(cases *s) {
  const struct {
    const char *name;
    void (*function)(float *, const float *, long);
  } functions[] = {
      {"exp", brake_exp},         {"log", brake_log},
      {"tanh", brake_tanh},       {"erf", brake_erf},
      {"sigmoid", brake_sigmoid}, {"gelu_tanh", brake_gelu_tanh},
      {"gelu_erf", brake_gelu_erf},
  };
  for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
    begin(s);
    for (float scale = 0x1p-20f; scale <= 128; scale *= 4) {
      float *x = values(s, 203, scale), *y = zeros(s, 203);
      if (functions[f].function == brake_log)
        for (int i = 0; i < 203; i++) x[i] = x[i] < 0 ? -x[i] : x[i];
      functions[f].function(y, x, 203);
      output(s, y, 203);
    }
    end(s, functions[f].name);
  }
}

static void flat(cases *s) {
  begin(s);
  const long n = 1003;
  float *a = values(s, n, 1), *b = values(s, n, 4), *y = zeros(s, n);
  brake_add(y, a, b, n);
  output(s, y, n);
  brake_multiply(y, a, b, n);
  output(s, y, n);
  brake_scale(y, 1.7f, a, n);
  output(s, y, n);
  brake_combine(y, 0.3f, a, -1.1f, b, n);
  output(s, y, n);
  end(s, "flat");
  begin(s);
  a = values(s, n, 1), b = values(s, n, 4);
  output_number(s, brake_sum(a, n));
  output_number(s, brake_sum_squares(a, n));
  output_number(s, brake_dot(a, b, n));
  end(s, "sums");
  begin(s);
  float *x = values(s, 300 * 40, 1), *sums = values(s, 37, 1);
  brake_column_sums(sums, x, 40, 300, 0, 20, true);
  brake_column_sums(sums, x, 40, 300, 20, 37, false);
  output(s, sums, 37);
  end(s, "column_sums");
}

static void softmax(cases *s) {
  begin(s);
  const long rows = 3, columns = 2100;
  float *x = values(s, rows * columns, 8), *dy = values(s, rows * columns, 1), *y = zeros(s, rows * columns);
  brake_softmax(y, x, rows, columns);
  output(s, y, rows * columns);
  brake_softmax_backward(dy, dy, y, rows, columns);
  output(s, dy, rows * columns);
  end(s, "softmax");
  begin(s);
  float *losses = zeros(s, rows), *logits = values(s, rows * columns, 16);
  int32_t targets[3] = {2099, -1, 17};
  brake_cross_entropy(losses, logits, targets, rows, columns);
  output(s, losses, rows);
  brake_cross_entropy_gradient(losses, logits, targets, 0.01f, rows, columns);
  output(s, losses, rows);
  output(s, logits, rows * columns);
  end(s, "cross_entropy");
}

static void norms(cases *s) {
  for (int weighted = 0; weighted < 2; weighted++) {
    const long rows = 270, columns = 37, n = rows * columns;
    begin(s);
    float *x = values(s, n, 2), *dy = values(s, n, 1), *y = zeros(s, n), *dx = values(s, n, 1);
    float *rstd = zeros(s, rows), *mean = zeros(s, rows), *dw = zeros(s, columns), *db = zeros(s, columns);
    float *w = weighted ? values(s, columns, 1) : 0, *b = weighted ? values(s, columns, 1) : 0;
    brake_rmsnorm(y, rstd, x, w, false, rows, columns, 1e-5f);
    output(s, y, n);
    output(s, rstd, rows);
    brake_rmsnorm_backward(dx, dy, x, w, false, rstd, rows, columns, weighted);
    brake_rmsnorm_backward_weight(dw, dy, x, rstd, rows, columns, 0, 32);
    brake_rmsnorm_backward_weight(dw, dy, x, rstd, rows, columns, 32, columns);
    output(s, dx, n);
    output(s, dw, columns);
    end(s, weighted ? "rmsnorm weighted" : "rmsnorm");
    sha256_start(&s->digest);
    brake_layernorm(y, mean, rstd, x, w, b, rows, columns, 1e-5f);
    output(s, y, n);
    output(s, mean, rows);
    output(s, rstd, rows);
    brake_layernorm_backward(dx, dy, x, w, mean, rstd, rows, columns, weighted);
    brake_layernorm_backward_weight(dw, db, dy, x, mean, rstd, rows, columns, 0, columns);
    output(s, dx, n);
    output(s, dw, columns);
    output(s, db, columns);
    end(s, weighted ? "layernorm weighted" : "layernorm");
  }
}

static void activations(cases *s) {
  begin(s);
  const long rows = 5, columns = 43, ld = 100;
  float *x = values(s, rows * ld, 8), *dy = values(s, rows * columns, 1), *y = zeros(s, rows * columns);
  brake_swiglu(y, columns, x, x + columns, ld, rows, columns);
  output(s, y, rows * columns);
  brake_swiglu_backward(x, x + columns, ld, dy, columns, x, x + columns, ld, rows, columns);
  output(s, x, rows * ld);
  end(s, "swiglu");
  begin(s);
  const long n = 1003;
  float *wide = values(s, n, 8), *narrow = values(s, n, 1), *d = values(s, n, 1), *dx = zeros(s, n);
  brake_gelu_tanh_backward(dx, d, wide, n);
  output(s, dx, n);
  brake_gelu_tanh_backward(dx, d, narrow, n);
  output(s, dx, n);
  end(s, "gelu_tanh_backward");
  sha256_start(&s->digest);
  brake_gelu_erf_backward(dx, d, wide, n);
  output(s, dx, n);
  brake_gelu_erf_backward(dx, d, narrow, n);
  output(s, dx, n);
  end(s, "gelu_erf_backward");
}

static void positions(cases *s) {
  begin(s);
  const long length = 50, rotary = 12, half = rotary / 2, head_dim = 20, heads = 2, ld = 45;
  float *cosine = zeros(s, length * half), *sine = zeros(s, length * half);
  brake_rope_table(cosine, sine, length, rotary, 10000, 0);
  output(s, cosine, length * half);
  output(s, sine, length * half);
  end(s, "rope_table");
  sha256_start(&s->digest);
  float *x = values(s, 2 * length * ld, 1);
  brake_rotation rotation = {x, ld, cosine, sine, length, heads, head_dim, rotary, false};
  brake_rope(&rotation, 3, 2 * length);
  output(s, x, 2 * length * ld);
  rotation.inverse = true;
  brake_rope(&rotation, 0, 90);
  output(s, x, 2 * length * ld);
  end(s, "rope");
}

static void embeddings(cases *s) {
  begin(s);
  const long batch = 3, length = 7, rows = batch * length, columns = 21, vocabulary = 11;
  float *table = values(s, vocabulary * columns, 1), *place = values(s, length * columns, 1);
  float *y = zeros(s, rows * columns);
  int32_t *ids = tokens(s, rows, (int32_t)vocabulary);
  brake_embedding(y, table, 0, ids, 0, rows, length, columns);
  output(s, y, rows * columns);
  brake_embedding(y, table, place, ids, 2, rows, length, columns);
  output(s, y, rows * columns);
  float *dy = values(s, rows * columns, 1);
  brake_embedding_backward(table, dy, ids, rows, columns, 0, 5);
  brake_embedding_backward(table, dy, ids, rows, columns, 5, (int32_t)vocabulary);
  brake_position_backward(place, dy, batch, length, columns, 0, length);
  output(s, table, vocabulary * columns);
  output(s, place, length * columns);
  end(s, "embedding");
}

static void attention(cases *s) {
  const long shapes[][5] = {{2, 5, 2, 2, 8}, {1, 64, 4, 2, 16}, {1, 150, 3, 1, 20}, {2, 130, 2, 2, 33}};
  for (int shape = 0; shape < 4; shape++) {
    begin(s);
    long batch = shapes[shape][0], length = shapes[shape][1], heads = shapes[shape][2], kv_heads = shapes[shape][3];
    long dim = shapes[shape][4], rows = batch * length, ldq = heads * dim, ldk = 2 * kv_heads * dim;
    float *keys = values(s, rows * ldk, 1), *out = zeros(s, rows * ldq), *log_sum = zeros(s, rows * heads);
    brake_attention x = {
        batch, length, heads, kv_heads, dim, 0.5f, values(s, rows * ldq, 4), ldq, keys, ldk, keys + kv_heads * dim,
        ldk, out, ldq, log_sum, 0};
    for (long task = brake_attention_task_count(&x); task > 0; task--) brake_attention_forward(&x, task - 1, task);
    output(s, out, rows * ldq);
    output(s, log_sum, rows * heads);
    float *dq = zeros(s, rows * ldq), *dk = zeros(s, rows * ldk);
    brake_attention_gradient y = {values(s, rows * ldq, 1), ldq, dq, ldq, dk, ldk, dk + kv_heads * dim, ldk};
    brake_attention_backward(&x, &y, 0, brake_attention_task_count(&x));
    output(s, dq, rows * ldq);
    output(s, dk, rows * ldk);
    char name[64];
    snprintf(name, sizeof name, "attention %ldx%ldx%ldx%ldx%ld", batch, length, heads, kv_heads, dim);
    end(s, name);
  }
}

static void optimisers(cases *s) {
  const long n = 203;
  begin(s);
  float *w = values(s, n, 1), *g = values(s, n, 1), *m = zeros(s, n), *v = zeros(s, n), *slow = zeros(s, n);
  for (long step = 1; step <= 3; step++) {
    brake_adamw_step adamw = {1e-3, 0.9, 0.999, 1e-8, 0.1, 0.7, step};
    brake_adamw(w, m, v, g, n, &adamw);
    output(s, w, n);
  }
  output(s, m, n);
  output(s, v, n);
  end(s, "adamw");
  sha256_start(&s->digest);
  g = values(s, n, 1);
  for (long step = 1; step <= 3; step++) {
    brake_adamw_step adamw = {1e-3, 0.9, 0.95, 1e-8, 0.1, 0.7, step};
    long aligned = brake_cautious_moments(m, v, g, n, &adamw);
    output_number(s, (double)aligned);
    brake_cautious_apply(w, m, v, g, n, &adamw, (double)n / (double)aligned);
    output(s, w, n);
  }
  output(s, m, n);
  output(s, v, n);
  end(s, "cautious");
  sha256_start(&s->digest);
  for (long step = 1; step <= 3; step++) {
    brake_ademamix_step ademamix = {1e-3, 0.9, 0.999, 0.9999, 5, 1e-8, 0.1, 0.7, step};
    brake_ademamix(w, m, slow, v, g, n, &ademamix);
    output(s, w, n);
  }
  output(s, slow, n);
  end(s, "ademamix");
  sha256_start(&s->digest);
  for (int nesterov = 0; nesterov < 2; nesterov++) {
    brake_sgd_step sgd = {0.1, 0.9, 0.01, 0.7, nesterov};
    brake_sgd(w, m, g, n, &sgd);
    output(s, w, n);
    brake_muon_momentum(v, slow, g, n, 0.95, 0.7, nesterov);
    output(s, v, n);
    brake_muon_apply(w, v, n, 0.02, 0.1, 1.3);
    output(s, w, n);
  }
  end(s, "sgd and muon");
}

static void attention_last(cases *s) {
  begin(s);
  const long length = 21, heads = 4, kv_heads = 2, dim = 20, ldq = heads * dim, ldk = 2 * kv_heads * dim;
  float *keys = values(s, length * ldk, 1), *out = zeros(s, length * ldq), *log_sum = zeros(s, length * heads);
  brake_attention x = {
      1, length, heads, kv_heads, dim, 0.5f, values(s, length * ldq, 4), ldq, keys, ldk, keys + kv_heads * dim,
      ldk, out, ldq, log_sum, 0};
  brake_attention_forward(&x, 0, kv_heads);
  float *dq = values(s, length * ldq, 1), *dk = values(s, length * ldk, 1);
  brake_attention_gradient y = {values(s, ldq, 1), ldq, dq, ldq, dk, ldk, dk + kv_heads * dim, ldk};
  brake_attention_backward_last(&x, &y, 1, kv_heads);
  brake_attention_backward_last(&x, &y, 0, 1);
  output(s, dq, length * ldq);
  output(s, dk, length * ldk);
  end(s, "attention last");
}

static void token_gradients(cases *s) {
  enum { TOKENS = 4, TASKS = 3 };
  // Rows of four tokens with the positions up to 0, 2, 3 and 9, and their last rows alone.
  const long first[TOKENS] = {0, 1, 4, 8}, kept[TOKENS] = {0}, count[TOKENS] = {1, 3, 4, 10};
  const long last[TOKENS] = {0, 3, 7, 17}, kept_last[TOKENS] = {0, 2, 3, 9}, one[TOKENS] = {1, 1, 1, 1};
  const long rows = 18, positions = 10;
  double sums[TASKS * TOKENS * BRAKE_TOKEN_SUMS];
  const long shapes[][2] = {{1, 1}, {28, 16}, {61, 37}, {65, 100}};
  for (int shape = 0; shape < 4; shape++)
    for (int form = 0; form < 4; form++) {
      begin(s);
      bool swapped = form & 1;
      long m = shapes[shape][0], n = shapes[shape][1], ld = n + 3;
      float *absolute = values(s, m * ld, 1), *squares = zeros(s, m * ld), *delta = form & 2 ? values(s, m * ld, 1) : 0;
      float *dy = values(s, rows * (swapped ? n : m), 1), *x = values(s, positions * (swapped ? m : n), 1);
      brake_token_products p = {
          .rows = m, .columns = n, .left = swapped ? x : dy, .ld_left = m, .left_rows = swapped ? positions : rows,
          .right = swapped ? dy : x, .ld_right = n, .right_rows = swapped ? rows : positions, .tokens = TOKENS,
          .left_first = swapped ? kept : first, .right_first = swapped ? first : kept, .count = count,
          .absolute = absolute, .squares = squares, .delta = delta, .weight = form == 3 ? delta : 0, .ld = ld, .sums = sums};
      long tasks = (m + BRAKE_TOKEN_PRODUCT_ROWS - 1) / BRAKE_TOKEN_PRODUCT_ROWS;
      for (int alone = 0; alone < 2; alone++) {
        for (long task = tasks; task > 0; task--) brake_tally_products(&p, task - 1, task);
        output(s, absolute, m * ld);
        output(s, squares, m * ld);
        for (long i = 0; i < tasks * TOKENS * BRAKE_TOKEN_SUMS; i++) output_number(s, sums[i]);
        p.left_first = swapped ? kept_last : last;
        p.right_first = swapped ? last : kept_last;
        p.count = one;
      }
      char name[64];
      snprintf(name, sizeof name, "token products %ldx%ld %s%s", m, n, swapped ? "T" : "N", delta ? " delta" : "");
      end(s, name);
    }
  const long columns = 77, tasks = 2;
  for (int form = 0; form < 3; form++) {
    begin(s);
    float *absolute = values(s, columns, 1), *squares = zeros(s, columns), *delta = form ? values(s, columns, 1) : 0;
    brake_token_columns c = {
        .columns = columns, .dy = values(s, rows * columns, 1), .ld_dy = columns,
        .x = form ? values(s, positions * columns, 1) : 0, .ld_x = columns, .mean = form == 2 ? values(s, positions, 1) : 0,
        .rstd = values(s, positions, 1), .tokens = TOKENS, .dy_first = first, .x_first = kept, .count = count,
        .absolute = absolute, .squares = squares, .delta = delta, .weight = form == 2 ? delta : 0, .sums = sums};
    brake_tally_columns(&c, 1, 2);
    brake_tally_columns(&c, 0, 1);
    output(s, absolute, columns);
    output(s, squares, columns);
    for (long i = 0; i < tasks * TOKENS * BRAKE_TOKEN_SUMS; i++) output_number(s, sums[i]);
    end(s, form == 0 ? "token columns" : form == 1 ? "token columns rms" : "token columns layer");
  }
  const int32_t slot[] = {0, 1, 0, 2, 1, 3, 4, 0, 3, 5}, table_row[] = {7, 2, 5, 0, 3, 6};
  for (int form = 0; form < 3; form++) {
    begin(s);
    float *absolute = values(s, 8 * columns, 8), *squares = zeros(s, 8 * columns), *delta = form ? values(s, 8 * columns, 1) : 0;
    brake_token_rows r = {
        .columns = columns, .dy = values(s, rows * columns, 1), .ld_dy = columns, .slot = slot, .table_row = table_row,
        .outer = form == 2 ? values(s, TOKENS * 6, 1) : 0, .ld_outer = 6, .hidden = values(s, TOKENS * columns, 1),
        .ld_hidden = columns, .tokens = TOKENS, .dy_first = first, .count = count, .absolute = absolute, .squares = squares, .delta = delta,
        .ld = columns, .sums = sums};
    brake_tally_rows(&r, 1, 2);
    brake_tally_rows(&r, 0, 1);
    output(s, absolute, 8 * columns);
    output(s, squares, 8 * columns);
    for (long i = 0; i < tasks * TOKENS * BRAKE_TOKEN_SUMS; i++) output_number(s, sums[i]);
    end(s, form == 0 ? "token rows" : form == 1 ? "token rows delta" : "token rows tied");
  }
  begin(s);
  float *x = values(s, 203, 1);
  x[7] = -0.0f;
  brake_magnitude(x, x, 203);
  output(s, x, 203);
  end(s, "magnitude");
}

/// So wide that the left operand is packed, too.
static void wide_products(cases *s) {
  for (int at = 0; at < 2; at++) {
    begin(s);
    float *c = zeros(s, 8 * 17 * 200);
    brake_product p = {
        .m = 17, .n = 200, .k = 5, .a = values(s, 8 * 85 + 64, 1), .lda = at ? 17 : 5, .a_transposed = at,
        .b = values(s, 1000 + 64, 1), .ldb = 200, .c = c, .ldc = 200, .batch = 8, .stride_a = 85, .stride_c = 3400};
    brake_matmul_tiles(&p, 0, brake_matmul_tile_count(&p));
    output(s, c, 8 * 3400);
    end(s, at ? "product wide batch TN" : "product wide batch NN");
  }
}

static void attention_tangents(cases *s) {
  const long shapes[][5] = {{2, 5, 2, 2, 8}, {1, 64, 4, 2, 16}, {1, 150, 3, 1, 20}, {2, 130, 2, 2, 33}};
  for (int shape = 0; shape < 4; shape++) {
    begin(s);
    long batch = shapes[shape][0], length = shapes[shape][1], heads = shapes[shape][2], kv_heads = shapes[shape][3];
    long dim = shapes[shape][4], rows = batch * length, ldq = heads * dim, ldk = 2 * kv_heads * dim;
    float *keys = values(s, rows * ldk, 1), *log_sum = zeros(s, rows * heads);
    brake_attention x = {
        batch, length, heads, kv_heads, dim, 0.5f, values(s, rows * ldq, 4), ldq, keys, ldk, keys + kv_heads * dim,
        ldk, zeros(s, rows * ldq), ldq, log_sum, 0};
    brake_attention_forward(&x, 0, brake_attention_task_count(&x));
    float *key_changes = values(s, rows * ldk, 1), *out = zeros(s, rows * (ldq + 3));
    brake_attention_change y = {
        values(s, rows * ldq, 1), ldq, key_changes, ldk, key_changes + kv_heads * dim, ldk, out, ldq + 3};
    for (long task = batch * kv_heads; task > 0; task--) brake_attention_tangent(&x, &y, task - 1, task);
    output(s, out, rows * (ldq + 3));
    char name[64];
    snprintf(name, sizeof name, "attention tangent %ldx%ldx%ldx%ldx%ld", batch, length, heads, kv_heads, dim);
    end(s, name);
  }
}

static void coordinates(cases *s) {
  enum { COUNT = 2 * BRAKE_REDUCTION_CHUNK - 5 };
  double sums[2 * BRAKE_COORDINATE_SUMS];
  int32_t histogram[2 * BRAKE_COORDINATE_BINS];
  s->used = 0;
  float *g = values(s, COUNT, 1), *a = zeros(s, COUNT), *b = zeros(s, COUNT);
  // Magnitudes from 0 to 2, and now and then some that are all zero.
  for (long j = 0; j < COUNT; j++) {
    if (j % 100 < 60) g[j] = 0;
    a[j] = j % 100 < 60 ? 0 : 2 * (g[(j * 7 + 3) % COUNT] * g[(j * 7 + 3) % COUNT]);
    b[j] = a[j] * a[j] * (float)(1 + j % 11) / 11;
  }
  for (int form = 0; form < 4; form++) {
    sha256_start(&s->digest);
    bool is_sampled = form & 1;
    brake_coordinates x = {
        .count = COUNT - 1, .gradient = g + 1, .exact = form == 3 ? 0 : a, .halves = {is_sampled ? a : 0, is_sampled ? a + 1 : 0},
        .scale = 1.7f, .half_scales = {3.1f, 3.7f}, .squares = b, .sampled_squares = form == 1 ? b + 1 : 0,
        .terms = 1000, .delta = form & 2 ? g : 0, .sums = sums, .histogram = histogram};
    brake_sum_coordinates(&x, 1, 2);
    brake_sum_coordinates(&x, 0, 1);
    for (int i = 0; i < 2 * BRAKE_COORDINATE_SUMS; i++) output_number(s, sums[i]);
    for (int i = 0; i < 2 * BRAKE_COORDINATE_BINS; i++) output_number(s, histogram[i]);
    char name[64];
    snprintf(name, sizeof name, "coordinates%s%s", is_sampled ? " sampled" : "", x.delta ? " delta" : "");
    end(s, name);
  }
  sha256_start(&s->digest);
  enum { FEW = 1003 };
  float *w = zeros(s, FEW);
  output_number(s, brake_influence(w, g + 1, a, a + 1, 1.7f, FEW));
  output(s, w, FEW);
  end(s, "influence");
}

static void windows(cases *s) {
  const long windows[] = {1, 7, 64, 70};
  for (int form = 0; form < 4; form++) {
    begin(s);
    const long length = 150, heads = 2, dim = 20, ldq = heads * dim, ldk = 2 * dim, window = windows[form];
    float *keys = values(s, length * ldk, 1), *out = zeros(s, length * ldq), *log_sum = zeros(s, length * heads);
    brake_attention x = {
        1, length, heads, 1, dim, 0.5f, values(s, length * ldq, 4), ldq, keys, ldk, keys + dim, ldk, out, ldq,
        log_sum, window};
    brake_attention_forward(&x, 0, 1);
    output(s, out, length * ldq);
    output(s, log_sum, length * heads);
    float *dq = zeros(s, length * ldq), *dk = zeros(s, length * ldk), *douts = values(s, length * ldq, 1);
    brake_attention_gradient y = {douts, ldq, dq, ldq, dk, ldk, dk + dim, ldk};
    brake_attention_backward(&x, &y, 0, 1);
    output(s, dq, length * ldq);
    output(s, dk, length * ldk);
    brake_attention_backward_last(&x, &y, 0, 1);
    output(s, dq, length * ldq);
    output(s, dk, length * ldk);
    float *key_changes = values(s, length * ldk, 1), *change = zeros(s, length * ldq);
    brake_attention_change c = {douts, ldq, key_changes, ldk, key_changes + dim, ldk, change, ldq};
    brake_attention_tangent(&x, &c, 0, 1);
    output(s, change, length * ldq);
    char name[64];
    snprintf(name, sizeof name, "attention window %ld of %ld", window, length);
    end(s, name);
  }
}

static void gemma(cases *s) {
  begin(s);
  const long rows = 9, columns = 37, n = rows * columns, ld = 80;
  float *x = values(s, n, 2), *dy = values(s, n, 1), *w = values(s, columns, 1), *y = zeros(s, n), *dx = values(s, n, 1);
  float *rstd = zeros(s, rows), *wide = values(s, rows * ld, 8);
  brake_rmsnorm(y, rstd, x, w, true, rows, columns, 1e-6f);
  output(s, y, n);
  output(s, rstd, rows);
  brake_rmsnorm_backward(dx, dy, x, w, true, rstd, rows, columns, true);
  output(s, dx, n);
  end(s, "rmsnorm from one");
  sha256_start(&s->digest);
  brake_geglu_tanh(y, columns, wide, wide + columns, ld, rows, columns);
  output(s, y, n);
  brake_geglu_tanh_backward(wide, wide + columns, ld, dy, columns, wide, wide + columns, ld, rows, columns);
  output(s, wide, rows * ld);
  end(s, "geglu_tanh");
}

void kernel_cases_run(kernel_case_visitor visit, void *context) {
  cases s = {.visit = visit, .context = context, .arena = malloc(ARENA * sizeof(float))};
  if (!s.arena) abort();
  products(&s);
  elementary(&s);
  flat(&s);
  softmax(&s);
  norms(&s);
  activations(&s);
  positions(&s);
  embeddings(&s);
  attention(&s);
  optimisers(&s);
  attention_last(&s);
  token_gradients(&s);
  wide_products(&s);
  attention_tangents(&s);
  coordinates(&s);
  windows(&s);
  gemma(&s);
  free(s.arena);
}
