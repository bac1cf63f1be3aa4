// Every kernel that has variants: DISPATCH(result, name, parameters, arguments). CKernels.h documents them.

DISPATCH(long, brake_matmul_tile_count, (const brake_product *product), (product))
DISPATCH(void, brake_matmul_tiles, (const brake_product *product, long first, long last), (product, first, last))
DISPATCH(void, brake_exp, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_log, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_tanh, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_erf, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_sigmoid, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_add, (float *y, const float *a, const float *b, long count), (y, a, b, count))
DISPATCH(
    void, brake_combine,
    (float *y, float alpha, const float *a, float beta, const float *b, long count),
    (y, alpha, a, beta, b, count))
DISPATCH(void, brake_scale, (float *y, float alpha, const float *x, long count), (y, alpha, x, count))
DISPATCH(void, brake_multiply, (float *y, const float *a, const float *b, long count), (y, a, b, count))
DISPATCH(double, brake_sum, (const float *x, long count), (x, count))
DISPATCH(double, brake_sum_squares, (const float *x, long count), (x, count))
DISPATCH(double, brake_dot, (const float *x, const float *y, long count), (x, y, count))
DISPATCH(
    void, brake_column_sums,
    (float *out, const float *x, long ldx, long rows, long first_column, long last_column, bool accumulate),
    (out, x, ldx, rows, first_column, last_column, accumulate))
DISPATCH(void, brake_softmax, (float *y, const float *x, long rows, long columns), (y, x, rows, columns))
DISPATCH(
    void, brake_softmax_backward,
    (float *dx, const float *dy, const float *y, long rows, long columns),
    (dx, dy, y, rows, columns))
DISPATCH(
    void, brake_cross_entropy,
    (float *losses, const float *logits, const int32_t *targets, long rows, long vocabulary),
    (losses, logits, targets, rows, vocabulary))
DISPATCH(
    void, brake_cross_entropy_gradient,
    (float *losses, float *logits, const int32_t *targets, float scale, long rows, long vocabulary),
    (losses, logits, targets, scale, rows, vocabulary))
DISPATCH(
    void, brake_rmsnorm,
    (float *y, float *rstd, const float *x, const float *weight, long rows, long columns, float epsilon),
    (y, rstd, x, weight, rows, columns, epsilon))
DISPATCH(
    void, brake_rmsnorm_backward,
    (float *dx, const float *dy, const float *x, const float *weight, const float *rstd, long rows, long columns, bool accumulate),
    (dx, dy, x, weight, rstd, rows, columns, accumulate))
DISPATCH(
    void, brake_rmsnorm_backward_weight,
    (float *dweight, const float *dy, const float *x, const float *rstd, long rows, long columns, long first_column, long last_column),
    (dweight, dy, x, rstd, rows, columns, first_column, last_column))
DISPATCH(
    void, brake_layernorm,
    (float *y, float *mean, float *rstd, const float *x, const float *weight, const float *bias, long rows, long columns, float epsilon),
    (y, mean, rstd, x, weight, bias, rows, columns, epsilon))
DISPATCH(
    void, brake_layernorm_backward,
    (float *dx, const float *dy, const float *x, const float *weight, const float *mean, const float *rstd, long rows, long columns, bool accumulate),
    (dx, dy, x, weight, mean, rstd, rows, columns, accumulate))
DISPATCH(
    void, brake_layernorm_backward_weight,
    (float *dweight, float *dbias, const float *dy, const float *x, const float *mean, const float *rstd, long rows, long columns, long first_column, long last_column),
    (dweight, dbias, dy, x, mean, rstd, rows, columns, first_column, last_column))
DISPATCH(
    void, brake_swiglu,
    (float *y, long ldy, const float *gate, const float *up, long ldx, long rows, long columns),
    (y, ldy, gate, up, ldx, rows, columns))
DISPATCH(
    void, brake_swiglu_backward,
    (float *dgate, float *dup, long lddx, const float *dy, long lddy, const float *gate, const float *up, long ldx, long rows, long columns),
    (dgate, dup, lddx, dy, lddy, gate, up, ldx, rows, columns))
DISPATCH(void, brake_gelu_tanh, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_gelu_tanh_backward, (float *dx, const float *dy, const float *x, long count), (dx, dy, x, count))
DISPATCH(void, brake_gelu_erf, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_gelu_erf_backward, (float *dx, const float *dy, const float *x, long count), (dx, dy, x, count))
DISPATCH(
    void, brake_rope,
    (float *x, long ldx, const float *cosine, const float *sine, long first, long last, long length, long heads, long head_dim, long rotary, bool inverse),
    (x, ldx, cosine, sine, first, last, length, heads, head_dim, rotary, inverse))
DISPATCH(
    void, brake_embedding,
    (float *y, const float *table, const float *positions, const int32_t *tokens, long first, long last, long length, long columns),
    (y, table, positions, tokens, first, last, length, columns))
DISPATCH(
    void, brake_embedding_backward,
    (float *dtable, const float *dy, const int32_t *tokens, long rows, long columns, int32_t first_token, int32_t last_token),
    (dtable, dy, tokens, rows, columns, first_token, last_token))
DISPATCH(
    void, brake_position_backward,
    (float *dpositions, const float *dy, long batch, long length, long columns, long first_position, long last_position),
    (dpositions, dy, batch, length, columns, first_position, last_position))
DISPATCH(
    void, brake_attention_forward,
    (const brake_attention *attention, long first, long last),
    (attention, first, last))
DISPATCH(
    void, brake_attention_backward,
    (const brake_attention *attention, const brake_attention_gradient *gradient, long first, long last),
    (attention, gradient, first, last))
DISPATCH(
    void, brake_adamw,
    (float *w, float *m, float *v, const float *g, long count, const brake_adamw_step *step),
    (w, m, v, g, count, step))
DISPATCH(
    long, brake_cautious_moments,
    (float *m, float *v, const float *g, long count, const brake_adamw_step *step),
    (m, v, g, count, step))
DISPATCH(
    void, brake_cautious_apply,
    (float *w, const float *m, const float *v, const float *g, long count, const brake_adamw_step *step, double boost),
    (w, m, v, g, count, step, boost))
DISPATCH(
    void, brake_ademamix,
    (float *w, float *m, float *slow, float *v, const float *g, long count, const brake_ademamix_step *step),
    (w, m, slow, v, g, count, step))
DISPATCH(
    void, brake_sgd,
    (float *w, float *buffer, const float *g, long count, const brake_sgd_step *step),
    (w, buffer, g, count, step))
DISPATCH(
    void, brake_muon_momentum,
    (float *update, float *buffer, const float *g, long count, double momentum, double gradient_scale, bool nesterov),
    (update, buffer, g, count, momentum, gradient_scale, nesterov))
DISPATCH(
    void, brake_muon_apply,
    (float *w, const float *update, long count, double learning_rate, double weight_decay, double factor),
    (w, update, count, learning_rate, weight_decay, factor))
DISPATCH(
    void, brake_attention_backward_last,
    (const brake_attention *attention, const brake_attention_gradient *gradient, long first, long last),
    (attention, gradient, first, last))
DISPATCH(
    void, brake_attention_tangent,
    (const brake_attention *attention, const brake_attention_change *change, long first, long last),
    (attention, change, first, last))
DISPATCH(void, brake_magnitude, (float *y, const float *x, long count), (y, x, count))
DISPATCH(void, brake_tally_products, (const brake_token_products *x, long first, long last), (x, first, last))
DISPATCH(void, brake_tally_columns, (const brake_token_columns *x, long first, long last), (x, first, last))
DISPATCH(void, brake_tally_rows, (const brake_token_rows *x, long first, long last), (x, first, last))
DISPATCH(void, brake_sum_coordinates, (const brake_coordinates *x, long first, long last), (x, first, last))
DISPATCH(
    double, brake_influence,
    (float *w, const float *gradient, const float *half, const float *other, float scale, long count),
    (w, gradient, half, other, scale, count))
