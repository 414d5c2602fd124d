// What happens to single rows between products: norms, gates, rotation, softmax, and rounding to whole numbers.

#pragma once

#include <cmath>

#include "products.h"

namespace {

inline float sum8(__m256 v) {
  __m128 low = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_add_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_add_ss(low, _mm_movehdup_ps(low)));
}

inline float max8(__m256 v) {
  __m128 low = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_max_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_max_ss(low, _mm_movehdup_ps(low)));
}

inline __m256 magnitude(__m256 v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }

// e to the power of x, to a few units of the last place (the polynomial of Cephes).
inline __m256 exp8(__m256 x) {
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

// Row x of k values (a multiple of 8) becomes bytes, padded with zeros' byte up to padded; gives the scale.
inline float rounded(const float* x, int64_t k, int64_t padded, uint8_t* out) {
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

// x += added where there is one; then out = norm(x) * weight. Root mean square, or deviation from the mean.
inline void normed(float* x, const float* added, const float* weight, int64_t dim, bool centred, float* out) {
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
inline void gated(float* row, int64_t hidden) {
  const __m256 one = _mm256_set1_ps(1.0f);
  for (int64_t i = 0; i < hidden; i += 8) {
    const __m256 gate = _mm256_loadu_ps(row + i), up = _mm256_loadu_ps(row + hidden + i);
    const __m256 below = _mm256_add_ps(one, exp8(_mm256_sub_ps(_mm256_setzero_ps(), gate)));
    _mm256_storeu_ps(row + i, _mm256_mul_ps(_mm256_div_ps(gate, below), up));
  }
}

// Half-rotation of the first 2 * half values of a head, in place. half is a multiple of 8.
inline void rotated(float* head, const float* cosines, const float* sines, int64_t half) {
  for (int64_t i = 0; i < half; i += 8) {
    const __m256 a = _mm256_loadu_ps(head + i), b = _mm256_loadu_ps(head + half + i);
    const __m256 c = _mm256_loadu_ps(cosines + i), s = _mm256_loadu_ps(sines + i);
    _mm256_storeu_ps(head + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
    _mm256_storeu_ps(head + half + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
  }
}

// values[0..count) become exp(value - largest); gives the reciprocal of their sum.
inline float softmax(float* values, int64_t count) {
  float largest = -INFINITY;
  int64_t i = 0;
  if (count >= 8) {
    __m256 most = _mm256_loadu_ps(values);
    for (i = 8; i + 8 <= count; i += 8) most = _mm256_max_ps(most, _mm256_loadu_ps(values + i));
    largest = max8(most);
  }
  for (; i < count; ++i) largest = std::max(largest, values[i]);
  const __m256 most = _mm256_set1_ps(largest);
  __m256 sums = _mm256_setzero_ps();
  for (i = 0; i + 8 <= count; i += 8) {
    const __m256 v = exp8(_mm256_sub_ps(_mm256_loadu_ps(values + i), most));
    _mm256_storeu_ps(values + i, v);
    sums = _mm256_add_ps(sums, v);
  }
  float total = sum8(sums);
  for (; i < count; ++i) total += values[i] = std::exp(values[i] - largest);
  return 1.0f / total;
}

}  // namespace
