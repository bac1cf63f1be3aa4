// Causal attention in tiles of 64 queries x 64 keys. Scores are computed transposed (keys x queries), so that 16 queries
// sit side by side in the lanes and nothing is ever reduced across lanes. Tiles on the diagonal are cut into groups of 16
// queries, which see only the keys up to their own group. With a window, tiles that no query sees are passed over.

#define TILE 64

/// Where the work of one piece (a sequence and a key/value head) is, and its sizes.
typedef struct piece {
  long length, tiles, dim, padded;  // padded: dim rounded up to 16
  long row, kv_head, first_head, last_head;
} piece;

static piece piece_of(const brake_attention *x, long task) {
  long group = x->heads / x->kv_heads, kv_head = task % x->kv_heads;
  return (piece){
      .length = x->length,
      .tiles = (x->length + TILE - 1) / TILE,
      .dim = x->head_dim,
      .padded = rounded_up(x->head_dim, 16),
      .row = task / x->kv_heads * x->length,
      .kv_head = kv_head,
      .first_head = kv_head * group,
      .last_head = (kv_head + 1) * group,
  };
}

INLINE long tile_rows(const piece *s, long tile) { return smaller(TILE, s->length - tile * TILE); }
/// Groups of 16 rows of a tile that hold anything.
INLINE long tile_groups(const piece *s, long tile) { return (tile_rows(s, tile) + 15) / 16; }

/// Head columns of one tile, as dim x 64; missing rows are zero.
static void pack_transposed(float *out, const piece *s, const float *head, long ld, long tile) {
  long rows = tile_rows(s, tile);
  const float *in = head + (s->row + tile * TILE) * ld;
  for (long i = 0; i < TILE; i += 16)
    if (i < rows)
      transpose_panel(out + i, TILE, 16, in + i * ld, ld, smaller(16, rows - i), s->dim);
    else
      for (long d = 0; d < s->dim; d++) store(out + d * TILE + i, splat(0));
}

/// Head columns of one tile, as 64 x padded; missing values are zero.
static void pack_rows(float *out, const piece *s, const float *head, long ld, long tile) {
  long rows = tile_rows(s, tile);
  const float *in = head + (s->row + tile * TILE) * ld;
  for (long i = 0; i < TILE; i++)
    for (long d = 0; d < s->padded; d += 16)
      store(out + i * s->padded + d, i < rows ? get(in + i * ld, d, s->dim) : splat(0));
}

/// out[key][query] = a[:, key] . b[:, query] over `depth` rows.
static void transposed_scores(float *out, long depth, const float *a, const float *b, long groups, bool diagonal) {
  finish f = {false, 0};
  if (!diagonal) {
    plain_product(TILE, 16 * groups, depth, a, TILE, b, TILE, out, TILE, f);
    return;
  }
  for (long g = 0; g < groups; g++)
    plain_product(16, 16 * (groups - g), depth, a + 16 * g, TILE, b + 16 * g, TILE, out + 16 * g * (TILE + 1), TILE, f);
}

/// Rows of queries += weights[key][query] x values[key], the keys in order.
static void add_over_keys(
    float *out, const piece *s, const float *weights, const float *values, long groups, bool diagonal) {
  finish f = {true, 0};
  if (!diagonal) {
    plain_product(16 * groups, s->padded, TILE, weights, TILE, values, s->padded, out, s->padded, f);
    return;
  }
  for (long g = 0; g < groups; g++)
    plain_product(
        16, s->padded, 16 * (g + 1), weights + 16 * g, TILE, values, s->padded, out + 16 * g * s->padded, s->padded, f);
}

/// Rows of keys += weights[query][key] x values[query], the queries in order.
static void add_over_queries(
    float *out, const piece *s, const float *weights, const float *values, long groups, bool diagonal) {
  finish f = {true, 0};
  if (!diagonal) {
    plain_product(TILE, s->padded, 16 * groups, weights, TILE, values, s->padded, out, s->padded, f);
    return;
  }
  for (long g = 0; g < groups; g++)
    plain_product(
        16, s->padded, 16 * (groups - g), weights + 16 * g * (TILE + 1), TILE, values + 16 * g * s->padded, s->padded,
        out + 16 * g * s->padded, s->padded, f);
}

/// Keys that a group of 16 queries meets in a tile, and which of the lanes meet one key.
INLINE long keys_met(long group, bool diagonal) { return diagonal ? 16 * (group + 1) : TILE; }
INLINE ilanes meets(long key, long group, bool diagonal) {
  return diagonal ? lane_index + (int32_t)(16 * group) >= (int32_t)key : lane_index >= 0;
}

/// The first tile of keys that tile i of queries sees, and the end of the tiles of queries that see tile j of keys.
INLINE long first_tile(const brake_attention *x, long i) {
  long first = x->window ? i * TILE - x->window + 1 : 0;
  return first > 0 ? first / TILE : 0;
}
INLINE long end_tile(const brake_attention *x, const piece *s, long j) {
  return x->window ? smaller(s->tiles, (j * TILE + TILE + x->window - 2) / TILE + 1) : s->tiles;
}

/// Makes scores of keys that lie before the window of a query minus infinity, of which the exponential is zero.
static void cut_window(float *scores, const brake_attention *x, long i, long j, long groups) {
  if (!x->window || (i - j) * TILE + TILE - 1 < x->window) return;
  for (long g = 0; g < groups; g++)
    for (long key = 0; key < TILE; key++) {
      ilanes distance = lane_index + (int32_t)((i - j) * TILE + 16 * g - key);
      float *place = scores + key * TILE + 16 * g;
      store(place, choose(distance < (int32_t)x->window, load(place), splat(-__builtin_inff())));
    }
}

/// One step of the running softmax for 16 queries: scores become weights; returns the factor of what was there before.
INLINE lanes running_softmax(
    float *scores, lanes *greatest, lanes *sum, float scale, long group, bool diagonal) {
  long keys = keys_met(group, diagonal);
  lanes best = *greatest;
  for (long key = 0; key < keys; key++) {
    lanes v = load(scores + key * TILE) * scale;
    v = choose(meets(key, group, diagonal), v, splat(-__builtin_inff()));
    store(scores + key * TILE, v);
    best = greater(v, best);
  }
  lanes factor = exp16(*greatest - best), total = 0;
  for (long key = 0; key < keys; key++) {
    lanes w = choose(meets(key, group, diagonal), exp16(load(scores + key * TILE) - best), splat(0));
    store(scores + key * TILE, w);
    total += w;
  }
  *greatest = best;
  *sum = fma16(*sum, factor, total);
  return factor;
}

static void attention_forward(const brake_attention *x, const piece *s) {
  long transposed = s->dim * TILE, plain = TILE * s->padded;
  float *keys = brake_scratch(s->tiles * (transposed + plain) + transposed + TILE * TILE + plain);
  float *values = keys + s->tiles * transposed;
  float *queries = values + s->tiles * plain, *scores = queries + transposed, *out = scores + TILE * TILE;
  // Finite, so that it can be taken from itself, where a query may see no key of its first tile.
  float least = x->window ? -__FLT_MAX__ : -__builtin_inff();
  for (long j = 0; j < s->tiles; j++) {
    pack_transposed(keys + j * transposed, s, x->k + s->kv_head * s->dim, x->ldk, j);
    pack_rows(values + j * plain, s, x->v + s->kv_head * s->dim, x->ldv, j);
  }
  for (long head = s->first_head; head < s->last_head; head++)
    for (long i = 0; i < s->tiles; i++) {
      long groups = tile_groups(s, i), rows = tile_rows(s, i);
      lanes greatest[TILE / 16], sum[TILE / 16];
      for (long g = 0; g < groups; g++) greatest[g] = splat(least), sum[g] = splat(0);
      __builtin_memset(out, 0, (size_t)plain * sizeof(float));
      pack_transposed(queries, s, x->q + head * s->dim, x->ldq, i);
      long first = first_tile(x, i);
      for (long j = first; j <= i; j++) {
        bool diagonal = i == j;
        transposed_scores(scores, s->dim, keys + j * transposed, queries, groups, diagonal);
        cut_window(scores, x, i, j, groups);
        for (long g = 0; g < groups; g++) {
          lanes factor = running_softmax(scores + 16 * g, &greatest[g], &sum[g], x->scale, g, diagonal);
          if (j > first)
            for (long r = 0; r < 16; r++)
              for (long d = 0; d < s->padded; d += 16) {
                float *place = out + (16 * g + r) * s->padded + d;
                store(place, load(place) * factor[r]);
              }
        }
        add_over_keys(out, s, scores, values + j * plain, groups, diagonal);
      }
      for (long r = 0; r < rows; r++) {
        float total = sum[r / 16][r % 16];
        float *row = x->out + (s->row + i * TILE + r) * x->ldo + head * s->dim;
        for (long d = 0; d < s->dim; d += 16) put(row, d, s->dim, load(out + r * s->padded + d) * (1.0f / total));
      }
      float *log_sum = x->log_sum + (s->row / s->length * x->heads + head) * s->length;
      for (long g = 0; g < groups; g++) put(log_sum, i * TILE + 16 * g, s->length, greatest[g] + log16(sum[g]));
    }
}

INLINE float row_product(const float *a, const float *b, long count) {
  lanes sum = 0;
  for (long i = 0; i < count; i += 16) sum = fma16(get(a, i, count), get(b, i, count), sum);
  return tree_sum(sum);
}

/// delta = sum over d of dout * out: 16 lanes and the tree. (Dao et al. 2022, section B.4.)
static void row_products(
    float *delta, const brake_attention *x, const brake_attention_gradient *y, const piece *s, long head, long tile) {
  for (long r = 0; r < TILE; r++) {
    long row = s->row + tile * TILE + r, column = head * s->dim;
    delta[r] = r < tile_rows(s, tile)
                   ? row_product(y->dout + row * y->lddo + column, x->out + row * x->ldo + column, s->dim)
                   : 0;
  }
}

static void write_tile(float *out, long ld, const piece *s, const float *in, long tile, float scale) {
  for (long r = 0; r < tile_rows(s, tile); r++)
    for (long d = 0; d < s->dim; d += 16)
      put(out + (s->row + tile * TILE + r) * ld, d, s->dim, load(in + r * s->padded + d) * scale);
}

static void attention_backward(const brake_attention *x, const brake_attention_gradient *y, const piece *s) {
  long transposed = s->dim * TILE, plain = TILE * s->padded;
  float *next = brake_scratch(s->tiles * (4 * transposed + 6 * plain + 2 * TILE) + 4 * TILE * TILE);
#define TAKE(name, size) \
  float *name = next; \
  next += (size)
  TAKE(keys_t, s->tiles * transposed);
  TAKE(values_t, s->tiles * transposed);
  TAKE(keys, s->tiles * plain);
  TAKE(dkeys, s->tiles * plain);
  TAKE(dvalues, s->tiles * plain);
  TAKE(queries_t, s->tiles * transposed);
  TAKE(douts_t, s->tiles * transposed);
  TAKE(queries, s->tiles * plain);
  TAKE(douts, s->tiles * plain);
  TAKE(dqueries, s->tiles * plain);
  TAKE(deltas, s->tiles * TILE);
  TAKE(log_sums, s->tiles * TILE);
  TAKE(weights_t, TILE * TILE);
  TAKE(dscores_t, TILE * TILE);
  TAKE(weights, TILE * TILE);
  TAKE(dscores, TILE * TILE);
#undef TAKE
  for (long j = 0; j < s->tiles; j++) {
    pack_transposed(keys_t + j * transposed, s, x->k + s->kv_head * s->dim, x->ldk, j);
    pack_transposed(values_t + j * transposed, s, x->v + s->kv_head * s->dim, x->ldv, j);
    pack_rows(keys + j * plain, s, x->k + s->kv_head * s->dim, x->ldk, j);
  }
  __builtin_memset(dkeys, 0, (size_t)(2 * s->tiles * plain) * sizeof(float));
  for (long head = s->first_head; head < s->last_head; head++) {
    const float *log_sum = x->log_sum + (s->row / s->length * x->heads + head) * s->length;
    for (long i = 0; i < s->tiles; i++) {
      pack_transposed(queries_t + i * transposed, s, x->q + head * s->dim, x->ldq, i);
      pack_transposed(douts_t + i * transposed, s, y->dout + head * s->dim, y->lddo, i);
      pack_rows(queries + i * plain, s, x->q + head * s->dim, x->ldq, i);
      pack_rows(douts + i * plain, s, y->dout + head * s->dim, y->lddo, i);
      row_products(deltas + i * TILE, x, y, s, head, i);
      for (long r = 0; r < TILE; r++) log_sums[i * TILE + r] = r < tile_rows(s, i) ? log_sum[i * TILE + r] : 0;
    }
    __builtin_memset(dqueries, 0, (size_t)(s->tiles * plain) * sizeof(float));
    for (long j = 0; j < s->tiles; j++)
      for (long i = j; i < end_tile(x, s, j); i++) {
        bool diagonal = i == j;
        long groups = tile_groups(s, i);
        transposed_scores(weights_t, s->dim, keys_t + j * transposed, queries_t + i * transposed, groups, diagonal);
        cut_window(weights_t, x, i, j, groups);
        transposed_scores(dscores_t, s->dim, values_t + j * transposed, douts_t + i * transposed, groups, diagonal);
        for (long g = 0; g < groups; g++) {
          lanes shift = load(log_sums + i * TILE + 16 * g), delta = load(deltas + i * TILE + 16 * g);
          for (long key = 0; key < keys_met(g, diagonal); key++) {
            float *weight = weights_t + key * TILE + 16 * g, *dscore = dscores_t + key * TILE + 16 * g;
            lanes w = exp16(fma16(load(weight), splat(x->scale), -shift));
            w = choose(meets(key, g, diagonal), w, splat(0));
            store(weight, w);
            store(dscore, choose(meets(key, g, diagonal), w * (load(dscore) - delta), splat(0)));
          }
        }
        for (long g = 0; g < (diagonal ? groups : TILE / 16); g++) {
          long from = diagonal ? 16 * g : 0, place = 16 * g * TILE + from, turned = from * TILE + 16 * g;
          transpose_panel(weights + turned, TILE, 16, weights_t + place, TILE, 16, 16 * groups - from);
          transpose_panel(dscores + turned, TILE, 16, dscores_t + place, TILE, 16, 16 * groups - from);
        }
        add_over_queries(dvalues + j * plain, s, weights, douts + i * plain, groups, diagonal);
        add_over_queries(dkeys + j * plain, s, dscores, queries + i * plain, groups, diagonal);
        add_over_keys(dqueries + i * plain, s, dscores_t, keys + j * plain, groups, diagonal);
      }
    for (long i = 0; i < s->tiles; i++) write_tile(y->dq + head * s->dim, y->lddq, s, dqueries + i * plain, i, x->scale);
  }
  for (long j = 0; j < s->tiles; j++) {
    write_tile(y->dk + s->kv_head * s->dim, y->lddk, s, dkeys + j * plain, j, x->scale);
    write_tile(y->dv + s->kv_head * s->dim, y->lddv, s, dvalues + j * plain, j, 1);
  }
}

void KERNEL(brake_attention_forward)(const brake_attention *x, long first, long last) {
  for (long task = first; task < last; task++) {
    piece s = piece_of(x, task);
    attention_forward(x, &s);
  }
}

void KERNEL(brake_attention_backward)(
    const brake_attention *x, const brake_attention_gradient *y, long first, long last) {
  for (long task = first; task < last; task++) {
    piece s = piece_of(x, task);
    attention_backward(x, y, &s);
  }
}

static void attention_backward_last(const brake_attention *x, const brake_attention_gradient *y, const piece *s) {
  long last = s->length - 1, key_column = s->kv_head * s->dim;
  long first = x->window && x->window < s->length ? s->length - x->window : 0;
  float *weights = brake_scratch(2 * rounded_up(s->length, 16)), *dscores = weights + rounded_up(s->length, 16);
  for (long r = 0; r < s->length; r++) {
    __builtin_memset(y->dk + r * y->lddk + key_column, 0, (size_t)s->dim * sizeof(float));
    __builtin_memset(y->dv + r * y->lddv + key_column, 0, (size_t)s->dim * sizeof(float));
  }
  for (long head = s->first_head; head < s->last_head; head++) {
    long column = head * s->dim;
    const float *query = x->q + last * x->ldq + column, *dout = y->dout + column;
    float delta = row_product(dout, x->out + last * x->ldo + column, s->dim);
    float log_sum = x->log_sum[head * s->length + last];
    for (long r = 0; r < s->length; r++)
      __builtin_memset(y->dq + r * y->lddq + column, 0, (size_t)s->dim * sizeof(float));
    for (long r = first; r < s->length; r++) {
      weights[r] = row_product(query, x->k + r * x->ldk + key_column, s->dim);
      dscores[r] = row_product(dout, x->v + r * x->ldv + key_column, s->dim);
    }
    for (long r = first; r < s->length; r += 16) {
      lanes w = exp16(fma16(get(weights, r, s->length), splat(x->scale), splat(-log_sum)));
      put(dscores, r, s->length, w * (get(dscores, r, s->length) - delta) * x->scale);
      put(weights, r, s->length, w);
    }
    float *dq = y->dq + last * y->lddq + column;
    for (long r = first; r < s->length; r++) {
      const float *key = x->k + r * x->ldk + key_column;
      float *dk = y->dk + r * y->lddk + key_column, *dv = y->dv + r * y->lddv + key_column;
      lanes w = splat(weights[r]), d = splat(dscores[r]);
      for (long i = 0; i < s->dim; i += 16) {
        put(dv, i, s->dim, fma16(w, get(dout, i, s->dim), get(dv, i, s->dim)));
        put(dk, i, s->dim, fma16(d, get(query, i, s->dim), get(dk, i, s->dim)));
        put(dq, i, s->dim, fma16(d, get(key, i, s->dim), get(dq, i, s->dim)));
      }
    }
  }
}

void KERNEL(brake_attention_backward_last)(
    const brake_attention *x, const brake_attention_gradient *y, long first, long last) {
  for (long task = first; task < last; task++) {
    piece s = piece_of(x, task);
    attention_backward_last(x, y, &s);
  }
}

// With s = scale q.k, s' = scale (q'.k + q.k') and w = exp(s - log_sum), over the keys:
// out' = sum of w s' v + sum of w v' - (sum of w s') out. Keys and their changes lie one above the other, dim rows each, and
// so do the changes of queries and the queries: s' is one product.
static void attention_tangent(const brake_attention *x, const brake_attention_change *y, const piece *s) {
  long transposed = s->dim * TILE, plain = TILE * s->padded, key_column = s->kv_head * s->dim;
  float *keys = brake_scratch(s->tiles * 2 * (transposed + plain) + 2 * transposed + 2 * TILE * TILE + plain);
  float *values = keys + s->tiles * 2 * transposed, *queries = values + s->tiles * 2 * plain;
  float *weights = queries + 2 * transposed, *changes = weights + TILE * TILE, *out = changes + TILE * TILE;
  for (long j = 0; j < s->tiles; j++) {
    pack_transposed(keys + j * 2 * transposed, s, x->k + key_column, x->ldk, j);
    pack_transposed(keys + (j * 2 + 1) * transposed, s, y->k + key_column, y->ldk, j);
    pack_rows(values + j * 2 * plain, s, x->v + key_column, x->ldv, j);
    pack_rows(values + (j * 2 + 1) * plain, s, y->v + key_column, y->ldv, j);
  }
  for (long head = s->first_head; head < s->last_head; head++)
    for (long i = 0; i < s->tiles; i++) {
      long groups = tile_groups(s, i), column = head * s->dim;
      const float *log_sum = x->log_sum + (s->row / s->length * x->heads + head) * s->length;
      lanes shift[TILE / 16], sum[TILE / 16];
      for (long g = 0; g < groups; g++) shift[g] = get(log_sum, i * TILE + 16 * g, s->length), sum[g] = splat(0);
      __builtin_memset(out, 0, (size_t)plain * sizeof(float));
      pack_transposed(queries, s, y->q + column, y->ldq, i);
      pack_transposed(queries + transposed, s, x->q + column, x->ldq, i);
      for (long j = first_tile(x, i); j <= i; j++) {
        bool diagonal = i == j;
        const float *tile_keys = keys + j * 2 * transposed, *tile_values = values + j * 2 * plain;
        transposed_scores(weights, s->dim, tile_keys, queries + transposed, groups, diagonal);
        cut_window(weights, x, i, j, groups);
        transposed_scores(changes, 2 * s->dim, tile_keys, queries, groups, diagonal);
        for (long g = 0; g < groups; g++)
          for (long key = 0; key < keys_met(g, diagonal); key++) {
            float *weight = weights + key * TILE + 16 * g, *change = changes + key * TILE + 16 * g;
            lanes w = exp16(fma16(load(weight), splat(x->scale), -shift[g]));
            lanes d = w * (load(change) * x->scale);
            w = choose(meets(key, g, diagonal), w, splat(0));
            d = choose(meets(key, g, diagonal), d, splat(0));
            store(weight, w);
            store(change, d);
            sum[g] += d;
          }
        add_over_keys(out, s, changes, tile_values, groups, diagonal);
        add_over_keys(out, s, weights, tile_values + plain, groups, diagonal);
      }
      for (long r = 0; r < tile_rows(s, i); r++) {
        long row = s->row + i * TILE + r;
        lanes total = splat(-sum[r / 16][r % 16]);
        for (long d = 0; d < s->dim; d += 16)
          put(
              y->out + row * y->ldo + column, d, s->dim,
              fma16(total, get(x->out + row * x->ldo + column, d, s->dim), load(out + r * s->padded + d)));
      }
    }
}

void KERNEL(brake_attention_tangent)(
    const brake_attention *x, const brake_attention_change *y, long first, long last) {
  for (long task = first; task < last; task++) {
    piece s = piece_of(x, task);
    attention_tangent(x, y, &s);
  }
}
