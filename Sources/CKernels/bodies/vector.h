// Vectors of 16 lanes: the width of the contract, whatever the registers are. The compiler splits them where it must.

typedef float lanes __attribute__((ext_vector_type(16)));
typedef int32_t ilanes __attribute__((ext_vector_type(16)));
typedef uint32_t ulanes __attribute__((ext_vector_type(16)));
typedef double dlanes __attribute__((ext_vector_type(16)));
typedef float unaligned_half __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef float unaligned_lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));

/// The same bits as another type of vector: what a cast of vectors means.
#define bits_as(type, v) ((type)(v))

/// In front of a loop whose variable must become a constant, so that arrays of vectors stay in registers.
#define UNROLLED _Pragma("clang loop unroll(full)")

#define INLINE static inline __attribute__((always_inline, unused))

static const ilanes lane_index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

INLINE lanes splat(float x) { return (lanes)(x); }
INLINE lanes load(const float *p) { return *(const unaligned_lanes *)p; }
INLINE void store(float *p, lanes v) { *(unaligned_lanes *)p = v; }
INLINE lanes fma16(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }
INLINE lanes sqrt16(lanes a) { return __builtin_elementwise_sqrt(a); }

/// Lanes of a where the mask is set, of b elsewhere.
INLINE lanes choose(ilanes mask, lanes a, lanes b) {
  return bits_as(lanes, (mask & bits_as(ilanes, a)) | (~mask & bits_as(ilanes, b)));
}

/// a > b ? a : b, so b when either is NaN.
INLINE lanes greater(lanes a, lanes b) { return choose(a > b, a, b); }
INLINE lanes magnitude(lanes a) { return bits_as(lanes, bits_as(ulanes, a) & 0x7fffffffu); }
INLINE lanes with_sign(lanes a, lanes sign) {
  return bits_as(lanes, bits_as(ulanes, a) | (bits_as(ulanes, sign) & 0x80000000u));
}

/// The lanes below `count`, zero elsewhere.
INLINE lanes keep(lanes v, long count) {
  return count >= 16 ? v : choose(lane_index < (int32_t)count, v, splat(0));
}

/// `count` < 16 values and zeros.
INLINE lanes load_part(const float *p, long count) {
#if BRAKE_MASKED
  return bits_as(lanes, _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p));
#else
  float part[16] = {0};
  __builtin_memcpy(part, p, (size_t)count * sizeof(float));
  return load(part);
#endif
}

INLINE void store_part(float *p, lanes v, long count) {
#if BRAKE_MASKED
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), bits_as(__m512, v));
#else
  float part[16];
  store(part, v);
  __builtin_memcpy(p, part, (size_t)count * sizeof(float));
#endif
}

/// The 16 values from i of an array of n, with zeros past its end.
INLINE lanes get(const float *p, long i, long n) { return n - i >= 16 ? load(p + i) : load_part(p + i, n - i); }

/// Writes the 16 values from i of an array of n, but none past its end.
INLINE void put(float *p, long i, long n, lanes v) {
  if (n - i >= 16) {
    store(p + i, v);
  } else {
    store_part(p + i, v, n - i);
  }
}

/// The first `width` lanes, 8 or 16.
INLINE void store_width(float *p, lanes v, const int width) {
  if (width == 16)
    store(p, v);
  else
    *(unaligned_half *)p = v.lo;
}

/// The fixed tree: lane l with lane l + 8, then + 4, + 2, + 1.
INLINE float tree_sum(lanes v) {
  typedef float f8 __attribute__((ext_vector_type(8)));
  typedef float f4 __attribute__((ext_vector_type(4)));
  f8 a = v.lo + v.hi;
  f4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

INLINE double tree_sum_double(dlanes v) {
  typedef double d8 __attribute__((ext_vector_type(8)));
  typedef double d4 __attribute__((ext_vector_type(4)));
  d8 a = v.lo + v.hi;
  d4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

INLINE float tree_greatest(lanes v) {
  float best = v[0];
  for (int l = 1; l < 16; l++) best = v[l] > best ? v[l] : best;
  return best;
}

INLINE long smaller(long a, long b) { return a < b ? a : b; }
INLINE long rounded_up(long a, long multiple) { return (a + multiple - 1) / multiple * multiple; }

/// Transposes 16 x 16 values: r[i][l] and r[l][i] change places.
INLINE void transpose(lanes r[16]) {
#define EXCHANGE(step, ...) \
  UNROLLED for (int i = 0; i < 16; i++) \
    if (!(i & step)) { \
      lanes a = r[i], b = r[i + step]; \
      r[i] = __builtin_shufflevector(a, b, __VA_ARGS__); \
      r[i + step] = __builtin_shufflevector(a, b, SHIFTED_##step); \
    }
#define SHIFTED_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define SHIFTED_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define SHIFTED_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define SHIFTED_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
  EXCHANGE(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
  EXCHANGE(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
  EXCHANGE(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
  EXCHANGE(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#undef EXCHANGE
#undef SHIFTED_8
#undef SHIFTED_4
#undef SHIFTED_2
#undef SHIFTED_1
}

/// out[p * out_stride + i] = in[i * in_stride + p] for i < rows and p < columns, zero for rows <= i < width.
/// Width is 8 or 16, rows from 1 to width. What lies `rows` rows further is fetched in advance.
INLINE void transpose_panel(
    float *out, long out_stride, const int width, const float *in, long in_stride, long rows, long columns) {
  const float *row[16];
  UNROLLED for (long i = 0; i < 16; i++) row[i] = in + smaller(i, rows - 1) * in_stride;
  for (long p = 0; p < columns; p += 16, out += 16 * out_stride) {
    lanes r[16];
    if (columns - p >= 16) {
      UNROLLED for (long i = 0; i < 16; i++) {
        r[i] = load(row[i] + p);
        if (i < width) __builtin_prefetch(row[i] + rows * in_stride + p);
      }
    } else {
      UNROLLED for (long i = 0; i < 16; i++) r[i] = load_part(row[i] + p, columns - p);
    }
    transpose(r);
    if (rows < width)
      UNROLLED for (long i = 0; i < 16; i++) r[i] = keep(r[i], rows);
    if (columns - p >= 16)
      UNROLLED for (long i = 0; i < 16; i++) store_width(out + i * out_stride, r[i], width);
    else
      for (long i = 0; i < columns - p; i++) store_width(out + i * out_stride, r[i], width);
  }
}
