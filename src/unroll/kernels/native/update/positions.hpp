// Which steps of a block's sequences are read: positions, step by step and row by row.
#pragma once

#include "../buffers.hpp"
#include "call.hpp"

namespace unroll {
namespace UNROLL_NS {

struct Positions {
  int64_t R, from;        // rows, and the first step that is read
  const int32_t* begins;  // (T+1,): where each step's begin; none: every row at each step from `from` on
  const int32_t* rows;    // row of each
  const int32_t* places;  // which of its row's S each is

  UNROLL_INLINE int64_t begin(int64_t t) const { return begins ? begins[t] : larger(0, t - from) * R; }
  UNROLL_INLINE int64_t row(int64_t p) const { return rows ? rows[p] : p % R; }
  UNROLL_INLINE int64_t place(int64_t p) const { return places ? places[p] : p / R; }
};

inline int64_t most_positions(const Examples& e, int64_t rows) { return e.S * rows; }

// `ints`: T + 1 and two for each position.
inline Positions positions_of(const Examples& e, int64_t T, const int64_t* chosen, int64_t R, int32_t* ints) {
  if (e.readout != Readout::some) return {R, e.readout == Readout::last ? T - 1 : 0, nullptr, nullptr, nullptr};
  int32_t *begins = ints, *rows = begins + T + 1, *places = rows + e.S * R;
  for (int64_t t = 0; t <= T; ++t) begins[t] = 0;
  const auto each = [&](auto&& see) {
    for (int64_t r = 0; r < R; ++r)
      for (int64_t s = 0; s < e.S; ++s) {
        const int64_t place = chosen[r] * e.S + s;
        if (!e.classes || e.classes[place] >= 0) see(r, s, e.at[place]);
      }
  };
  each([&](int64_t, int64_t, int32_t t) { ++begins[t + 1]; });
  for (int64_t t = 0; t < T; ++t) begins[t + 1] += begins[t];
  each([&](int64_t r, int64_t s, int32_t t) {
    const int32_t p = begins[t]++;
    rows[p] = int32_t(r), places[p] = int32_t(s);
  });
  for (int64_t t = T; t > 0; --t) begins[t] = begins[t - 1];  // each has moved on to its step's end
  begins[0] = 0;
  return {R, 0, begins, rows, places};
}

}  // namespace UNROLL_NS
}  // namespace unroll
