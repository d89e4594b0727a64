// Matrices of bfloat16, the upper half of a float32, rounded to nearest, ties to even: operands of products.hpp's sums.
//
// Two neighbours along k are a pair, 32 bits. Along k lie a whole number of tiles of 16 pairs, zeros behind the last number:
//
//   left   [row][pair]          A's rows
//   right  [panel][pair][16]    B's columns, sixteen a panel
//
// Numbers below 2^-126 become 0, as the processor's instruction has it.
#pragma once

#include "share.hpp"

namespace unroll {
namespace UNROLL_NS {

typedef uint32_t Pair;
constexpr int64_t kTilePairs = 16, kPanel = 16;

// How many pairs `k` numbers have, with the zeros behind.
UNROLL_INLINE int64_t pairs_of(int64_t k) { return (k + 2 * kTilePairs - 1) / (2 * kTilePairs) * kTilePairs; }

UNROLL_INLINE __m256i halves(__m512 x) { return (__m256i)_mm512_cvtneps_pbh(x); }

// Up to sixteen numbers, zeros behind them.
UNROLL_INLINE __m512 first(const float* from, int64_t n) {
  return _mm512_maskz_loadu_ps(n >= 16 ? 0xffff : n > 0 ? __mmask16((1u << n) - 1) : 0, from);
}

// Pairs of the numbers of two vectors that are neighbours along k.
UNROLL_INLINE __m512i paired(__m256i even, __m256i odd) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

// Rows of n numbers, `stride` apart, to left.
inline void pair_rows(const float* from, int64_t stride, int64_t rows, int64_t n, Pair* to) {
  const int64_t pairs = pairs_of(n);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < pairs; p += kTilePairs) {
      const float* x = from + r * stride + 2 * p;
      _mm512_store_si512(to + r * pairs + p, (__m512i)_mm512_cvtne2ps_pbh(first(x + 16, n - 2 * p - 16), first(x, n - 2 * p)));
    }
}

// A row of n numbers, neighbours along k, to one column of a panel of right; or nothing of a column that is none: zeros.
inline void pair_column(const float* from, int64_t n, Pair* to) {
  alignas(64) Pair some[kTilePairs] = {};
  for (int64_t p = 0; p < pairs_of(n); ++p) {
    if (from && p % kTilePairs == 0)
      _mm512_store_si512(some, (__m512i)_mm512_cvtne2ps_pbh(first(from + 2 * p + 16, n - 2 * p - 16), first(from + 2 * p, n - 2 * p)));
    to[p * kPanel] = some[p % kTilePairs];
  }
}

// 16 x 16 pairs change rows and columns.
UNROLL_INLINE void transpose(__m512i (&v)[16]) {
  __m512i w[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) w[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]), w[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j)
      v[i + 2 * j] = _mm512_unpacklo_epi64(w[i + j], w[i + j + 2]), v[i + 2 * j + 1] = _mm512_unpackhi_epi64(w[i + j], w[i + j + 2]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 8)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      w[i + j] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0x88), w[i + j + 4] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0xdd);
#pragma GCC unroll 16
  for (int j = 0; j < 8; ++j) v[j] = _mm512_shuffle_i32x4(w[j], w[j + 8], 0x88), v[j + 8] = _mm512_shuffle_i32x4(w[j], w[j + 8], 0xdd);
}

// Where the rows of a chunk of steps lie along k: step by step, row by row, and behind an odd number of rows one of zeros.
struct ChunkRows {
  int64_t steps, R;
  UNROLL_INLINE int64_t half() const { return (R + 1) / 2; }
  UNROLL_INLINE int64_t count() const { return steps * half(); }  // pairs with something in them
  UNROLL_INLINE int64_t pairs() const { return pairs_of(2 * count()); }
};

// Columns of a chunk's rows of n numbers, n in whole blocks of 16, to left: [column][pair].
inline void pair_columns(const float* from, int64_t n, ChunkRows rows, Pair* to) {
  alignas(64) static constexpr float kZeros[16] = {};
  const int64_t pairs = rows.pairs();
  for (int64_t p = 0; p < pairs; p += kTilePairs) {
    const float *even[16], *odd[16];
    int64_t wide[2][16];  // 0 where zeros are read
    for (int64_t i = 0; i < 16; ++i) {
      const int64_t step = (p + i) / rows.half(), row = (p + i) % rows.half() * 2;
      const bool here[2] = {step < rows.steps, step < rows.steps && row + 1 < rows.R};
      even[i] = here[0] ? from + (step * rows.R + row) * n : kZeros, wide[0][i] = here[0];
      odd[i] = here[1] ? from + (step * rows.R + row + 1) * n : kZeros, wide[1][i] = here[1];
    }
    for (int64_t column = 0; column < n; column += 16) {
      __m512i v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i)
        v[i] = paired(halves(_mm512_load_ps(even[i] + column * wide[0][i])), halves(_mm512_load_ps(odd[i] + column * wide[1][i])));
      transpose(v);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) _mm512_store_si512(to + (column + i) * pairs + p, v[i]);
    }
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
