// Rows of a batch from the caller's order to the inside's, and back.
#pragma once

#include "layout.hpp"

namespace unroll {
namespace UNROLL_NS {

// (rows, H) with rows `stride` apart, to rows of Hp and back.
template <class T>
void pad_rows(const T* from, int64_t stride, int64_t rows, int64_t H, int64_t Hp, T* to) {
  for (int64_t r = 0; r < rows; ++r) {
    if (from) copy(from + r * stride, to + r * Hp, H);
    const int64_t start = from ? H : 0;
    fill_zero(to + r * Hp + start, Hp - start);
  }
}
template <class T>
void unpad_rows(const T* from, int64_t rows, int64_t H, int64_t Hp, T* to, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r) copy(from + r * Hp, to + r * stride, H);
}

// Some of (R, H) to [block][row][16] and back.
template <class T>
void block_rows(const T* from, int64_t R, Range rows, int64_t H, int64_t Hp, T* to) {
  for (int64_t unit = 0; unit < Hp; ++unit)
    for (int64_t r = rows.begin; r < rows.end; ++r)
      to[(unit / kBlock * R + r) * kBlock + unit % kBlock] = from && unit < H ? from[r * H + unit] : T(0);
}
template <class T>
void unblock_rows(const T* from, int64_t R, Range rows, int64_t H, T* to) {
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t unit = 0; unit < H; ++unit) to[r * H + unit] = from[(unit / kBlock * R + r) * kBlock + unit % kBlock];
}

// Which of a block's rows are still running at step t; their lengths never rise.
UNROLL_INLINE Range running(const int64_t* lengths, Range rows, int64_t t) {
  if (lengths)
    while (rows.end > rows.begin && lengths[rows.end - 1] <= t) --rows.end;
  return rows;
}

// The sequences of a block of rows: numbers (T, I), or symbols (T,), each of which stands for a one among I - 1 zeros: in place of
// products with those, the weights of the symbol are added, and so the same sums come out.
template <class T>
struct Sequences {
  const T* numbers;  // or none
  Symbols symbols;
  const int64_t* chosen;  // (R,) which sequence is in each row; none: they follow each other
};

// What lies in the memory of inputs where they are symbols: an int32 is no longer than a number.
template <class T>
UNROLL_INLINE int32_t* as_symbols(T* inputs) {
  return reinterpret_cast<int32_t*>(inputs);
}
template <class T>
UNROLL_INLINE const int32_t* as_symbols(const T* inputs) {
  return reinterpret_cast<const int32_t*>(inputs);
}

// Steps [first, last) of some of R rows, gathered by step: symbols; or numbers with a 1 behind each, zeros past a row's length,
// whatever is there.
template <class C, class T>
void gather_inputs(const Layout<C, T>& l, const Sequences<T>& from, const int64_t* ends, int64_t R, Range rows, int64_t first, int64_t last, T* inputs) {
  const int64_t I = l.s.I, I1 = l.I1;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const int64_t start = (from.chosen ? from.chosen[r] : r) * l.s.T, end = ends ? ends[r] : l.s.T;
    if (l.symbols) {
      for (int64_t t = first; t < last; ++t) as_symbols(inputs)[(t - first) * R + r] = int32_t(from.symbols.at(start + t));
      continue;
    }
    T* to = inputs + r * I1;
    for (int64_t t = first; t < last; ++t, to += R * I1) {
      const T* x = from.numbers + (start + t) * I;
      if (t < end && I == 2)  // as adding has them: too few for a loop
        to[0] = x[0], to[1] = x[1];
      else if (t < end)
        copy(x, to, I);
      else
        fill_zero(to, I);
      to[I] = T(1);
    }
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
