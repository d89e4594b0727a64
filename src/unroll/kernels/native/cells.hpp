// What differs between the cells: the arithmetic of one row and one vector of hidden units.
//
// `A` accumulators a unit: the recurrent weights add to the first `Gh` of them, the input weights to the last `Gx`. For the
// GRU the two ranges differ, since r multiplies the recurrent term of n alone: hn r z xn. `Saved` vectors are kept a step.
// `gate(a)` says which gate of torch's order an accumulator belongs to. In backward `A` is also the number of gate deltas. Where several
// numbers of a unit are kept, those of kBlock units lie together: the first number of each, then the second of each.
//
// What one step hands to the next is cut (vec.hpp): h of the simple cell and the GRU, c; backward the gradients at h and at c.
#pragma once

#include "activation.hpp"
#include "call.hpp"

namespace unroll {
namespace UNROLL_NS {

// Where one tile of rows keeps its things in forward: pointers at its first row and unit, and the way to the next row.
template <class T>
struct Rows {
  const T* h_prev;   // the tile's own units of the state before; next row at + h_row
  T* cell;           // running cell state; next row at + kBlock
  T* saved;          // or null; next row at + Saved * kBlock
  bool past_caches;  // `saved` is written past them
  T* h;              // next row at + h_row
  int64_t h_row;

  // What backward needs of the r-th row.
  template <int N>
  UNROLL_INLINE void keep(int r, const Vec<T> (&numbers)[N]) const {
    T* to = saved + r * N * kBlock;
    if (past_caches) {
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) store_past_caches(to + i * kBlock, numbers[i]);
    } else {
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) store(to + i * kBlock, numbers[i]);
    }
  }
};

template <bool Rectified>
struct SimpleCell {
  static constexpr int A = 1, Gh = 1, Gx = 1, Saved = 0, G = 1;
  static constexpr bool kCellState = false;
  static constexpr int gate(int) { return 0; }

  // h = tanh(z) or max(0, z).
  template <class T, int NR, int U>
  UNROLL_INLINE static void forward(Vec<T> (&z)[NR][U], const Rows<T>& at) {
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) {
      activate<T>(z[r]);
#pragma GCC unroll 8
      for (int u = 0; u < U; ++u) store(at.h + r * at.h_row + u * kLanes<T>, z[r][u]);
    }
  }
  template <class T, int N>
  UNROLL_INLINE static void activate(Vec<T> (&z)[N]) {
    if constexpr (Rectified) {
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) z[i] = at_least<T>(z[i], T(0));
    } else {
      squash<0, N>(z);
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) z[i] = cut<T>(z[i]);
  }
  // h_prev, h: the states before and after the step; dh: the gradient at h. Writes the gate deltas and what of dh goes
  // past the recurrent matrix.
  template <class T>
  UNROLL_INLINE static void backward(const T*, const T*, const T* h, Vec<T> dh, T*, T* delta, T*) {
    const Vec<T> hv = load(h);
    if constexpr (Rectified) {
      const Vec<T> zero{};
      store(delta, hv <= zero ? zero : dh);  // torch's rule: no gradient at 0; NaN is not <= 0
    } else {
      store(delta, fma<T>(-dh, hv * hv, dh));
    }
  }
};

struct GruCell {
  static constexpr int A = 4, Gh = 3, Gx = 3, Saved = 4, G = 3;
  static constexpr bool kCellState = false;
  static constexpr int gate(int a) { return a == 0 ? 2 : a == 1 ? 0 : a == 2 ? 1 : 2; }

  // r = s(z1), u = s(z2), n = tanh(z3 + r z0), h = n + u (h_prev - n).
  template <class T, int NR, int NA>
  UNROLL_INLINE static void forward(Vec<T> (&z)[NR][NA], const Rows<T>& at) {
    Vec<T> gates[2 * NR], n[NR];
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) {
      gates[r] = z[r][1];
      gates[NR + r] = z[r][2];
    }
    squash<2 * NR>(gates);
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) n[r] = fma<T>(gates[r], z[r][0], z[r][3]);
    squash<0>(n);
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) {
      if (at.saved) at.template keep<Saved>(r, {z[r][0], gates[r], gates[NR + r], n[r]});
      store(at.h + r * at.h_row, cut<T>(fma<T>(gates[NR + r], load(at.h_prev + r * at.h_row) - n[r], n[r])));
    }
  }
  template <class T>
  UNROLL_INLINE static void backward(const T* saved, const T* h_prev, const T*, Vec<T> dh, T*, T* delta, T* dh_past) {
    const Vec<T> hn = load(saved), r = load(saved + kBlock), u = load(saved + 2 * kBlock), n = load(saved + 3 * kBlock);
    const Vec<T> through = dh * (1 - u);
    const Vec<T> da = fma<T>(-through, n * n, through);
    const Vec<T> du = dh * (load(h_prev) - n);
    const Vec<T> dr = da * hn;
    store(delta, da * r);
    store(delta + kBlock, dr * (r * (1 - r)));
    store(delta + 2 * kBlock, du * (u * (1 - u)));
    store(delta + 3 * kBlock, da);
    store(dh_past, fma<T>(dh, u, load(dh_past)));
  }
};

struct LstmCell {
  static constexpr int A = 4, Gh = 4, Gx = 4, Saved = 5, G = 4;
  static constexpr bool kCellState = true;
  static constexpr int gate(int a) { return a; }

  // i, f, o = s(z0), s(z1), s(z3), g = tanh(z2), c = f c + i g, h = o tanh(c); two rows' gates at a time.
  template <class T, int NR, int NA>
  UNROLL_INLINE static void forward(Vec<T> (&z)[NR][NA], const Rows<T>& at) {
    Vec<T> c[NR];
#pragma GCC unroll 8
    for (int r = 0; r + 1 < NR; r += 2) {
      Vec<T> v[8] = {z[r][0], z[r][1], z[r][3], z[r + 1][0], z[r + 1][1], z[r + 1][3], z[r][2], z[r + 1][2]};
      squash<6>(v);
      c[r] = next(v[0], v[1], v[6], v[2], at, r);
      c[r + 1] = next(v[3], v[4], v[7], v[5], at, r + 1);
      z[r][3] = v[2];
      z[r + 1][3] = v[5];
    }
    if constexpr (NR % 2) {
      constexpr int r = NR - 1;
      Vec<T> v[4] = {z[r][0], z[r][1], z[r][3], z[r][2]};
      squash<3>(v);
      c[r] = next(v[0], v[1], v[3], v[2], at, r);
      z[r][3] = v[2];
    }
    squash<0>(c);
#pragma GCC unroll 8
    for (int r = 0; r < NR; ++r) store(at.h + r * at.h_row, z[r][3] * c[r]);
  }
  template <class T>
  UNROLL_INLINE static Vec<T> next(Vec<T> i, Vec<T> f, Vec<T> g, Vec<T> o, const Rows<T>& at, int r) {
    const Vec<T> c_prev = load(at.cell + r * kBlock), c = cut<T>(fma<T>(f, c_prev, i * g));
    store(at.cell + r * kBlock, c);
    if (at.saved) at.template keep<Saved>(r, {i, f, g, o, c_prev});  // c is one step from c_prev; backward then reads this record alone
    return c;
  }
  template <class T>
  UNROLL_INLINE static void backward(const T* saved, const T*, const T*, Vec<T> dh, T* dc, T* delta, T*) {
    const Vec<T> i = load(saved), f = load(saved + kBlock), g = load(saved + 2 * kBlock), o = load(saved + 3 * kBlock);
    const Vec<T> c_prev = load(saved + 4 * kBlock);
    Vec<T> th[1] = {fma<T>(f, c_prev, i * g)};
    squash<0>(th);
    const Vec<T> dho = dh * o;
    const Vec<T> dcv = load(dc) + fma<T>(-dho, th[0] * th[0], dho);
    store(delta, (dcv * g) * (i * (1 - i)));
    store(delta + kBlock, (dcv * c_prev) * (f * (1 - f)));
    store(delta + 2 * kBlock, (dcv * i) * fma<T>(-g, g, splat(T(1))));
    store(delta + 3 * kBlock, (dh * th[0]) * (o * (1 - o)));
    store(dc, cut<T>(dcv * f));
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
