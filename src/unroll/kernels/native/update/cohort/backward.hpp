// One vector of lanes back through all steps: gate deltas, gradients of states, and the weights' sums, in the order of backward.hpp and
// weights.hpp. A cohort's units are one group.
#pragma once

#include "forward.hpp"
#include "readout.hpp"

namespace unroll {
namespace UNROLL_NS {

// sum[d][j] += sum over k of a[k][d] b[k][j], each from zero; where `places` are given, over those k that a lane has there.
template <int ND, int NJ>
UNROLL_INLINE void sum_tile(int64_t count, const float* a, int64_t a_row, const float* b, int64_t b_row, float* sum, int64_t sum_row, const int32_t* places) {
  Lane acc[ND][NJ];
#pragma GCC unroll 8
  for (int d = 0; d < ND; ++d)
#pragma GCC unroll 8
    for (int j = 0; j < NJ; ++j) acc[d][j] = Lane{};
  for (int64_t k = 0; k < count; ++k) {
    Lane bv[NJ];
#pragma GCC unroll 8
    for (int j = 0; j < NJ; ++j) bv[j] = load(b + (k * b_row + j) * kL);
    if (!places) {
#pragma GCC unroll 8
      for (int d = 0; d < ND; ++d) {
        const Lane av = load(a + (k * a_row + d) * kL);
#pragma GCC unroll 8
        for (int j = 0; j < NJ; ++j) acc[d][j] = fma<float>(av, bv[j], acc[d][j]);
      }
    } else {
      const IntVec there = load_int(places + k * kL) >= 0;
#pragma GCC unroll 8
      for (int d = 0; d < ND; ++d) {
        const Lane av = load(a + (k * a_row + d) * kL);
#pragma GCC unroll 8
        for (int j = 0; j < NJ; ++j) acc[d][j] = there ? fma<float>(av, bv[j], acc[d][j]) : acc[d][j];
      }
    }
  }
#pragma GCC unroll 8
  for (int d = 0; d < ND; ++d)
#pragma GCC unroll 8
    for (int j = 0; j < NJ; ++j) store(sum + (d * sum_row + j) * kL, load(sum + (d * sum_row + j) * kL) + acc[d][j]);
}

template <int ND>
__attribute__((noinline)) void sum_of_rows(int64_t count, const float* a, int64_t a_row, const float* b, int64_t b_row, int64_t columns, float* sum,
                                           const int32_t* places) {
  int64_t j = 0;
  for (; j + 4 <= columns; j += 4) sum_tile<ND, 4>(count, a, a_row, b + j * kL, b_row, sum + j * kL, columns, places);
  for (; j + 2 <= columns; j += 2) sum_tile<ND, 2>(count, a, a_row, b + j * kL, b_row, sum + j * kL, columns, places);
  for (; j < columns; ++j) sum_tile<ND, 1>(count, a, a_row, b + j * kL, b_row, sum + j * kL, columns, places);
}

// The same without b: sum[d] += sum over k of a[k][d].
UNROLL_INLINE void sum_alone(int64_t count, const float* a, int64_t a_row, int64_t columns, float* sum, const int32_t* places) {
  for (int64_t d = 0; d < columns; ++d) {
    Lane acc{};
    for (int64_t k = 0; k < count; ++k) {
      const Lane more = acc + load(a + (k * a_row + d) * kL);
      if (!places)  // a vector's || looks at both sides
        acc = more;
      else
        acc = load_int(places + k * kL) >= 0 ? more : acc;
    }
    store(sum + d * kL, load(sum + d * kL) + acc);
  }
}

template <int N>
struct Const {
  static constexpr int value = N;
};

// What was summed in one vector of lanes to the totals, and fresh sums.
template <class C>
void move_lanes(const Room<C>& m, int64_t lane) {
  for (int64_t i = lane; i < m.sums.size; i += kL) {
    store(m.totals.h + i, load(m.totals.h + i) + load(m.sums.h + i));
    store(m.sums.h + i, Lane{});
  }
}

// dh_next of some units += the deltas' product with W_hh.
template <class C, int NR, int NJ>
UNROLL_INLINE void back_tile(const Room<C>& m, const float* deltas, int64_t row, int64_t unit, int64_t lane, float* dh_next) {
  const int64_t H = m.s.H;
  const float* w_hh = m.weights + (Parts(m.s).w_hh + unit) * kL + lane;
  Lane acc[NR][NJ];
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 16
    for (int j = 0; j < NJ; ++j) acc[r][j] = Lane{};
  for (int a = 0; a < C::Gh; ++a)
    for (int64_t u = 0; u < H; ++u) {
      const float* w = w_hh + (C::gate(a) * H + u) * H * kL;
      Lane delta[NR];
#pragma GCC unroll 8
      for (int r = 0; r < NR; ++r) delta[r] = load(deltas + (((row + r) * H + u) * C::A + a) * kL + lane);
#pragma GCC unroll 16
      for (int j = 0; j < NJ; ++j) {
        const Lane wj = load(w + j * kL);
#pragma GCC unroll 8
        for (int r = 0; r < NR; ++r) acc[r][j] = fma<float>(delta[r], wj, acc[r][j]);
      }
    }
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 16
    for (int j = 0; j < NJ; ++j) {
      float* to = dh_next + ((row + r) * H + unit + j) * kL + lane;
      store(to, load(to) + acc[r][j]);
    }
}

constexpr int kBackUnits = kAccumulators / kTileRows;

template <class C, int NR>
__attribute__((noinline)) void back_rows(const Room<C>& m, const float* deltas, int64_t row, int64_t lane, float* dh_next) {
  int64_t unit = 0;
  for (; unit + kBackUnits <= m.s.H; unit += kBackUnits) back_tile<C, NR, kBackUnits>(m, deltas, row, unit, lane, dh_next);
  for (; unit + 2 <= m.s.H; unit += 2) back_tile<C, NR, 2>(m, deltas, row, unit, lane, dh_next);
  for (; unit < m.s.H; ++unit) back_tile<C, NR, 1>(m, deltas, row, unit, lane, dh_next);
}

// One step: gate deltas, and the gradients of the states before.
template <class C>
void back_step(const Room<C>& m, int64_t t, int64_t R, int64_t lane, float* deltas, float* dh, float* dh_next) {
  const int64_t H = m.s.H;
  if (t)
    incoming_cohort(m, t - 1, R, lane, dh_next);
  else
    fill_zero(dh_next, R * H * kL);
  for (int64_t i = 0; i < R * H; ++i) {
    const float *h_prev = m.states + (t * R * H + i) * kL + lane, *saved = C::Saved ? m.gates + (t * R * H + i) * C::Saved * kL + lane : nullptr;
    C::template backward<float>(saved, h_prev, h_prev + R * H * kL, cut<float>(load(dh + i * kL + lane)), C::kCellState ? m.dc + i * kL + lane : nullptr,
                                deltas + i * C::A * kL + lane, dh_next + i * kL + lane);
  }
  int64_t row = 0;
  for (; row + kTileRows <= R; row += kTileRows) back_rows<C, kTileRows>(m, deltas, row, lane, dh_next);
  for (; row < R; ++row) back_rows<C, 1>(m, deltas, row, lane, dh_next);
}

// A chunk's part of the sums: `count` rows of all its steps from `t` on.
template <class C>
void sum_cohort(const Room<C>& m, int64_t t, int64_t steps, int64_t R, int64_t lane) {
  constexpr int A = C::A, Gh = C::Gh, Gx = C::Gx;
  const int64_t H = m.s.H, I = m.s.I, O = m.s.O, count = steps * R;
  const float *deltas = m.deltas + lane, *states = m.states + m.at(t, R, 0, H) + lane;
  const Sums& to = m.sums;
  const auto some = [&](int64_t unit, auto n) {  // deltas of n units of a simple cell, or of one of the others
    constexpr int N = decltype(n)::value;
    sum_of_rows<N * Gh>(count, deltas + unit * A * kL, H * A, states, H, H, to.h + unit * Gh * H * kL + lane, nullptr);
    const float* of_x = deltas + (unit * A + A - Gx) * kL;
    if (!m.symbols) sum_of_rows<N * Gx>(count, of_x, H * A, m.inputs + m.at(t, R, 0, I) + lane, I, I, to.x + unit * Gx * I * kL + lane, nullptr);
  };
  int64_t unit = 0;
  if constexpr (A == 1)
    for (; unit + 4 <= H; unit += 4) some(unit, Const<4>{});
  for (; unit < H; ++unit) some(unit, Const<1>{});
  for (int64_t d = 0; m.symbols && d < H * Gx; ++d)
    for (int64_t i = 0; i < I; ++i) {
      const float* a = deltas + (d / Gx * A + A - Gx + d % Gx) * kL;
      Lane acc{};
      for (int64_t k = 0; k < count; ++k) {
        const IntVec symbol = (IntVec)load(m.inputs + (t * R + k) * kL + lane);
        acc = symbol == int32_t(i) ? acc + load(a + k * H * A * kL) : acc;
      }
      float* sum = to.x + (d * I + i) * kL + lane;
      store(sum, load(sum) + acc);
    }
  sum_alone(count, deltas, H * A, H * A, to.bias + lane, nullptr);
  const int64_t from = larger(t, m.first_read), read = (t + steps - from) * R;
  if (read <= 0) return;
  const float *out = m.out + m.slot(from, R, 0) * O * kL + lane, *h = m.states + m.at(from + 1, R, 0, H) + lane;
  const int32_t* places = m.readout == Readout::some ? m.places + m.slot(from, R, 0) * kL + lane : nullptr;
  for (int64_t o = 0; o < O; ++o) sum_of_rows<1>(read, out + o * kL, O, h, H, H, to.out + o * H * kL + lane, places);
  sum_alone(read, out, O, O, to.out_bias + lane, places);
}

// False where the call is given up.
template <class C>
bool backward_cohort(const Room<C>& m, int64_t R, int64_t lane, int64_t& chunks, Watch& watch) {
  float *dh = m.dh, *dh_next = m.dh_next;
  const int64_t of_step = R * m.s.H * C::A * kL;
  incoming_cohort(m, m.s.T - 1, R, lane, dh);
  if (C::kCellState) fill_zero(m.dc, R * m.s.H * kL);
  for (int64_t end = m.s.T; end > 0; end -= kDeltaChunk) {
    const int64_t begin = larger(0, end - kDeltaChunk);
    for (int64_t t = end - 1; t >= begin; --t) {
      back_step(m, t, R, lane, m.deltas + (t - begin) * of_step, dh, dh_next);
      float* const turn = dh;
      dh = dh_next, dh_next = turn;
    }
    sum_cohort(m, begin, end - begin, R, lane);
    if (++chunks % kSumChunks == 0) move_lanes(m, lane);
    if (!watch.goes_on(2 * (end - begin) * R * C::G * m.s.H * (m.s.H + m.s.I) * kLanes<float>)) return false;
  }
  return true;
}

}  // namespace UNROLL_NS
}  // namespace unroll
