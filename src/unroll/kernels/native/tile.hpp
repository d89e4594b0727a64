// The one matrix kernel: a tile of NR rows x NV vectors of C, kept in registers while k runs,
//
//     C[r][v] += sum_k A[k, r] * B[k, v]
//
// with A read one number at a time and broadcast, and B read in whole vectors. The four products of a recurrent layer are the
// same loop with other strides: z = W h (A: states), dh = dz W (A: gate deltas), dW += dz' h (A: gate deltas, k over rows and steps)
// and dW_x += x' dz (A: inputs). A sum starts at zero and is added to C at its end: sums of sums, whose rounding errors grow with the
// square root of their number and not of all terms. Each number of C is summed in the order of k, whatever the tile's size, so the bits do not
// depend on how rows are grouped.
#pragma once

#include "vec.hpp"

namespace unroll {
namespace UNROLL_NS {

// A's two strides, in numbers: along the rows of C, and along k. One of them is 1 and known when this is compiled.
struct AlongK {  // A[r * stride + k]
  int64_t stride;
  UNROLL_INLINE int64_t row() const { return stride; }
  UNROLL_INLINE int64_t step() const { return 1; }
};
struct AlongRows {  // A[k * stride + r]
  int64_t stride;
  UNROLL_INLINE int64_t row() const { return 1; }
  UNROLL_INLINE int64_t step() const { return stride; }
};

struct Constant {  // A[0]
  UNROLL_INLINE int64_t row() const { return 0; }
  UNROLL_INLINE int64_t step() const { return 0; }
};

// acc[r][offset + v] += ...; `acc` has NA vectors a row, of which this touches NV from `Offset` on.
// Memory that will be read soon: each step of k asks for one cache line of one of the two, so that waiting for memory and
// multiplying overlap. Only ever a hint.
struct Ahead {
  const char* near;  // into the first-level cache
  const char* far;   // into the second
  UNROLL_INLINE void fetch(int64_t lines) const {
    for (int64_t i = 0; i < lines; ++i) __builtin_prefetch(near + i * 64, 0, 3), __builtin_prefetch(far + i * 64, 0, 2);
  }
};

template <class T, int NR, int NA, int Offset, int NV, bool Fetch = false, class Order>
UNROLL_INLINE void accumulate(Vec<T> (&acc)[NR][NA], int64_t count, const T* a, Order order, const T* b, int64_t b_step,
                              Ahead ahead = {}) {
#pragma GCC unroll 2
  for (int64_t k = 0; k < count; ++k) {
    if constexpr (Fetch) {
      if (k % 2)
        __builtin_prefetch(ahead.near + k / 2 * 64, 0, 3);
      else
        __builtin_prefetch(ahead.far + k / 2 * 64, 0, 2);
    }
    Vec<T> bv[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) bv[v] = load(b + k * b_step + v * kLanes<T>);
#pragma GCC unroll 32
    for (int r = 0; r < NR; ++r) {
      const Vec<T> av = splat(a[r * order.row() + k * order.step()]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][Offset + v] = fma<T>(av, bv[v], acc[r][Offset + v]);
    }
  }
}

template <class T, int NR, int NV, bool Fetch, class Order>
__attribute__((noinline)) void product_tile(int64_t count, const T* a, Order order, const T* b, int64_t b_step, T* c,
                                            int64_t c_row, Ahead ahead) {
  Vec<T> acc[NR][NV];
#pragma GCC unroll 32
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) acc[r][v] = Vec<T>{};
  accumulate<T, NR, NV, 0, NV, Fetch>(acc, count, a, order, b, b_step, ahead);
#pragma GCC unroll 32
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) store(c + r * c_row + v * kLanes<T>, load(c + r * c_row + v * kLanes<T>) + acc[r][v]);
}

// Cuts `rows` into the fewest tiles of at most `most` rows, as equal as they can be (64 by 6: nine of 6, two of 5).
struct Tiles {
  int64_t count, base, longer;
  UNROLL_INLINE Tiles(int64_t rows, int64_t most) {
    count = (rows + most - 1) / most;
    base = count ? rows / count : 0;
    longer = count ? rows % count : 0;
  }
  UNROLL_INLINE int64_t size(int64_t i) const { return base + (i < longer ? 1 : 0); }
};

constexpr int kProductVectors = kAccumulators >= 24 ? 4 : 2;
constexpr int kProductRows = kAccumulators / kProductVectors;

template <class T, int NV, bool Fetch = false, class Order>
UNROLL_INLINE void product_rows(int64_t nr, int64_t count, const T* a, Order order, const T* b, int64_t b_step, T* c,
                                int64_t c_row, Ahead ahead = {}) {
  switch (nr) {
    case 1: return product_tile<T, 1, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
    case 2: return product_tile<T, 2, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
    case 3: return product_tile<T, 3, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
    case 4: return product_tile<T, 4, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
    case 5: return product_tile<T, 5, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
    default: return product_tile<T, 6, NV, Fetch>(count, a, order, b, b_step, c, c_row, ahead);
  }
}

// C (rows x vectors) += A B over `count`. With Fetch, the first vectors of each tile of rows ask for `ahead`.
template <class T, bool Fetch = false, class Order>
inline void product(int64_t rows, int64_t vectors, int64_t count, const T* a, Order order, const T* b, int64_t b_step, T* c,
                    int64_t c_row, Ahead ahead = {}) {
  const Tiles tiles(rows, kProductRows);
  int64_t row = 0;
  for (int64_t i = 0; i < tiles.count; ++i) {
    const int64_t nr = tiles.size(i);
    const T* ai = a + row * order.row();
    T* ci = c + row * c_row;
    int64_t v = 0;
    if (Fetch && v + kProductVectors <= vectors) {
      product_rows<T, kProductVectors, true>(nr, count, ai, order, b, b_step, ci, c_row, ahead);
      v = kProductVectors;
    }
    for (; v + kProductVectors <= vectors; v += kProductVectors)
      product_rows<T, kProductVectors>(nr, count, ai, order, b + v * kLanes<T>, b_step, ci + v * kLanes<T>, c_row);
    switch (vectors - v) {
      case 3: product_rows<T, 3>(nr, count, ai, order, b + v * kLanes<T>, b_step, ci + v * kLanes<T>, c_row); break;
      case 2: product_rows<T, 2>(nr, count, ai, order, b + v * kLanes<T>, b_step, ci + v * kLanes<T>, c_row); break;
      case 1: product_rows<T, 1>(nr, count, ai, order, b + v * kLanes<T>, b_step, ci + v * kLanes<T>, c_row); break;
      default: break;
    }
    row += nr;
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
