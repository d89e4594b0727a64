// What differs between the cells: the arithmetic of one row and one vector of hidden units.
//
// `A` accumulators a unit: the recurrent weights add to the first `Gh` of them, the input weights to the last `Gx`. For the
// GRU the two ranges differ, since r multiplies the recurrent term of n alone: hn r z xn. `Saved` vectors are kept a step.
// `row_of(a, input)` says which gate of torch's order an accumulator belongs to. In backward `A` is also the number of gate deltas.
#pragma once

#include "activation.hpp"

namespace unroll {
namespace UNROLL_NS {

template <bool Rectified>
struct SimpleCell {
  static constexpr int A = 1, Gh = 1, Gx = 1, Saved = 0, G = 1;
  static constexpr bool kCellState = false;
  static constexpr int gate(int) { return 0; }

  template <class T>
  UNROLL_INLINE static void forward(const Vec<T>* z, const T*, T*, T*, T* h) {
    if constexpr (Rectified)
      store(h, at_least<T>(z[0], T(0)));
    else
      store(h, tanh(z[0]));
  }
  // h_prev, h: the states before and after the step; dh: the gradient at h. Writes the gate deltas and what of dh goes
  // past the recurrent matrix.
  template <class T>
  UNROLL_INLINE static void backward(const T*, const T*, const T*, const T* h, Vec<T> dh, T*, T* delta, T*) {
    const Vec<T> hv = load(h);
    if constexpr (Rectified) {
      const Vec<T> zero{};
      store(delta, hv <= zero ? zero : dh);  // torch's rule: no gradient at 0; NaN is not <= 0
    } else {
      store(delta, dh - dh * (hv * hv));
    }
  }
};

struct GruCell {
  static constexpr int A = 4, Gh = 3, Gx = 3, Saved = 4, G = 3;
  static constexpr bool kCellState = false;
  static constexpr int gate(int a) { return a == 0 ? 2 : a == 1 ? 0 : a == 2 ? 1 : 2; }

  template <class T>
  UNROLL_INLINE static void forward(const Vec<T>* z, const T* h_prev, T*, T* saved, T* h) {
    const Vec<T> r = logistic(z[1]), u = logistic(z[2]);
    const Vec<T> n = tanh(z[3] + r * z[0]);
    if (saved) {
      store(saved, z[0]);
      store(saved + kLanes<T>, r);
      store(saved + 2 * kLanes<T>, u);
      store(saved + 3 * kLanes<T>, n);
    }
    store(h, n + u * (load(h_prev) - n));
  }
  template <class T>
  UNROLL_INLINE static void backward(const T* saved, const T*, const T* h_prev, const T*, Vec<T> dh, T*, T* delta, T* dh_past) {
    const Vec<T> hn = load(saved), r = load(saved + kLanes<T>), u = load(saved + 2 * kLanes<T>), n = load(saved + 3 * kLanes<T>);
    const Vec<T> through = dh * (1 - u);
    const Vec<T> da = through - through * (n * n);
    const Vec<T> du = dh * (load(h_prev) - n);
    const Vec<T> dr = da * hn;
    store(delta, da * r);
    store(delta + kLanes<T>, dr * (r * (1 - r)));
    store(delta + 2 * kLanes<T>, du * (u * (1 - u)));
    store(delta + 3 * kLanes<T>, da);
    store(dh_past, load(dh_past) + dh * u);
  }
};

struct LstmCell {
  static constexpr int A = 4, Gh = 4, Gx = 4, Saved = 5, G = 4;
  static constexpr bool kCellState = true;
  static constexpr int gate(int a) { return a; }

  template <class T>
  UNROLL_INLINE static void forward(const Vec<T>* z, const T*, T* c, T* saved, T* h) {
    const Vec<T> i = logistic(z[0]), f = logistic(z[1]), g = tanh(z[2]), o = logistic(z[3]);
    const Vec<T> cv = f * load(c) + i * g;
    store(c, cv);
    if (saved) {
      store(saved, i);
      store(saved + kLanes<T>, f);
      store(saved + 2 * kLanes<T>, g);
      store(saved + 3 * kLanes<T>, o);
      store(saved + 4 * kLanes<T>, cv);
    }
    store(h, o * tanh(cv));
  }
  template <class T>
  UNROLL_INLINE static void backward(const T* saved, const T* c_prev, const T*, const T*, Vec<T> dh, T* dc, T* delta, T*) {
    const Vec<T> i = load(saved), f = load(saved + kLanes<T>), g = load(saved + 2 * kLanes<T>), o = load(saved + 3 * kLanes<T>);
    const Vec<T> th = tanh(load(saved + 4 * kLanes<T>));
    const Vec<T> dho = dh * o;
    const Vec<T> dcv = load(dc) + (dho - dho * (th * th));
    store(delta, (dcv * g) * (i * (1 - i)));
    store(delta + kLanes<T>, (dcv * load(c_prev)) * (f * (1 - f)));
    store(delta + 2 * kLanes<T>, (dcv * i) * (1 - g * g));
    store(delta + 3 * kLanes<T>, (dh * th) * (o * (1 - o)));
    store(dc, dcv * f);
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
