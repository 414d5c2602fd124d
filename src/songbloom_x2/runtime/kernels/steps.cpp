// One step of the sketch's language model and the layers of the diffusion transformer, weights in whole numbers of 7 or
// 8 bits: fewer passes over memory than one operation after another, and products that the CPU's integer units do.
//
// Rows are rounded to whole numbers, each with a scale of its own. With VNNI weights and rows have 8 bits. Without, both
// have 7, and the packing keeps the weights small enough (see layout.py) that 16 bits hold the sum of eight products:
// every product is exact either way, and what is lost is lost in the rounding of rows and weights only.
//
// Plain C at the border: pointers, sizes and float32; nothing of torch, no state. Compiled by build.py for the machine
// that runs it.

#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define DOT(sum, rows, weights) _mm256_dpbusd_epi32(sum, rows, weights)
#define HAS_DOT 1
#elif defined(__AVXVNNI__)
#define DOT(sum, rows, weights) _mm256_dpbusd_avx_epi32(sum, rows, weights)
#define HAS_DOT 1
#else
#define HAS_DOT 0
#endif

namespace {

constexpr int kColumns = 16;                    // outputs of a panel of weights
constexpr int kVectors = kColumns / 8;          // registers of eight outputs
constexpr int kDepth = 16;                      // inputs whose products are summed in 16 bits
constexpr int kBlock = 768;                     // inputs of a panel that are used before the next rows come
constexpr int kRows = 128;                      // rows that wait for the end of their panel
constexpr int64_t kPart = 2 * kRows;             // rows of a long sequence that go through a layer at once
constexpr int kTile = 5;                        // rows whose sums the registers hold beside two of weights
constexpr int kGap = 16;                        // between wide rows: else all begin in the same lines of the cache
constexpr int kLevels = HAS_DOT ? 127 : 63;     // largest whole number of a row
constexpr int kOffset = kLevels + 1;            // added to rows, whose bytes have no sign

}  // namespace

extern "C" {

struct Linear {
  int64_t n, k, padded_k;
  const int8_t* panels;
  const float* scales;
  const int32_t* sums;
  const float* bias;
};

struct Layer {
  const float* attention_norm;
  const float* mlp_norm;
  Linear qkv, out, gate_up, down;
};

// Keys and values of one layer, [rows, heads, capacity, head]. With scales they are int8, one scale for each position.
struct Cache {
  void* keys;
  void* values;
  float* key_scales;
  float* value_scales;
};

}  // extern "C"

namespace {

float sum8(__m256 v) {
  __m128 low = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_add_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_add_ss(low, _mm_movehdup_ps(low)));
}

float max8(__m256 v) {
  __m128 low = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_max_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_max_ss(low, _mm_movehdup_ps(low)));
}

__m256 magnitude(__m256 v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }

// e to the power of x, to a few units of the last place (the polynomial of Cephes).
__m256 exp8(__m256 x) {
  x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.0f)), _mm256_set1_ps(88.0f));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), 8);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.9875691500e-4f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
  p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
  const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

// ---- rows to whole numbers ----

// Row x of k values (a multiple of 8) becomes bytes, padded with zeros' byte up to padded; gives the scale.
float rounded(const float* x, int64_t k, int64_t padded, uint8_t* out) {
  __m256 most = _mm256_setzero_ps();
  for (int64_t i = 0; i < k; i += 8) most = _mm256_max_ps(most, magnitude(_mm256_loadu_ps(x + i)));
  const float largest = max8(most);
  const float scale = largest / kLevels;
  const __m256 inverse = _mm256_set1_ps(largest > 0 ? kLevels / largest : 0.0f);
  const __m256i offset = _mm256_set1_epi32(kOffset);
  for (int64_t i = 0; i < k; i += 8) {
    const __m256i whole = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
    const __m256i bytes = _mm256_add_epi32(whole, offset);
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i), _mm_packus_epi16(words, words));
  }
  std::memset(out + k, kOffset, padded - k);
  return scale;
}

// ---- products ----

// The products of `count` rows with one panel over `depth` inputs, added to sums[count][kColumns].
template <int count>
void tile(const int8_t* panel, const uint8_t* rows, int64_t stride, int64_t depth, int32_t* sums) {
  __m256i total[count][kVectors];
  for (int r = 0; r < count; ++r)
    for (int v = 0; v < kVectors; ++v)
      total[r][v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + r * kColumns + 8 * v));
#if HAS_DOT
  for (int64_t i = 0; i < depth; i += 4, panel += 4 * kColumns) {
    __m256i weights[kVectors];
    for (int v = 0; v < kVectors; ++v)
      weights[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + 32 * v));
    for (int r = 0; r < count; ++r) {
      int32_t four;
      std::memcpy(&four, rows + r * stride + i, 4);
      const __m256i row = _mm256_set1_epi32(four);
      for (int v = 0; v < kVectors; ++v) total[r][v] = DOT(total[r][v], row, weights[v]);
    }
  }
#else
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < depth; i += kDepth) {
    __m256i part[count][kVectors];
#pragma GCC unroll 4
    for (int g = 0; g < kDepth / 4; ++g, panel += 4 * kColumns) {
      __m256i weights[kVectors];
      for (int v = 0; v < kVectors; ++v)
        weights[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + 32 * v));
      for (int r = 0; r < count; ++r) {
        int32_t four;
        std::memcpy(&four, rows + r * stride + i + 4 * g, 4);
        const __m256i row = _mm256_set1_epi32(four);
        for (int v = 0; v < kVectors; ++v) {
          const __m256i pairs = _mm256_maddubs_epi16(row, weights[v]);
          part[r][v] = g ? _mm256_add_epi16(part[r][v], pairs) : pairs;
        }
      }
    }
    for (int r = 0; r < count; ++r)
      for (int v = 0; v < kVectors; ++v)
        total[r][v] = _mm256_add_epi32(total[r][v], _mm256_madd_epi16(part[r][v], ones));
  }
#endif
  for (int r = 0; r < count; ++r)
    for (int v = 0; v < kVectors; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * kColumns + 8 * v), total[r][v]);
}

void tiles(const int8_t* panel, const uint8_t* rows, int64_t stride, int64_t depth, int64_t count, int32_t* sums) {
  int64_t r = 0;
  for (; r + kTile <= count; r += kTile) tile<kTile>(panel, rows + r * stride, stride, depth, sums + r * kColumns);
  const uint8_t* rest = rows + r * stride;
  if (count - r == 4) tile<4>(panel, rest, stride, depth, sums + r * kColumns);
  if (count - r == 3) tile<3>(panel, rest, stride, depth, sums + r * kColumns);
  if (count - r == 2) tile<2>(panel, rest, stride, depth, sums + r * kColumns);
  if (count - r == 1) tile<1>(panel, rest, stride, depth, sums + r * kColumns);
}

// out[row][0..n) of all rows, `apart` values from one to the next, for the panels that are this thread's. Inside a
// parallel region; ends with its barrier.
void product(const Linear& linear, const uint8_t* rows, const float* row_scales, int64_t count, float* out,
             int64_t apart) {
  const int64_t panels = (linear.n + kColumns - 1) / kColumns, stride = linear.padded_k;
  // In some parts for each thread: where another program takes a core for a moment, the rest goes on.
  const int64_t share = std::max<int64_t>(1, panels / (8 * omp_get_num_threads()));
#pragma omp for schedule(dynamic, share)
  for (int64_t p = 0; p < panels; ++p) {
    const int8_t* panel = linear.panels + p * kColumns * stride;
    const int64_t first = p * kColumns, columns = std::min<int64_t>(kColumns, linear.n - first);
    alignas(32) int32_t sums[kRows * kColumns];
    for (int64_t begin = 0; begin < count; begin += kRows) {
      const int64_t part = std::min<int64_t>(kRows, count - begin);
      std::memset(sums, 0, part * kColumns * sizeof(int32_t));
      for (int64_t k = 0; k < stride; k += kBlock)
        tiles(panel + k * kColumns, rows + begin * stride + k, stride, std::min<int64_t>(kBlock, stride - k), part, sums);
      for (int64_t r = 0; r < part; ++r) {
        const float scale = row_scales[begin + r];
        float* target = out + (begin + r) * apart + first;
        alignas(32) float values[kColumns];
        for (int v = 0; v < kVectors; ++v) {
          const __m256i offset = _mm256_mullo_epi32(
              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(linear.sums + first + 8 * v)),
              _mm256_set1_epi32(kOffset));
          const __m256i whole = _mm256_sub_epi32(
              _mm256_load_si256(reinterpret_cast<const __m256i*>(sums + r * kColumns + 8 * v)), offset);
          const __m256 scales = _mm256_mul_ps(_mm256_loadu_ps(linear.scales + first + 8 * v), _mm256_set1_ps(scale));
          _mm256_store_ps(values + 8 * v, _mm256_mul_ps(_mm256_cvtepi32_ps(whole), scales));
        }
        if (linear.bias != nullptr)
          for (int64_t c = 0; c < columns; ++c) values[c] += linear.bias[first + c];
        std::memcpy(target, values, columns * sizeof(float));
      }
    }
  }
}

// ---- norms, gates, rotation ----

// x += added where there is one; then out = norm(x) * weight. Root mean square, or deviation from the mean.
void normed(float* x, const float* added, const float* weight, int64_t dim, bool centred, float* out) {
  __m256 sums = _mm256_setzero_ps(), squares = _mm256_setzero_ps();
  for (int64_t i = 0; i < dim; i += 8) {
    __m256 v = _mm256_loadu_ps(x + i);
    if (added != nullptr) {
      v = _mm256_add_ps(v, _mm256_loadu_ps(added + i));
      _mm256_storeu_ps(x + i, v);
    }
    sums = _mm256_add_ps(sums, v);
  }
  const __m256 mean = _mm256_set1_ps(centred ? sum8(sums) / dim : 0.0f);
  for (int64_t i = 0; i < dim; i += 8) {
    const __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), mean);
    squares = _mm256_fmadd_ps(v, v, squares);
  }
  const __m256 factor = _mm256_set1_ps(1.0f / std::sqrt(sum8(squares) / dim + (centred ? 1e-5f : 1e-6f)));
  for (int64_t i = 0; i < dim; i += 8) {
    const __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + i), mean), factor);
    _mm256_storeu_ps(out + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
  }
}

// The first half of a row of 2 * hidden values becomes silu(gate) * up.
void gated(float* row, int64_t hidden) {
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int64_t i = 0; i < hidden; i += 8) {
    const __m256 gate = _mm256_loadu_ps(row + i), up = _mm256_loadu_ps(row + hidden + i);
    const __m256 below = _mm256_add_ps(one, exp8(_mm256_sub_ps(_mm256_setzero_ps(), gate)));
    _mm256_storeu_ps(row + i, _mm256_mul_ps(_mm256_div_ps(gate, below), up));
  }
}

// Half-rotation of the first 2 * half values of a head, in place. half is a multiple of 8.
void rotated(float* head, const float* cosines, const float* sines, int64_t half) {
  for (int64_t i = 0; i < half; i += 8) {
    const __m256 a = _mm256_loadu_ps(head + i), b = _mm256_loadu_ps(head + half + i);
    const __m256 c = _mm256_loadu_ps(cosines + i), s = _mm256_loadu_ps(sines + i);
    _mm256_storeu_ps(head + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(head + half + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
  }
}

// values[0..count) become exp(value - largest); gives the reciprocal of their sum.
float softmax(float* values, int64_t count) {
  float largest = -INFINITY;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, values[i]);
  const __m256 most = _mm256_set1_ps(largest);
  __m256 sums = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 v = exp8(_mm256_sub_ps(_mm256_loadu_ps(values + i), most));
    _mm256_storeu_ps(values + i, v);
    sums = _mm256_add_ps(sums, v);
  }
  float total = sum8(sums);
  for (; i < count; ++i) total += values[i] = std::exp(values[i] - largest);
  return 1.0f / total;
}

// ---- attention of one new position to a cache ----

__m256 eight(const float* at) { return _mm256_loadu_ps(at); }
__m256 eight(const int8_t* at) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
}

void stored(const float* from, int64_t size, float* to, float*) { std::memcpy(to, from, size * sizeof(float)); }
void stored(const float* from, int64_t size, int8_t* to, float* scale) {
  float largest = 0;
  for (int64_t i = 0; i < size; ++i) largest = std::max(largest, std::fabs(from[i]));
  *scale = largest / 127;
  const float inverse = largest > 0 ? 127 / largest : 0;
  for (int64_t i = 0; i < size; ++i) to[i] = static_cast<int8_t>(std::nearbyint(from[i] * inverse));
}

template <typename Stored, int width>
void attended(const float* query, const Stored* keys, const Stored* values, const float* key_scales,
              const float* value_scales, int64_t count, float* scores, float* out) {
  constexpr int parts = width / 8;
  const float shrink = 1.0f / std::sqrt(static_cast<float>(width));
  __m256 q[parts], sums[parts];
  for (int d = 0; d < parts; ++d) q[d] = _mm256_loadu_ps(query + 8 * d), sums[d] = _mm256_setzero_ps();
  for (int64_t j = 0; j < count; ++j) {
    __m256 a = _mm256_setzero_ps(), b = _mm256_setzero_ps();
    for (int d = 0; d < parts; d += 2) {
      a = _mm256_fmadd_ps(q[d], eight(keys + j * width + 8 * d), a);
      b = _mm256_fmadd_ps(q[d + 1], eight(keys + j * width + 8 * d + 8), b);
    }
    scores[j] = sum8(_mm256_add_ps(a, b)) * shrink * (key_scales == nullptr ? 1.0f : key_scales[j]);
  }
  const float inverse = softmax(scores, count);
  for (int64_t j = 0; j < count; ++j) {
    const __m256 weight = _mm256_set1_ps(scores[j] * (value_scales == nullptr ? 1.0f : value_scales[j]));
    for (int d = 0; d < parts; ++d) sums[d] = _mm256_fmadd_ps(weight, eight(values + j * width + 8 * d), sums[d]);
  }
  for (int d = 0; d < parts; ++d) _mm256_storeu_ps(out + 8 * d, _mm256_mul_ps(sums[d], _mm256_set1_ps(inverse)));
}

// Stores the new key and value of one head of one row, then attends to all that row has.
template <typename Stored>
void cached(float* query, float* key, const float* value, const Cache& cache, int64_t slot, int64_t capacity,
            int64_t position, int64_t width, const float* cosines, const float* sines, float* scores, float* out) {
  rotated(query, cosines, sines, width / 2);
  rotated(key, cosines, sines, width / 2);
  Stored* keys = static_cast<Stored*>(cache.keys) + slot * capacity * width;
  Stored* values = static_cast<Stored*>(cache.values) + slot * capacity * width;
  float* key_scales = cache.key_scales == nullptr ? nullptr : cache.key_scales + slot * capacity;
  float* value_scales = cache.value_scales == nullptr ? nullptr : cache.value_scales + slot * capacity;
  stored(key, width, keys + position * width, key_scales + position);
  stored(value, width, values + position * width, value_scales + position);
  if (width == 64) attended<Stored, 64>(query, keys, values, key_scales, value_scales, position + 1, scores, out);
  if (width == 32) attended<Stored, 32>(query, keys, values, key_scales, value_scales, position + 1, scores, out);
  if (width == 128) attended<Stored, 128>(query, keys, values, key_scales, value_scales, position + 1, scores, out);
}

// ---- attention of a whole sequence to itself ----

// One head: queries from `first` on; keys and values of `length` rows `stride` apart. `turned` holds
// (width + 1) * padded values.
void self_attended(float* rows, int64_t length, int64_t first, int64_t stride, int64_t dim, int64_t width,
                   const float* cosines, const float* sines, int64_t half, float* turned, float* out, int64_t out_stride) {
  const int64_t padded = (length + 7) / 8 * 8;
  float* scores = turned + width * padded;
  const float shrink = 1.0f / std::sqrt(static_cast<float>(width));
  for (int64_t j = 0; j < length; ++j) {
    rotated(rows + j * stride + dim, cosines + j * half, sines + j * half, half);
    for (int64_t d = 0; d < width; ++d) turned[d * padded + j] = rows[j * stride + dim + d] * shrink;
  }
  for (int64_t d = 0; d < width; ++d)
    for (int64_t j = length; j < padded; ++j) turned[d * padded + j] = 0;
  for (int64_t i = first; i < length; ++i) {
    float* query = rows + i * stride;
    rotated(query, cosines + i * half, sines + i * half, half);
    for (int64_t begin = 0; begin < padded; begin += 64) {
      const int64_t vectors = std::min<int64_t>(64, padded - begin) / 8;
      __m256 sums[8];
      for (int v = 0; v < 8; ++v) sums[v] = _mm256_setzero_ps();
      if (vectors == 7) {
        for (int64_t d = 0; d < width; ++d) {
          const __m256 q = _mm256_set1_ps(query[d]);
          for (int v = 0; v < 7; ++v)
            sums[v] = _mm256_fmadd_ps(q, _mm256_loadu_ps(turned + d * padded + begin + 8 * v), sums[v]);
        }
      } else {
        for (int64_t d = 0; d < width; ++d) {
          const __m256 q = _mm256_set1_ps(query[d]);
          for (int64_t v = 0; v < vectors; ++v)
            sums[v] = _mm256_fmadd_ps(q, _mm256_loadu_ps(turned + d * padded + begin + 8 * v), sums[v]);
        }
      }
      for (int64_t v = 0; v < vectors; ++v) _mm256_storeu_ps(scores + begin + 8 * v, sums[v]);
    }
    const float inverse = softmax(scores, length);
    float* target = out + (i - first) * out_stride;
    for (int64_t d = 0; d < width; d += 32) {
      __m256 sums[4];
      for (int v = 0; v < 4; ++v) sums[v] = _mm256_setzero_ps();
      for (int64_t j = 0; j < length; ++j) {
        const __m256 weight = _mm256_set1_ps(scores[j]);
        const float* value = rows + j * stride + 2 * dim + d;
        for (int v = 0; v < 4; ++v) sums[v] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(value + 8 * v), sums[v]);
      }
      for (int v = 0; v < 4; ++v)
        _mm256_storeu_ps(target + d + 8 * v, _mm256_mul_ps(sums[v], _mm256_set1_ps(inverse)));
    }
  }
}

// What a call writes on the way, in memory that its caller keeps: asking the system for it anew costs as much as a
// layer. Carved from one stretch of bytes.
struct Room {
  float *normed, *projected, *attended, *wide, *added, *scales;
  uint8_t* bytes;
  int64_t size = 0;

  Room(char* memory, int64_t rows, int64_t dim, int64_t hidden) {
    normed = take<float>(memory, rows * dim);
    projected = take<float>(memory, rows * (3 * dim + kGap));
    attended = take<float>(memory, rows * dim);
    wide = take<float>(memory, rows * (2 * hidden + kGap));
    added = take<float>(memory, rows * dim);
    scales = take<float>(memory, rows);
    bytes = take<uint8_t>(memory, rows * (std::max(dim, hidden) + kDepth));
  }

 private:
  template <typename T>
  T* take(char* memory, int64_t count) {
    T* at = reinterpret_cast<T*>(memory + size);
    size += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return at;
  }
};

// The next two are called inside a parallel region by all of its threads; both leave their rows in room.added.

// What attention gave, through its last projection.
void projected_out(const Layer& layer, const Room& room, const float* attended, int64_t rows, int64_t dim) {
#pragma omp for schedule(static)
  for (int64_t r = 0; r < rows; ++r)
    room.scales[r] = rounded(attended + r * dim, dim, layer.out.padded_k, room.bytes + r * layer.out.padded_k);
  product(layer.out, room.bytes, room.scales, rows, room.added, dim);
}

// Rows that lie rounded in room.bytes, through the gated layer.
void fed_forward(const Layer& layer, const Room& room, int64_t rows, int64_t dim, int64_t hidden) {
  product(layer.gate_up, room.bytes, room.scales, rows, room.wide, 2 * hidden + kGap);
#pragma omp for schedule(static)
  for (int64_t r = 0; r < rows; ++r) {
    float* row = room.wide + r * (2 * hidden + kGap);
    gated(row, hidden);
    room.scales[r] = rounded(row, hidden, layer.down.padded_k, room.bytes + r * layer.down.padded_k);
  }
  product(layer.down, room.bytes, room.scales, rows, room.added, dim);
}

}  // namespace

extern "C" {

// Largest whole numbers of rows and of weights; inputs that are summed in 16 bits; outputs of a panel.
void shape(int64_t* out) {
  out[0] = kLevels, out[1] = HAS_DOT, out[2] = kDepth, out[3] = kColumns;
}

// Bytes of memory that the calls below want for so many rows.
int64_t room(int64_t rows, int64_t dim, int64_t hidden) { return Room(nullptr, rows, dim, hidden).size; }

// rows [count, k] -> out [count, n]; memory: room(count, k, 0).
void linear(const Linear* layer, const float* rows, int64_t count, float* out, char* memory, int threads) {
  const Room place(memory, count, layer->k, 0);
  uint8_t* bytes = place.bytes;
  float* scales = place.scales;
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static)
    for (int64_t r = 0; r < count; ++r)
      scales[r] = rounded(rows + r * layer->k, layer->k, layer->padded_k, bytes + r * layer->padded_k);
    product(*layer, bytes, scales, count, out, layer->n);
  }
}

// The part of a layer of the LM before its attention, for whole sequences: x [count, dim] -> projected [count, 3 * dim],
// queries and keys turned. Row r is at position r % length; cosines, sines [length, width / 2].
void lm_before(const Layer* layer, const float* x, float* projected, const float* cosines, const float* sines,
               int64_t count, int64_t length, int64_t dim, int64_t heads, char* memory, int threads) {
  const int64_t width = dim / heads, stride = layer->qkv.padded_k;
  const Room room(memory, std::min(kPart, count), dim, 0);
#pragma omp parallel num_threads(threads)
  for (int64_t begin = 0; begin < count; begin += kPart) {
    const int64_t rows = std::min(kPart, count - begin);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
      float* row = room.normed + r * dim;
      normed(const_cast<float*>(x) + (begin + r) * dim, nullptr, layer->attention_norm, dim, false, row);
      room.scales[r] = rounded(row, dim, stride, room.bytes + r * stride);
    }
    product(layer->qkv, room.bytes, room.scales, rows, projected + begin * 3 * dim, 3 * dim);
#pragma omp for schedule(static)
    for (int64_t r = begin; r < begin + rows; ++r)
      for (int64_t head = 0; head < 2 * heads; ++head)
        rotated(projected + r * 3 * dim + head * width, cosines + r % length * width / 2,
                sines + r % length * width / 2, width / 2);
  }
}

// The part after it: x [count, dim] becomes the layer's output; attended [count, dim].
void lm_after(const Layer* layer, float* x, const float* attended, int64_t count, int64_t dim, int64_t hidden,
              char* memory, int threads) {
  const Room room(memory, std::min(kPart, count), dim, hidden);
#pragma omp parallel num_threads(threads)
  for (int64_t begin = 0; begin < count; begin += kPart) {
    const int64_t rows = std::min(kPart, count - begin);
    float* at = x + begin * dim;
    projected_out(*layer, room, attended + begin * dim, rows, dim);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
      normed(at + r * dim, room.added + r * dim, layer->mlp_norm, dim, false, room.normed + r * dim);
      room.scales[r] = rounded(room.normed + r * dim, dim, layer->gate_up.padded_k,
                               room.bytes + r * layer->gate_up.padded_k);
    }
    fed_forward(*layer, room, rows, dim, hidden);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < dim; ++i) at[r * dim + i] += room.added[r * dim + i];
  }
}

// One step: x [rows, dim] is changed; out [rows, dim] normed. cosines, sines [rows, width / 2]; positions [rows]: where
// the step's keys go.
void lm_step(const Layer* layers, const Cache* caches, int64_t count, const float* final_norm, float* x, float* out,
             const int64_t* positions, const float* cosines, const float* sines, int64_t rows, int64_t dim, int64_t heads,
             int64_t hidden, int64_t capacity, char* memory, int threads) {
  const Room room(memory, rows, dim, hidden);
  const int64_t width = dim / heads;
  const bool small = caches[0].key_scales != nullptr;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scores(capacity);
    for (int64_t l = 0; l < count; ++l) {
      const Layer& layer = layers[l];
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        normed(x + r * dim, l ? room.added + r * dim : nullptr, layer.attention_norm, dim, false,
               room.normed + r * dim);
        room.scales[r] = rounded(room.normed + r * dim, dim, layer.qkv.padded_k,
                                 room.bytes + r * layer.qkv.padded_k);
      }
      product(layer.qkv, room.bytes, room.scales, rows, room.projected, 3 * dim + kGap);
#pragma omp for schedule(dynamic)
      for (int64_t slot = 0; slot < rows * heads; ++slot) {
        const int64_t r = slot / heads, h = slot % heads;
        float* query = room.projected + r * (3 * dim + kGap) + h * width;
        float* target = room.attended + r * dim + h * width;
        const float *c = cosines + r * width / 2, *s = sines + r * width / 2;
        if (small)
          cached<int8_t>(query, query + dim, query + 2 * dim, caches[l], slot, capacity, positions[r], width, c, s,
                         scores.data(), target);
        else
          cached<float>(query, query + dim, query + 2 * dim, caches[l], slot, capacity, positions[r], width, c, s,
                        scores.data(), target);
      }
      projected_out(layer, room, room.attended, rows, dim);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        normed(x + r * dim, room.added + r * dim, layer.mlp_norm, dim, false, room.normed + r * dim);
        room.scales[r] = rounded(room.normed + r * dim, dim, layer.gate_up.padded_k,
                                 room.bytes + r * layer.gate_up.padded_k);
      }
      fed_forward(layer, room, rows, dim, hidden);
    }
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r)
      normed(x + r * dim, room.added + r * dim, final_norm, dim, false, out + r * dim);
  }
}

// All layers of the DiT: x [batch, length, dim] is changed; out [batch, last, dim] are the last rows after them.
// cosines, sines [length, half].
void dit_layers(const Layer* layers, int64_t count, float* x, float* out, const float* cosines, const float* sines,
                int64_t batch, int64_t length, int64_t last, int64_t dim, int64_t heads, int64_t hidden, int64_t half,
                char* memory, int threads) {
  const int64_t all = batch * length, width = dim / heads, padded = (length + 7) / 8 * 8;
  const Room room(memory, all, dim, hidden);
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> turned((width + 1) * padded);
    for (int64_t l = 0; l < count; ++l) {
      const Layer& layer = layers[l];
      // Of the last layer only the last rows go on: their queries look at the keys of all.
      const int64_t first = l + 1 == count ? length - last : 0, kept = length - first, rows = batch * kept;
#pragma omp for schedule(static)
      for (int64_t r = 0; r < all; ++r) {
        normed(x + r * dim, l ? room.added + r * dim : nullptr, layer.attention_norm, dim, true,
               room.normed + r * dim);
        room.scales[r] = rounded(room.normed + r * dim, dim, layer.qkv.padded_k,
                                 room.bytes + r * layer.qkv.padded_k);
      }
      product(layer.qkv, room.bytes, room.scales, all, room.projected, 3 * dim + kGap);
#pragma omp for schedule(dynamic)
      for (int64_t slot = 0; slot < batch * heads; ++slot) {
        const int64_t b = slot / heads, h = slot % heads;
        self_attended(room.projected + b * length * (3 * dim + kGap) + h * width, length, first, 3 * dim + kGap, dim, width,
                      cosines, sines, half, turned.data(), room.attended + b * kept * dim + h * width, dim);
      }
      projected_out(layer, room, room.attended, rows, dim);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        float* row = x + (r / kept * length + first + r % kept) * dim;
        normed(row, room.added + r * dim, layer.mlp_norm, dim, true, room.normed + r * dim);
        room.scales[r] = rounded(room.normed + r * dim, dim, layer.gate_up.padded_k,
                                 room.bytes + r * layer.gate_up.padded_k);
      }
      fed_forward(layer, room, rows, dim, hidden);
    }
    const int64_t first = length - last;
#pragma omp for schedule(static)
    for (int64_t r = 0; r < batch * last; ++r) {
      const float* row = x + (r / last * length + first + r % last) * dim;
      const float* added = room.added + r * dim;
      for (int64_t i = 0; i < dim; ++i) out[r * dim + i] = row[i] + added[i];
    }
  }
}

}  // extern "C"
