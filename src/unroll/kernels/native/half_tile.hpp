// C (rows x panels of 16 columns) += A B, or = A B, with A and B of bfloat16 (halves.hpp) and float32 sums, by one of two instructions:
//
//   AMX            a tile of 16 rows and a panel: for each 16 pairs the sums over the first numbers of the pairs and over the second, both
//                  from zero, are joined and added to C
//   AVX-512 BF16   to C, pair by pair, the product of the second numbers and then that of the first
//
// Each of their steps is rounded once, to nearest; denormal operands and results are 0. The order depends on neither sizes nor tiles.
#pragma once

#include "halves.hpp"
#include "tile.hpp"

namespace unroll {
namespace UNROLL_NS {

struct Operands {
  int64_t pairs;
  const Pair *left, *right;
  float* c;
  int64_t c_row;
  UNROLL_INLINE Operands from_row(int64_t r) const { return {pairs, left + r * pairs, right, c + r * c_row, c_row}; }
  UNROLL_INLINE Operands from_panel(int64_t p) const { return {pairs, left, right + p * pairs * kPanel, c + p * kPanel, c_row}; }
};

#if defined(__AMX_BF16__)

// What the tile registers hold: of C four, of A two, all of so many rows; of B two.
struct alignas(64) TileShape {
  uint8_t palette, start, unused[14];
  uint16_t bytes[16];
  uint8_t rows[16];
};
#define UNROLL_SHAPE(n) \
  { 1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, { n, n, n, n, n, n, 16, 16 } }
constexpr TileShape kShapes[] = {UNROLL_SHAPE(1), UNROLL_SHAPE(2),  UNROLL_SHAPE(3),  UNROLL_SHAPE(4),  UNROLL_SHAPE(5),  UNROLL_SHAPE(6),
                                 UNROLL_SHAPE(7), UNROLL_SHAPE(8),  UNROLL_SHAPE(9),  UNROLL_SHAPE(10), UNROLL_SHAPE(11), UNROLL_SHAPE(12),
                                 UNROLL_SHAPE(13), UNROLL_SHAPE(14), UNROLL_SHAPE(15), UNROLL_SHAPE(16)};  // of 1 to 16 rows
#undef UNROLL_SHAPE

template <int NR, int NP, bool Add>
UNROLL_INLINE void half_tile(const Operands& o) {
  const Operands right = o.from_panel(NP - 1), below = o.from_row(16 * (NR - 1)), both = right.from_row(16 * (NR - 1));
  const int64_t left_bytes = o.pairs * int64_t(sizeof(Pair)), c_bytes = o.c_row * int64_t(sizeof(float));
  if constexpr (Add) {
    _tile_loadd(0, o.c, c_bytes);
    if constexpr (NP > 1) _tile_loadd(1, right.c, c_bytes);
    if constexpr (NR > 1) _tile_loadd(2, below.c, c_bytes);
    if constexpr (NR > 1 && NP > 1) _tile_loadd(3, both.c, c_bytes);
  } else {
    _tile_zero(0);
    if constexpr (NP > 1) _tile_zero(1);
    if constexpr (NR > 1) _tile_zero(2);
    if constexpr (NR > 1 && NP > 1) _tile_zero(3);
  }
  for (int64_t p = 0; p < o.pairs; p += kTilePairs) {
    _tile_loadd(4, o.left + p, left_bytes);
    _tile_loadd(6, o.right + p * kPanel, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (NP > 1) {
      _tile_loadd(7, right.right + p * kPanel, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (NR > 1) {
      _tile_loadd(5, below.left + p, left_bytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (NR > 1 && NP > 1) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, o.c, c_bytes);
  if constexpr (NP > 1) _tile_stored(1, right.c, c_bytes);
  if constexpr (NR > 1) _tile_stored(2, below.c, c_bytes);
  if constexpr (NR > 1 && NP > 1) _tile_stored(3, both.c, c_bytes);
}

template <int NR, bool Add>
inline void half_rows(int64_t panels, const Operands& o) {
  int64_t p = 0;
  for (; p + 2 <= panels; p += 2) half_tile<NR, 2, Add>(o.from_panel(p));
  if (p < panels) half_tile<NR, 1, Add>(o.from_panel(p));
}

// Tile registers are shaped here and given back here: whatever runs between two calls may use them.
template <bool Add>
__attribute__((noinline)) void half_product(int64_t rows, int64_t panels, const Operands& o) {
  asm volatile("" ::: "memory");  // GCC's tile loads do not say that they read memory
  _tile_loadconfig(&kShapes[15]);
  int64_t r = 0;
  for (; r + 32 <= rows; r += 32) half_rows<2, Add>(panels, o.from_row(r));
  for (; r + 16 <= rows; r += 16) half_rows<1, Add>(panels, o.from_row(r));
  if (r < rows) {
    _tile_loadconfig(&kShapes[rows - r - 1]);
    half_rows<1, Add>(panels, o.from_row(r));
  }
  _tile_release();
}

#else

template <int NR, int NP, bool Add>
__attribute__((noinline)) void half_tile(const Operands& o) {
  __m512 acc[NR][NP];
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NP; ++v) acc[r][v] = Add ? _mm512_load_ps(o.c + r * o.c_row + v * kPanel) : _mm512_setzero_ps();
#pragma GCC unroll 2
  for (int64_t p = 0; p < o.pairs; ++p) {
    __m512i right[NP];
#pragma GCC unroll 8
    for (int v = 0; v < NP; ++v) right[v] = _mm512_load_si512(o.right + (v * o.pairs + p) * kPanel);
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) {
      const __m512i left = _mm512_set1_epi32(int(o.left[r * o.pairs + p]));
#pragma GCC unroll 8
      for (int v = 0; v < NP; ++v) acc[r][v] = _mm512_dpbf16_ps(acc[r][v], (__m512bh)left, (__m512bh)right[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NP; ++v) _mm512_store_ps(o.c + r * o.c_row + v * kPanel, acc[r][v]);
}

template <int NP, bool Add>
inline void half_rows(int64_t nr, const Operands& o) {
  switch (nr) {
    case 1: return half_tile<1, NP, Add>(o);
    case 2: return half_tile<2, NP, Add>(o);
    case 3: return half_tile<3, NP, Add>(o);
    case 4: return half_tile<4, NP, Add>(o);
    case 5: return half_tile<5, NP, Add>(o);
    default: return half_tile<6, NP, Add>(o);
  }
}

template <bool Add>
void half_product(int64_t rows, int64_t panels, const Operands& o) {
  const Tiles tiles(rows, kProductRows);
  for (int64_t i = 0, r = 0; i < tiles.count; r += tiles.size(i++)) {
    const int64_t nr = tiles.size(i);
    int64_t p = 0;
    for (; p + 4 <= panels; p += 4) half_rows<4, Add>(nr, o.from_row(r).from_panel(p));
    switch (panels - p) {
      case 3: half_rows<3, Add>(nr, o.from_row(r).from_panel(p)); break;
      case 2: half_rows<2, Add>(nr, o.from_row(r).from_panel(p)); break;
      case 1: half_rows<1, Add>(nr, o.from_row(r).from_panel(p)); break;
      default: break;
    }
  }
}

#endif

}  // namespace UNROLL_NS
}  // namespace unroll
