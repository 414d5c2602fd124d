// Products of rows with weights that lie in panels of 16 outputs: in float32, or in whole numbers of 7 or 8 bits.

#pragma once

#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define DOT(sum, rows, weights) _mm256_dpbusd_epi32(sum, rows, weights)
#define HAS_DOT 1
#elif defined(__AVXVNNI__)
#define DOT(sum, rows, weights) _mm256_dpbusd_avx_epi32(sum, rows, weights)
#define HAS_DOT 1
#else
#define HAS_DOT 0
#endif

extern "C" {

// Panels are float32 [panels, k, 16], or with sums int8 [panels, padded_k / 4, 16, 4]. Scales, sums and the bias are padded
// to whole panels.
struct Linear {
  int64_t n, k, padded_k;
  const void* panels;
  const float* scales;
  const int32_t* sums;
  const float* bias;
};

}  // extern "C"

namespace {

constexpr int kColumns = 16;                 // outputs of a panel of weights
constexpr int kVectors = 2;                  // registers of eight outputs in it
constexpr int kDepth = 16;                   // inputs whose products are summed in 16 bits
constexpr int kRows = 128;                   // rows that wait for the end of their panel
constexpr int kTile = 6;                     // rows whose sums the registers hold beside two of weights
constexpr int kLevels = HAS_DOT ? 127 : 63;  // largest whole number of a row
constexpr int kOffset = kLevels + 1;         // added to rows, whose bytes have no sign

// Rows for a product: values `apart` from one row to the next, or bytes (padded_k of them) with a scale each.
struct Rows {
  const float* values;
  int64_t apart;
  const uint8_t* bytes;
  const float* scales;
};

inline bool is_whole(const Linear& linear) { return linear.sums != nullptr; }

inline __m256i load(const int32_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }
inline __m256i load(const int8_t* at) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)); }

// The products of `count` rows with one panel over `depth` inputs, added to sums[count][kColumns]. A function of its own,
// since its loop needs every register that there is.
template <int count>
[[gnu::noinline]] void tile(const float* panel, const float* rows, int64_t apart, int64_t depth, float* sums) {
  __m256 total[count][2];
#pragma GCC unroll 8
  for (int r = 0; r < count; ++r) {
    total[r][0] = _mm256_load_ps(sums + r * kColumns);
    total[r][1] = _mm256_load_ps(sums + r * kColumns + 8);
  }
  for (int64_t i = 0; i < depth; ++i, panel += kColumns) {
    const __m256 left = _mm256_loadu_ps(panel), right = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r) {
      const __m256 row = _mm256_broadcast_ss(rows + r * apart + i);
      total[r][0] = _mm256_fmadd_ps(row, left, total[r][0]);
      total[r][1] = _mm256_fmadd_ps(row, right, total[r][1]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < count; ++r) {
    _mm256_store_ps(sums + r * kColumns, total[r][0]);
    _mm256_store_ps(sums + r * kColumns + 8, total[r][1]);
  }
}

#if HAS_DOT

template <int count>
[[gnu::noinline]] void tile(const int8_t* panel, const uint8_t* rows, int64_t apart, int64_t depth, int32_t* sums) {
  __m256i total[count][2];
#pragma GCC unroll 8
  for (int r = 0; r < count; ++r) total[r][0] = load(sums + r * kColumns), total[r][1] = load(sums + r * kColumns + 8);
  for (int64_t i = 0; i < depth; i += 4, panel += 4 * kColumns) {
    const __m256i left = load(panel), right = load(panel + 32);
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r) {
      int32_t four;
      std::memcpy(&four, rows + r * apart + i, 4);
      const __m256i row = _mm256_set1_epi32(four);
      total[r][0] = DOT(total[r][0], row, left);
      total[r][1] = DOT(total[r][1], row, right);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < count; ++r) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * kColumns), total[r][0]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * kColumns + 8), total[r][1]);
  }
}

#else

using Bytes = __m256i;

// The next four are written as instructions: compilers put all products before all sums, for which there are not
// enough registers, and the detour over memory takes as long again as the products.

inline Bytes four_bytes(const uint8_t* at) {
  Bytes out;
  asm volatile("vpbroadcastd %1, %0" : "=x"(out) : "m"(*reinterpret_cast<const char(*)[4]>(at)));
  return out;
}

inline Bytes pairs(Bytes row, Bytes weights) {
  Bytes out;
  asm volatile("vpmaddubsw %2, %1, %0" : "=x"(out) : "x"(row), "x"(weights));
  return out;
}

inline void add_pairs(Bytes& sum, Bytes row, Bytes weights) {
  Bytes product;
  asm volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(sum), "=&x"(product) : "x"(row), "x"(weights));
}

inline void add_wide(int32_t* sums, Bytes part, Bytes ones) {
  Bytes wide;
  asm volatile("vpmaddwd %3, %2, %0\n\tvpaddd %1, %0, %0\n\tvmovdqu %0, %1"
               : "=&x"(wide), "+m"(*reinterpret_cast<int32_t(*)[8]>(sums))
               : "x"(part), "xm"(ones));
}

template <int count>
[[gnu::noinline]] void tile(const int8_t* panel, const uint8_t* rows, int64_t apart, int64_t depth, int32_t* sums) {
  const Bytes ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < depth; i += kDepth) {
    Bytes part[count][2];
#pragma GCC unroll 4
    for (int g = 0; g < kDepth / 4; ++g, panel += 4 * kColumns) {
      const Bytes left = load(panel), right = load(panel + 32);
#pragma GCC unroll 8
      for (int r = 0; r < count; ++r) {
        const Bytes row = four_bytes(rows + r * apart + i + 4 * g);
        if (g == 0) {
          part[r][0] = pairs(row, left), part[r][1] = pairs(row, right);
        } else {
          add_pairs(part[r][0], row, left), add_pairs(part[r][1], row, right);
        }
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < count; ++r) {
      add_wide(sums + r * kColumns, part[r][0], ones);
      add_wide(sums + r * kColumns + 8, part[r][1], ones);
    }
  }
}

#endif

template <typename Weight, typename Value, typename Sum>
void tiles(const Weight* panel, const Value* rows, int64_t apart, int64_t depth, int64_t count, Sum* sums) {
  int64_t r = 0;
  for (; r + kTile <= count; r += kTile) tile<kTile>(panel, rows + r * apart, apart, depth, sums + r * kColumns);
  const Value* rest = rows + r * apart;
  Sum* target = sums + r * kColumns;
  if (count - r == 5) tile<5>(panel, rest, apart, depth, target);
  if (count - r == 4) tile<4>(panel, rest, apart, depth, target);
  if (count - r == 3) tile<3>(panel, rest, apart, depth, target);
  if (count - r == 2) tile<2>(panel, rest, apart, depth, target);
  if (count - r == 1) tile<1>(panel, rest, apart, depth, target);
}

inline void put(const __m256 (&values)[kVectors], float* target, int64_t columns) {
  if (columns == kColumns) {
    for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(target + 8 * v, values[v]);
    return;
  }
  alignas(32) float all[kColumns];
  for (int v = 0; v < kVectors; ++v) _mm256_store_ps(all + 8 * v, values[v]);
  std::memcpy(target, all, columns * sizeof(float));
}

// The sums of `count` rows with the panel of outputs from `first` on, as outputs; rows of `out` are `apart` from each
// other.
inline void finished(const Linear& linear, const float* sums, const float*, int64_t first, int64_t count, float* out,
                     int64_t apart) {
  const int64_t columns = std::min<int64_t>(kColumns, linear.n - first);
  __m256 bias[kVectors];
  for (int v = 0; v < kVectors; ++v)
    bias[v] = linear.bias == nullptr ? _mm256_setzero_ps() : _mm256_loadu_ps(linear.bias + first + 8 * v);
  for (int64_t r = 0; r < count; ++r) {
    __m256 values[kVectors];
    for (int v = 0; v < kVectors; ++v)
      values[v] = _mm256_add_ps(_mm256_load_ps(sums + r * kColumns + 8 * v), bias[v]);
    put(values, out + r * apart, columns);
  }
}

inline void finished(const Linear& linear, const int32_t* sums, const float* row_scales, int64_t first, int64_t count,
                     float* out, int64_t apart) {
  const int64_t columns = std::min<int64_t>(kColumns, linear.n - first);
  __m256i offset[kVectors];
  __m256 scale[kVectors], bias[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    offset[v] = _mm256_mullo_epi32(load(linear.sums + first + 8 * v), _mm256_set1_epi32(kOffset));
    scale[v] = _mm256_loadu_ps(linear.scales + first + 8 * v);
    bias[v] = linear.bias == nullptr ? _mm256_setzero_ps() : _mm256_loadu_ps(linear.bias + first + 8 * v);
  }
  for (int64_t r = 0; r < count; ++r) {
    const __m256 row_scale = _mm256_set1_ps(row_scales[r]);
    __m256 values[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const __m256 whole = _mm256_cvtepi32_ps(_mm256_sub_epi32(load(sums + r * kColumns + 8 * v), offset[v]));
      values[v] = _mm256_fmadd_ps(whole, _mm256_mul_ps(scale[v], row_scale), bias[v]);
    }
    put(values, out + r * apart, columns);
  }
}

template <typename Weight, typename Value, typename Sum>
void panels_with(const Linear& linear, const Value* rows, int64_t stride, const float* row_scales, int64_t count,
                 float* out, int64_t apart) {
  // Inputs of a panel that are used before the next rows come: they stay in the cache meanwhile.
  constexpr int64_t block = sizeof(Weight) == 1 ? 768 : 256;
  const int64_t panels = (linear.n + kColumns - 1) / kColumns, depth = linear.padded_k;
  // In some parts for each thread: where another program takes a core for a moment, the rest goes on.
  const int64_t share = std::max<int64_t>(1, panels / (8 * omp_get_num_threads()));
#pragma omp for schedule(dynamic, share)
  for (int64_t p = 0; p < panels; ++p) {
    const Weight* panel = static_cast<const Weight*>(linear.panels) + p * kColumns * depth;
    alignas(32) Sum sums[kRows * kColumns];
    for (int64_t begin = 0; begin < count; begin += kRows) {
      const int64_t part = std::min<int64_t>(kRows, count - begin);
      std::memset(sums, 0, part * kColumns * sizeof(Sum));
      for (int64_t k = 0; k < depth; k += block)
        tiles(panel + k * kColumns, rows + begin * stride + k, stride, std::min(block, depth - k), part, sums);
      finished(linear, sums, row_scales + begin, p * kColumns, part, out + begin * apart + p * kColumns, apart);
    }
  }
}

// out[row][0..n) of all rows, `apart` values from one to the next, for the panels that are this thread's. Inside a
// parallel region; ends with its barrier.
inline void product(const Linear& linear, const Rows& rows, int64_t count, float* out, int64_t apart) {
  if (is_whole(linear))
    panels_with<int8_t, uint8_t, int32_t>(linear, rows.bytes, linear.padded_k, rows.scales, count, out, apart);
  else
    panels_with<float, float, float>(linear, rows.values, rows.apart, rows.scales, count, out, apart);
}

}  // namespace
