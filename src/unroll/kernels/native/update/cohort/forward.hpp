// One vector of lanes through all steps.
#pragma once

#include "../../cells.hpp"
#include "room.hpp"

namespace unroll {
namespace UNROLL_NS {

// Rows share the weights that a tile loads; a row alone has more units in a tile, whose chains overlap.
constexpr int kTileRows = 3;
template <class C>
constexpr int kUnitsOfRow = (kAccumulators >= 24 ? 16 : 8) / C::A;
template <class C>
constexpr int kUnitsOfRows = kAccumulators / kTileRows / C::A < 1 ? 1 : kAccumulators / kTileRows / C::A;

// The weights as forward reads them, of all lanes.
template <class C>
void pack_cohort(const Room<C>& m) {
  const Parts at(m.s);
  const int64_t H = m.s.H, I = m.s.I;
  for (int64_t unit = 0; unit < H; ++unit)
    for (int a = 0; a < C::A; ++a) {
      const int64_t row = C::gate(a) * H + unit;
      const bool from_h = a < C::Gh, from_x = a >= C::A - C::Gx;
      const float *wx = m.weights + (at.w_ih + row * I) * kL, *wh = m.weights + (at.w_hh + row * H) * kL;
      float* bias = m.bias + (unit * C::A + a) * kL;
      fill_zero(bias, kL);
      if (from_x) add(m.weights + (at.b_ih + row) * kL, bias, kL);
      if (from_h) add(m.weights + (at.b_hh + row) * kL, bias, kL);
      for (int64_t i = 0; from_x && m.symbols && i < I; ++i)  // as in pack_forward
        for (int64_t lane = 0; lane < kL; ++lane) bias[lane] += 0.0f * wx[i * kL + lane];
      for (int64_t i = 0; from_x && i < I; ++i) copy(wx + i * kL, m.w_x + ((unit * I + i) * C::Gx + a - (C::A - C::Gx)) * kL, kL);
      for (int64_t k = 0; from_h && k < H; ++k) copy(wh + k * kL, m.w_h + ((unit * H + k) * C::Gh + a) * kL, kL);
    }
}

// acc[r][u][From + g] += sum over k of x[r][k] w[u][k][g]: of rows' states or inputs, to those of the gates that they reach.
template <int From, int G, int NR, int NU, int A>
UNROLL_INLINE void add_products(Lane (&acc)[NR][NU][A], int64_t count, const float* x, const float* w) {
  for (int64_t k = 0; k < count; ++k) {
    Lane xk[NR];
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) xk[r] = load(x + (r * count + k) * kL);
#pragma GCC unroll 16
    for (int u = 0; u < NU; ++u)
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) {
        const Lane weight = load(w + ((u * count + k) * G + g) * kL);
#pragma GCC unroll 8
        for (int r = 0; r < NR; ++r) acc[r][u][From + g] = fma<float>(xk[r], weight, acc[r][u][From + g]);
      }
  }
}

template <class C, int NR, int NU>
UNROLL_INLINE void cohort_tile(const Room<C>& m, int64_t t, int64_t R, int64_t row, int64_t unit, int64_t lane) {
  constexpr int A = C::A, Gh = C::Gh, Gx = C::Gx;
  const int64_t H = m.s.H, I = m.s.I;
  Lane acc[NR][NU][A];
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 16
    for (int u = 0; u < NU; ++u)
#pragma GCC unroll 4
      for (int a = 0; a < A; ++a) acc[r][u][a] = Lane{};
  add_products<0, Gh>(acc, H, m.states + m.at(t, R, row, H) + lane, m.w_h + unit * H * Gh * kL + lane);
  const float* w_x = m.w_x + unit * I * Gx * kL + lane;
  if (m.symbols) {
    IntVec symbol[NR];
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) symbol[r] = (IntVec)load(m.inputs + m.at(t, R, row + r, 1) + lane);
    for (int64_t i = 0; i < I; ++i)
#pragma GCC unroll 16
      for (int u = 0; u < NU; ++u)
#pragma GCC unroll 4
        for (int a = 0; a < Gx; ++a) {
          const Lane w = load(w_x + ((u * I + i) * Gx + a) * kL);
#pragma GCC unroll 8
          for (int r = 0; r < NR; ++r) acc[r][u][A - Gx + a] = symbol[r] == int32_t(i) ? acc[r][u][A - Gx + a] + w : acc[r][u][A - Gx + a];
        }
  } else {
    add_products<A - Gx, Gx>(acc, I, m.inputs + m.at(t, R, row, I) + lane, w_x);
  }
#pragma GCC unroll 16
  for (int u = 0; u < NU; ++u)
#pragma GCC unroll 4
    for (int a = 0; a < A; ++a) {
      const Lane bias = load(m.bias + ((unit + u) * A + a) * kL + lane);
#pragma GCC unroll 8
      for (int r = 0; r < NR; ++r) acc[r][u][a] += bias;
    }
#pragma GCC unroll 8
  for (int r = 0; r < NR; ++r) {
    const int64_t place = ((row + r) * H + unit) * kL + lane;
    float* h = m.states + (t + 1) * R * H * kL + place;
    if constexpr (A == 1) {
      Lane z[NU];
#pragma GCC unroll 16
      for (int u = 0; u < NU; ++u) z[u] = acc[r][u][0];
      C::template activate<float>(z);
#pragma GCC unroll 16
      for (int u = 0; u < NU; ++u) store(h + u * kL, z[u]);
    } else {
      const int64_t saved = (t * R * H + (row + r) * H + unit) * C::Saved * kL + lane;
      C::template forward<float>(acc[r], Rows<float>{m.states + t * R * H * kL + place, m.cell + place, m.gates + saved, false, h, kL});
    }
  }
}

template <class C, int NR, int Most>
__attribute__((noinline)) void cohort_rows(const Room<C>& m, int64_t t, int64_t R, int64_t row, int64_t lane) {
  int64_t unit = 0;
  for (; unit + Most <= m.s.H; unit += Most) cohort_tile<C, NR, Most>(m, t, R, row, unit, lane);
  for (; unit < m.s.H; ++unit) cohort_tile<C, NR, 1>(m, t, R, row, unit, lane);
}

// False where the call is given up.
template <class C>
bool forward_cohort(const Room<C>& m, int64_t R, int64_t lane, Watch& watch) {
  const int64_t of_step = R * m.s.H * kL;
  fill_zero(m.states, of_step);
  if (C::kCellState) fill_zero(m.cell, of_step);
  for (int64_t t = 0; t < m.s.T; ++t) {
    int64_t row = 0;
    for (; row + kTileRows <= R; row += kTileRows) cohort_rows<C, kTileRows, kUnitsOfRows<C>>(m, t, R, row, lane);
    for (; row < R; ++row) cohort_rows<C, 1, kUnitsOfRow<C>>(m, t, R, row, lane);
    if (!watch.goes_on(R * C::G * m.s.H * (m.s.H + m.s.I) * kLanes<float>)) return false;
  }
  return true;
}

}  // namespace UNROLL_NS
}  // namespace unroll
