// Attention: of one new position to a cache, and of a short sequence to itself.

#pragma once

#include "rows.h"

extern "C" {

// Keys and values of one layer, [rows, heads, capacity, head]. With scales they are int8, one scale for each position.
struct Cache {
  void* keys;
  void* values;
  float* key_scales;
  float* value_scales;
};

}  // extern "C"

namespace {

inline __m256 eight(const float* at) { return _mm256_loadu_ps(at); }
inline __m256 eight(const int8_t* at) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
}

inline void stored(const float* from, int64_t size, float* to, float*) { std::memcpy(to, from, size * sizeof(float)); }
inline void stored(const float* from, int64_t size, int8_t* to, float* scale) {
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

// One head: queries from `first` on; keys and values of `length` rows `stride` apart. `turned` holds
// (width + 1) * padded values.
inline void self_attended(float* rows, int64_t length, int64_t first, int64_t stride, int64_t dim, int64_t width,
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

}  // namespace
