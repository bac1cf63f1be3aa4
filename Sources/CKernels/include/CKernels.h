#ifndef BRAKE_CKERNELS_H
#define BRAKE_CKERNELS_H

/// The numeric kernels of brake: float32, little endian, and the same bits for every instruction set, tiling and number
/// of threads. CONTRACT.md beside this folder states the order of every operation.
///
/// Conventions
/// - Arrays are row-major. `ld...` is the distance in floats between the starts of two rows.
/// - Nothing here starts a thread. A caller cuts the work (tiles, rows, columns, elements) into pieces and may run them
///   at the same time: pieces never write to the same place, and how the work is cut never changes a bit, except for
///   sums over a flat array, which are cut at `BRAKE_REDUCTION_CHUNK`.
/// - A function that takes `rows` works on the rows from its pointers on; `first`, `last` mean first <= i < last.
/// - Outputs may coincide with inputs only where it is said. Sizes and token ids are the caller's to check.

#include <stdbool.h>
#include <stdint.h>

/// A kernel that is built for each instruction set is declared once, here: BRAKE_KERNEL(result, name, parameters, arguments).
/// Callers see a function; what builds and chooses variants (variant.h, dispatch.c) makes more of it.
#ifndef BRAKE_KERNEL
#define BRAKE_KERNEL(result, name, parameters, arguments) result name parameters;
#endif

// MARK: - Instruction sets

/// The builds of the kernels. They give the same bits; the tests compare them.
enum brake_variant {
  BRAKE_PLAIN = 0,       ///< The compiler's default target: SSE2 with fmaf on x86-64, NEON on aarch64.
  BRAKE_X86_64_V3 = 1,   ///< AVX2 and FMA.
  BRAKE_X86_64_V4 = 2,   ///< AVX-512 F, BW, CD, DQ, VL.
};

/// Whether this processor can run a variant.
bool brake_variant_available(int variant);

/// The variant in use: at first the best available.
int brake_variant_current(void);

/// Makes every later call use `variant`; for tests and benchmarks. False, and no change, if it is not available.
bool brake_variant_select(int variant);

// MARK: - Matrix products (matmul.h)

/// C = op(A) op(B), or C += op(A) op(B), optionally + bias, for `batch` matrices at fixed strides.
/// op(A) is m x k: `a[i * lda + p]`, or `a[p * lda + i]` when `a_transposed` (A is stored k x m).
/// op(B) is k x n: `b[p * ldb + j]`, or `b[j * ldb + p]` when `b_transposed` (B is stored n x k).
/// C is m x n: `c[i * ldc + j]`. Neither A, B nor bias may overlap C.
/// Each output is sum over blocks of 256 p, in order, of one chain of fused multiply-adds over the p of the block from +0;
/// `accumulate` starts from the old C; `bias` (n values, or null) is added last.
/// k = 0 gives zeros, or the old C.
typedef struct brake_product {
  long m, n, k;
  const float *a;
  long lda;
  bool a_transposed;
  const float *b;
  long ldb;
  bool b_transposed;
  float *c;
  long ldc;
  bool accumulate;
  const float *bias;
  /// Number of matrices (1 for a single product) and the distance in floats from one to the next; 0 shares a matrix.
  long batch;
  long stride_a, stride_b, stride_c;
} brake_product;

/// The number of tiles into which a product is cut: a function of its shape only.
BRAKE_KERNEL(long, brake_matmul_tile_count, (const brake_product *product), (product))

/// Computes the tiles first <= tile < last. All tiles together give the product.
BRAKE_KERNEL(void, brake_matmul_tiles, (const brake_product *product, long first, long last), (product, first, last))

// MARK: - Elementary functions (elementary.h); y may be x

BRAKE_KERNEL(void, brake_exp, (float *y, const float *x, long count), (y, x, count))
/// Natural logarithm: log(0) = -infinity, NaN below zero.
BRAKE_KERNEL(void, brake_log, (float *y, const float *x, long count), (y, x, count))
BRAKE_KERNEL(void, brake_tanh, (float *y, const float *x, long count), (y, x, count))
BRAKE_KERNEL(void, brake_erf, (float *y, const float *x, long count), (y, x, count))
/// 1 / (1 + exp(-x)).
BRAKE_KERNEL(void, brake_sigmoid, (float *y, const float *x, long count), (y, x, count))

// MARK: - Flat arrays (flat.h); y may coincide with any input

/// y = a + b.
BRAKE_KERNEL(void, brake_add, (float *y, const float *a, const float *b, long count), (y, a, b, count))
/// y = alpha * a + beta * b, as fma(alpha, a, beta * b).
BRAKE_KERNEL(
    void, brake_combine,
    (float *y, float alpha, const float *a, float beta, const float *b, long count),
    (y, alpha, a, beta, b, count))
/// y = alpha * x.
BRAKE_KERNEL(void, brake_scale, (float *y, float alpha, const float *x, long count), (y, alpha, x, count))
/// y = a * b.
BRAKE_KERNEL(void, brake_multiply, (float *y, const float *a, const float *b, long count), (y, a, b, count))

/// y = |x|.
BRAKE_KERNEL(void, brake_magnitude, (float *y, const float *x, long count), (y, x, count))

/// Sums over a flat array are cut into chunks of this many elements, whose sums the caller adds in order, so that the
/// chunks can be computed at the same time.
#define BRAKE_REDUCTION_CHUNK 65536

/// Sum of x, of x*x and of x*y in float64: element i goes to lane i mod 16, the lanes are added by the fixed tree.
BRAKE_KERNEL(double, brake_sum, (const float *x, long count), (x, count))
BRAKE_KERNEL(double, brake_sum_squares, (const float *x, long count), (x, count))
BRAKE_KERNEL(double, brake_dot, (const float *x, const float *y, long count), (x, y, count))

/// out[j] (+= if accumulate, else =) sum over r of x[r * ldx + j] for first_column <= j < last_column: bias gradients.
/// Rows are added in order within blocks of 256 rows, blocks in order.
BRAKE_KERNEL(
    void, brake_column_sums,
    (float *out, const float *x, long ldx, long rows, long first_column, long last_column, bool accumulate),
    (out, x, ldx, rows, first_column, last_column, accumulate))

// MARK: - Softmax and cross-entropy (softmax.h)

/// y[r, :] = softmax(x[r, :]); x and y are rows x columns; y may be x.
BRAKE_KERNEL(void, brake_softmax, (float *y, const float *x, long rows, long columns), (y, x, rows, columns))
/// dx = y * (dy - sum(dy * y)) per row; dx may be dy.
BRAKE_KERNEL(
    void, brake_softmax_backward,
    (float *dx, const float *dy, const float *y, long rows, long columns),
    (dx, dy, y, rows, columns))

/// losses[r] = log(sum over v of exp(logits[r, v])) - logits[r, targets[r]]: the next-token loss in nats.
/// Logits are rows x vocabulary, contiguous. A negative target is ignored: its loss is 0.
BRAKE_KERNEL(
    void, brake_cross_entropy,
    (float *losses, const float *logits, const int32_t *targets, long rows, long vocabulary),
    (losses, logits, targets, rows, vocabulary))

/// The same losses, and logits are overwritten with scale * d loss / d logits = scale * (softmax - one-hot).
/// The row of an ignored target becomes zero.
BRAKE_KERNEL(
    void, brake_cross_entropy_gradient,
    (float *losses, float *logits, const int32_t *targets, float scale, long rows, long vocabulary),
    (losses, logits, targets, scale, rows, vocabulary))

// MARK: - Normalisation (norm.h); x, y, dx, dy are rows x columns, contiguous

/// y = x * rstd * weight with rstd[r] = 1 / sqrt(mean(x^2) + epsilon). Weight (columns values) may be null: all ones. If it
/// counts from one, 1 + weight stands in its place. (Zhang and Sennrich 2019, arXiv 1910.07467.)
BRAKE_KERNEL(
    void, brake_rmsnorm,
    (float *y, float *rstd, const float *x, const float *weight, bool from_one, long rows, long columns, float epsilon),
    (y, rstd, x, weight, from_one, rows, columns, epsilon))
/// dx (+= if accumulate, else =) the gradient with respect to x. dx must not overlap dy or x.
BRAKE_KERNEL(
    void, brake_rmsnorm_backward,
    (float *dx, const float *dy, const float *x, const float *weight, bool from_one, const float *rstd, long rows,
     long columns, bool accumulate),
    (dx, dy, x, weight, from_one, rstd, rows, columns, accumulate))
/// dweight[j] += sum over r of dy[r, j] * x[r, j] * rstd[r], for first_column <= j < last_column.
/// Rows form one fused chain within blocks of 256 rows, blocks are added in order.
BRAKE_KERNEL(
    void, brake_rmsnorm_backward_weight,
    (float *dweight, const float *dy, const float *x, const float *rstd, long rows, long columns, long first_column,
     long last_column),
    (dweight, dy, x, rstd, rows, columns, first_column, last_column))

/// y = (x - mean) * rstd * weight + bias with rstd[r] = 1 / sqrt(mean((x - mean)^2) + epsilon).
/// Weight and bias may be null. (Ba, Kiros and Hinton 2016, arXiv 1607.06450.)
BRAKE_KERNEL(
    void, brake_layernorm,
    (float *y, float *mean, float *rstd, const float *x, const float *weight, const float *bias, long rows,
     long columns, float epsilon),
    (y, mean, rstd, x, weight, bias, rows, columns, epsilon))
BRAKE_KERNEL(
    void, brake_layernorm_backward,
    (float *dx, const float *dy, const float *x, const float *weight, const float *mean, const float *rstd, long rows,
     long columns, bool accumulate),
    (dx, dy, x, weight, mean, rstd, rows, columns, accumulate))
/// dweight and dbias (dbias may be null) over columns first_column <= j < last_column, as brake_rmsnorm_backward_weight.
BRAKE_KERNEL(
    void, brake_layernorm_backward_weight,
    (float *dweight, float *dbias, const float *dy, const float *x, const float *mean, const float *rstd, long rows,
     long columns, long first_column, long last_column),
    (dweight, dbias, dy, x, mean, rstd, rows, columns, first_column, last_column))

// MARK: - Activations (activation.h)

/// y = gate * sigmoid(gate) * up: rows x columns, y at stride ldy, gate and up at stride ldx (so that both may lie side by
/// side in one matrix). (Shazeer 2020, arXiv 2002.05202.) y may be gate or up.
BRAKE_KERNEL(
    void, brake_swiglu,
    (float *y, long ldy, const float *gate, const float *up, long ldx, long rows, long columns),
    (y, ldy, gate, up, ldx, rows, columns))
/// dgate and dup at stride lddx; they may coincide with gate and up (at stride ldx), or either with dy.
BRAKE_KERNEL(
    void, brake_swiglu_backward,
    (float *dgate, float *dup, long lddx, const float *dy, long lddy, const float *gate, const float *up, long ldx,
     long rows, long columns),
    (dgate, dup, lddx, dy, lddy, gate, up, ldx, rows, columns))

/// The same with GELU in its tanh form in the place of gate * sigmoid(gate).
BRAKE_KERNEL(
    void, brake_geglu_tanh,
    (float *y, long ldy, const float *gate, const float *up, long ldx, long rows, long columns),
    (y, ldy, gate, up, ldx, rows, columns))
BRAKE_KERNEL(
    void, brake_geglu_tanh_backward,
    (float *dgate, float *dup, long lddx, const float *dy, long lddy, const float *gate, const float *up, long ldx,
     long rows, long columns),
    (dgate, dup, lddx, dy, lddy, gate, up, ldx, rows, columns))

/// GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415) in its tanh form ("gelu_new") and exactly ("gelu").
/// y may be x; dx may be dy or x.
BRAKE_KERNEL(void, brake_gelu_tanh, (float *y, const float *x, long count), (y, x, count))
BRAKE_KERNEL(
    void, brake_gelu_tanh_backward,
    (float *dx, const float *dy, const float *x, long count),
    (dx, dy, x, count))
BRAKE_KERNEL(void, brake_gelu_erf, (float *y, const float *x, long count), (y, x, count))
BRAKE_KERNEL(
    void, brake_gelu_erf_backward,
    (float *dx, const float *dy, const float *x, long count),
    (dx, dy, x, count))

// MARK: - Rotary positions (rope.h)

/// cosine and sine, each positions x rotary/2: of position * theta^(-2i/rotary), in float64, rounded to float32.
/// The angle must be below 2^20. (Su et al. 2021, arXiv 2104.09864.)
/// `factors` are those of the rotary / 2 frequencies, or null for 1.
void brake_rope_table(
    float *cosine, float *sine, long positions, long rotary, double theta, const double *factors);

/// Rotates in place the first `rotary` of the `head_dim` values of each of `heads` heads, for rows first <= r < last of
/// x (row r, head h at x[r * ldx + h * head_dim]), whose position is r mod length. Pairs are (i, i + rotary/2).
/// `inverse` rotates back, which is also the backward pass.
typedef struct brake_rotation {
  float *x;
  long ldx;
  const float *cosine, *sine;
  long length, heads, head_dim, rotary;
  bool inverse;
} brake_rotation;
BRAKE_KERNEL(void, brake_rope, (const brake_rotation *rotation, long first, long last), (rotation, first, last))

// MARK: - Embeddings (embedding.h)

/// y[r] = table[tokens[r]] (+ positions[r mod length] if positions is not null) for first <= r < last; y is at row 0.
BRAKE_KERNEL(
    void, brake_embedding,
    (float *y, const float *table, const float *positions, const int32_t *tokens, long first, long last, long length,
     long columns),
    (y, table, positions, tokens, first, last, length, columns))
/// dtable[t] += sum of dy[r] over the rows with tokens[r] = t, in order of r, for tokens first_token <= t < last_token.
/// Callers that run at the same time take disjoint ranges of tokens.
BRAKE_KERNEL(
    void, brake_embedding_backward,
    (float *dtable, const float *dy, const int32_t *tokens, long rows, long columns, int32_t first_token,
     int32_t last_token),
    (dtable, dy, tokens, rows, columns, first_token, last_token))
/// dpositions[p] += sum of dy[b * length + p] over b in order, for first_position <= p < last_position.
BRAKE_KERNEL(
    void, brake_position_backward,
    (float *dpositions, const float *dy, long batch, long length, long columns, long first_position,
     long last_position),
    (dpositions, dy, batch, length, columns, first_position, last_position))

// MARK: - Causal attention (attention.h)

/// out = softmax(scale * q k^T, causal) v, in tiles of 64 queries x 64 keys with a running softmax (Milakov and
/// Gimelshein 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135): memory is linear in `length`.
/// Row b * length + t of q, k, v, out belongs to sequence b, time t; head h of it starts at column h * head_dim.
/// Query head h uses key and value head h / (heads / kv_heads); kv_heads divides heads.
typedef struct brake_attention {
  long batch, length, heads, kv_heads, head_dim;
  float scale;
  const float *q;
  long ldq;
  const float *k;
  long ldk;
  const float *v;
  long ldv;
  float *out;
  long ldo;
  /// log of the sum of exp(scale * q k): batch x heads x length. The backward pass needs it.
  float *log_sum;
  /// Keys that a query sees, itself and those right before it; 0 for all.
  long window;
} brake_attention;

/// Gradients of `brake_attention`: dout is read; dq, dk, dv are overwritten.
typedef struct brake_attention_gradient {
  const float *dout;
  long lddo;
  float *dq;
  long lddq;
  float *dk;
  long lddk;
  float *dv;
  long lddv;
} brake_attention_gradient;

/// The number of independent pieces: one for each sequence and key/value head.
long brake_attention_task_count(const brake_attention *attention);
BRAKE_KERNEL(
    void, brake_attention_forward,
    (const brake_attention *attention, long first, long last),
    (attention, first, last))
/// Reads out and log_sum of the forward pass.
BRAKE_KERNEL(
    void, brake_attention_backward,
    (const brake_attention *attention, const brake_attention_gradient *gradient, long first, long last),
    (attention, gradient, first, last))

/// The same for a gradient of the last query alone, of one sequence (`batch` is 1): dout is one row; all rows of dq, dk and
/// dv are overwritten (those of dq before the last with zeros).
BRAKE_KERNEL(
    void, brake_attention_backward_last,
    (const brake_attention *attention, const brake_attention_gradient *gradient, long first, long last),
    (attention, gradient, first, last))

/// A change of q, k and v, and the change of out that it makes to first order.
typedef struct brake_attention_change {
  const float *q;
  long ldq;
  const float *k;
  long ldk;
  const float *v;
  long ldv;
  float *out;
  long ldo;
} brake_attention_change;

/// Forward-mode differentiation: writes `out` of the change. Reads out and log_sum of the forward pass.
BRAKE_KERNEL(
    void, brake_attention_tangent,
    (const brake_attention *attention, const brake_attention_change *change, long first, long last),
    (attention, change, first, last))

// MARK: - Gradients of single tokens (token_gradients.h)

/// For the gradient g_i of each token's loss with respect to one matrix of parameters, `absolute` += |g_i|, `squares` +=
/// g_i^2, and sums over its elements; no g_i is ever in memory as a whole. Work is cut into tasks first <= task < last; each has its own
/// `sums`, [tasks, tokens, BRAKE_TOKEN_SUMS] in float64, which the caller adds over the tasks in order:
/// of p, |p|, |g|, g^2, weight * |g| and p^2, with p = g * delta (zero where `delta` or `weight` is null).
/// `absolute`, `squares`, `delta` and `weight` are rows x columns at stride `ld`.
#define BRAKE_TOKEN_SUMS 6

/// g_i = sum over p < count[i] of left[left_first[i] + p, :] (outer) right[right_first[i] + p, :].
typedef struct brake_token_products {
  long rows, columns;
  const float *left;
  long ld_left, left_rows;
  const float *right;
  long ld_right, right_rows;
  long tokens;
  const long *left_first, *right_first, *count;
  float *absolute, *squares;
  const float *delta, *weight;
  long ld;
  double *sums;
} brake_token_products;

/// ceil(rows / BRAKE_TOKEN_PRODUCT_ROWS) tasks.
#define BRAKE_TOKEN_PRODUCT_ROWS 28
BRAKE_KERNEL(void, brake_tally_products, (const brake_token_products *x, long first, long last), (x, first, last))

/// A vector of parameters: g_i = sum over p < count[i] of dy[dy_first[i] + p, :], each row times the normalised row
/// (x[x_first[i] + p, :] - mean[x_first[i] + p]) * rstd[x_first[i] + p]. `mean` may be null for zeros, `x` for no factor.
typedef struct brake_token_columns {
  long columns;
  const float *dy;
  long ld_dy;
  const float *x;
  long ld_x;
  const float *mean, *rstd;
  long tokens;
  const long *dy_first, *x_first, *count;
  float *absolute, *squares;
  const float *delta, *weight;
  double *sums;
} brake_token_columns;

/// A table of which position p takes row table_row[slot[p]]; slots are numbered in the order in which positions first use
/// them. g_i has the rows of its first count[i] positions: sum over p < count[i] with the same slot of dy[dy_first[i] + p, :].
/// Where the table is also the output matrix, its rank-1 gradient outer[i, slot] * hidden[i, :] is there already, and what
/// is added is the change that the rows make to |g|, g^2 and the sums; otherwise `outer` is null.
typedef struct brake_token_rows {
  long columns;
  const float *dy;
  long ld_dy;
  const int32_t *slot, *table_row;
  const float *outer;
  long ld_outer;
  const float *hidden;
  long ld_hidden;
  long tokens;
  const long *dy_first, *count;
  float *absolute, *squares;
  const float *delta;
  long ld;
  double *sums;
} brake_token_rows;

/// ceil(columns / BRAKE_TOKEN_COLUMNS) tasks.
#define BRAKE_TOKEN_COLUMNS 64
BRAKE_KERNEL(void, brake_tally_columns, (const brake_token_columns *x, long first, long last), (x, first, last))
BRAKE_KERNEL(void, brake_tally_rows, (const brake_token_rows *x, long first, long last), (x, first, last))

// MARK: - Sums over coordinates (coordinates.h)

/// For G_j = gradient[j], a sum over tokens of gradients g_ij, and A_j, the sum of their magnitudes or an estimate of it:
/// A_j = exact[j], or where halves of a sample of the tokens are given, A_j = max(|G_j|, exact[j] + scale (halves[0][j] +
/// halves[1][j])). `exact` may be null for zeros, `delta` as well; of the halves there are both or none.
/// A part of a coordinate is r_j = min(1, |G_j| / A_j) where A_j > 0, zero elsewhere. What chance leaves of it is the mean of
/// |sum_i s_i g_ij| / A_j over random signs s_i. With q = S_j / A_j^2 it is sqrt(2 q / pi) (1 + q / 6) where many tokens add up:
/// the central limit, and the next term for magnitudes that are spread like those of normal numbers. From q = 1/2 on, one
/// token outweighs all others together, and it is that token's |g_ij| / A_j, of which the middle is taken between
/// (1 + sqrt(2 q - 1)) / 2 (there is one other) and (1 + sqrt((N - 1) (N q - 1))) / N (there are N - 1, all alike).
typedef struct brake_coordinates {
  long count;
  const float *gradient, *exact, *halves[2];
  float scale, half_scales[2];
  /// Of S_j, the sum of g_ij^2 over the tokens: what is known of all, and of the sample (null for zeros), which `scale` makes
  /// one over all tokens.
  const float *squares, *sampled_squares;
  /// Tokens, at least 1: sqrt(S_j) / A_j is not less than 1 / sqrt(terms), however small the squares.
  float terms;
  const float *delta;
  /// [tasks, BRAKE_COORDINATE_SUMS], which the caller adds over the tasks in order: of G, |G|, G^2, A and r; of the mean
  /// over both halves k of |G| / max(|G|, exact + half_scales[k] halves[k]), zero without halves or where G = 0; of
  /// G delta, |G delta|, A |delta|, |delta|, delta^2; of n, n A, n A |delta|, with n what chance leaves of r; and of (G delta)^2.
  double *sums;
  /// [tasks, BRAKE_COORDINATE_BINS]: how many coordinates with A_j > 0 have r_j in each hundredth.
  int32_t *histogram;
} brake_coordinates;

/// ceil(count / BRAKE_REDUCTION_CHUNK) tasks.
#define BRAKE_COORDINATE_SUMS 15
#define BRAKE_COORDINATE_BINS 100
BRAKE_KERNEL(void, brake_sum_coordinates, (const brake_coordinates *x, long first, long last), (x, first, last))

/// w = r / A with r = |G| / A and A = max(|G|, scale (half + other)), zero where A = 0: what r loses, to first order, for each
/// unit that A gains. Returns the sum of r, of at most BRAKE_REDUCTION_CHUNK elements.
BRAKE_KERNEL(
    double, brake_influence,
    (float *w, const float *gradient, const float *half, const float *other, float scale, long count),
    (w, gradient, half, other, scale, count))

// MARK: - Optimisers (optimiser.h); elementwise on a flat range

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). Hyperparameters are float64; each derived factor is computed in
/// float64 and rounded once. `step` counts from 1. Gradients are multiplied by `gradient_scale` (the clip) first.
typedef struct brake_adamw_step {
  double learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale;
  long step;
} brake_adamw_step;

/// m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; w -= lr wd w; w -= lr mhat / (sqrt(vhat) + epsilon).
BRAKE_KERNEL(
    void, brake_adamw,
    (float *w, float *m, float *v, const float *g, long count, const brake_adamw_step *step),
    (w, m, v, g, count, step))

/// Cautious AdamW (Liang et al. 2024, arXiv 2411.16085) needs two passes over a tensor. The first updates m and v and
/// returns how many elements have m * g > 0; the second applies the update to these elements only, multiplied by `boost`
/// = elements / max(aligned, 0.001 elements).
BRAKE_KERNEL(
    long, brake_cautious_moments,
    (float *m, float *v, const float *g, long count, const brake_adamw_step *step),
    (m, v, g, count, step))
BRAKE_KERNEL(
    void, brake_cautious_apply,
    (float *w, const float *m, const float *v, const float *g, long count, const brake_adamw_step *step, double boost),
    (w, m, v, g, count, step, boost))

/// AdEMAMix (Pagliardini, Ablin and Grangier 2024, arXiv 2409.03137):
/// w -= lr ((m1hat + alpha m2) / (sqrt(vhat) + epsilon) + wd w), the decay first. `slow` is m2, of rate beta3.
/// Warm-ups of alpha and beta3 are the caller's.
typedef struct brake_ademamix_step {
  double learning_rate, beta1, beta2, beta3, alpha, epsilon, weight_decay, gradient_scale;
  long step;
} brake_ademamix_step;
BRAKE_KERNEL(
    void, brake_ademamix,
    (float *w, float *m, float *slow, float *v, const float *g, long count, const brake_ademamix_step *step),
    (w, m, slow, v, g, count, step))

/// buffer = momentum * buffer + g; w -= lr wd w; w -= lr u with u = buffer, or g + momentum * buffer if nesterov.
typedef struct brake_sgd_step {
  double learning_rate, momentum, weight_decay, gradient_scale;
  bool nesterov;
} brake_sgd_step;
BRAKE_KERNEL(
    void, brake_sgd,
    (float *w, float *buffer, const float *g, long count, const brake_sgd_step *step),
    (w, buffer, g, count, step))

/// Muon's momentum (Jordan 2024): buffer += (1-momentum)(g - buffer); update = nesterov ? g + momentum (buffer - g) : buffer.
/// Orthogonalise `update` by five steps X <- a X + (b A + c A A) X, A = X X^T, with (a, b, c) = BRAKE_NEWTON_SCHULZ, from
/// X = update / (its Frobenius norm + 1e-7), through brake_matmul_tiles and brake_combine; then brake_muon_apply.
BRAKE_KERNEL(
    void, brake_muon_momentum,
    (float *update, float *buffer, const float *g, long count, double momentum, double gradient_scale, bool nesterov),
    (update, buffer, g, count, momentum, gradient_scale, nesterov))
/// w -= lr wd w; w -= lr factor update.
BRAKE_KERNEL(
    void, brake_muon_apply,
    (float *w, const float *update, long count, double learning_rate, double weight_decay, double factor),
    (w, update, count, learning_rate, weight_decay, factor))
#define BRAKE_NEWTON_SCHULZ_A 3.4445
#define BRAKE_NEWTON_SCHULZ_B -4.7750
#define BRAKE_NEWTON_SCHULZ_C 2.0315

#endif
