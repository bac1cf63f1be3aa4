// Sums over coordinates of the gradients of tokens: each of 16 elements in binary64 lanes of its own.

INLINE dlanes widen(lanes x) { return __builtin_convertvector(x, dlanes); }
INLINE dlanes wide_magnitude(dlanes x) { return __builtin_elementwise_abs(x); }

/// Counts bins of 16 coordinates. Neighbours count apart, so that none waits for the one before it to be written.
#define COUNTERS 4
INLINE void count_bins(int32_t counts[COUNTERS][BRAKE_COORDINATE_BINS + 1], ilanes bins) {
  int32_t bin[16];
  __builtin_memcpy(bin, &bins, sizeof bin);
  UNROLLED for (int l = 0; l < 16; l++) counts[l % COUNTERS][bin[l]]++;
}

/// What random signs leave of at most `terms` with sqrt(sum of squares) / (sum of magnitudes) = spread, from 0 to 1.
INLINE lanes chance16(lanes spread, float terms) {
  lanes q = spread * spread, none = splat(0);
  lanes many = 0x1.988454p-1f * spread * (1.0f + q * (1.0f / 6));
  lanes least = 0.5f * (1.0f + sqrt16(greater(q + q - 1.0f, none)));
  lanes most = (1.0f + sqrt16(greater((terms - 1.0f) * (terms * q - 1.0f), none))) / terms;
  return choose(q < 0.5f, many, 0.5f * (least + most));
}

static void coordinate_sums(const brake_coordinates *x, long task) {
  enum { UNTOUCHED = BRAKE_COORDINATE_BINS };
  dlanes sums[BRAKE_COORDINATE_SUMS] = {0};
  int32_t counts[COUNTERS][BRAKE_COORDINATE_BINS + 1] = {{0}};
  const bool is_sampled = x->halves[0] && x->halves[1];
  long end = smaller((task + 1) * BRAKE_REDUCTION_CHUNK, x->count);
  for (long j = task * BRAKE_REDUCTION_CHUNK; j < end; j += 16) {
    lanes g = get(x->gradient, j, end), exact = x->exact ? get(x->exact, j, end) : splat(0);
    lanes first = is_sampled ? get(x->halves[0], j, end) : splat(0);
    lanes second = is_sampled ? get(x->halves[1], j, end) : splat(0);
    dlanes delta = x->delta ? widen(get(x->delta, j, end)) : (dlanes)(0);
    if (x->delta) {
      sums[9] += wide_magnitude(delta);
      sums[10] += delta * delta;
    }
    ulanes bits = bits_as(ulanes, g) | bits_as(ulanes, exact) | bits_as(ulanes, first) | bits_as(ulanes, second);
    if (__builtin_reduce_or(bits << 1) == 0) continue;

    lanes size = magnitude(g), a = exact;
    if (is_sampled) {
      a = greater(size, fma16(splat(x->scale), first + second, exact));
      lanes one = size / greater(size, fma16(splat(x->half_scales[0]), first, exact));
      lanes other = size / greater(size, fma16(splat(x->half_scales[1]), second, exact));
      sums[5] += widen(choose(size > 0, 0.5f * (one + other), splat(0)));
    }
    ilanes touched = a > 0;
    lanes share = size / a;
    share = choose(touched, choose(share > 1, splat(1), share), splat(0));
    lanes place = share * (float)BRAKE_COORDINATE_BINS, last = splat(BRAKE_COORDINATE_BINS - 1);
    ilanes bin = __builtin_convertvector(choose(place < last, place, last), ilanes);
    count_bins(counts, (touched & bin) | (~touched & UNTOUCHED));

    lanes squares = get(x->squares, j, end);
    if (is_sampled && x->sampled_squares)
      squares = fma16(splat(x->scale), get(x->sampled_squares, j, end), squares);
    lanes spread = greater(sqrt16(greater(squares, splat(0))) / a, splat(1.0f) / sqrt16(splat(x->terms)));
    lanes chance = choose(touched, chance16(choose(spread < 1, spread, splat(1)), x->terms), splat(0));

    dlanes wide_g = widen(g), wide_a = widen(a), chance_a = widen(chance) * wide_a;
    sums[0] += wide_g;
    sums[1] += wide_magnitude(wide_g);
    sums[2] += wide_g * wide_g;
    sums[3] += wide_a;
    sums[4] += widen(share);
    sums[11] += widen(chance);
    sums[12] += chance_a;
    if (x->delta) {
      dlanes p = wide_g * delta;
      sums[6] += p;
      sums[7] += wide_magnitude(p);
      sums[8] += wide_a * wide_magnitude(delta);
      sums[13] += chance_a * wide_magnitude(delta);
      sums[14] += p * p;
    }
  }
  for (int i = 0; i < BRAKE_COORDINATE_SUMS; i++)
    x->sums[task * BRAKE_COORDINATE_SUMS + i] = tree_sum_double(sums[i]);
  for (int bin = 0; bin < BRAKE_COORDINATE_BINS; bin++) {
    int32_t count = 0;
    for (int i = 0; i < COUNTERS; i++) count += counts[i][bin];
    x->histogram[task * BRAKE_COORDINATE_BINS + bin] = count;
  }
}

void KERNEL(brake_sum_coordinates)(const brake_coordinates *x, long first, long last) {
  for (long task = first; task < last; task++) coordinate_sums(x, task);
}

double KERNEL(brake_influence)(
    float *w, const float *gradient, const float *half, const float *other, float scale, long count) {
  dlanes sum = {0};
  for (long j = 0; j < count; j += 16) {
    lanes size = magnitude(get(gradient, j, count));
    lanes a = greater(size, scale * (get(half, j, count) + get(other, j, count)));
    lanes share = choose(a > 0, size / a, splat(0));
    put(w, j, count, choose(a > 0, share / a, splat(0)));
    sum += widen(share);
  }
  return tree_sum_double(sum);
}
