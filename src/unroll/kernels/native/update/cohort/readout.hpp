// What lanes read of their states, and their losses, whose gradients take the place of the outputs; in the order of readout.hpp and objective.hpp.
#pragma once

#include "../objective.hpp"
#include "room.hpp"

namespace unroll {
namespace UNROLL_NS {

UNROLL_INLINE IntVec load_int(const int32_t* p) { return *reinterpret_cast<const IntVec*>(p); }

// Of each lane the terms of its loss, in sixteen partial sums.
struct Tallies {
  double part[16][kCohort] = {};
  int64_t count[kCohort] = {};
  UNROLL_INLINE void add(int64_t lane, double term) { part[count[lane]++ % 16][lane] += term; }
  double total(int64_t lane) const {
    Tally of;
    for (int i = 0; i < 16; ++i) of.part[i] = part[i][lane];
    return of.total();
  }
};

// A block's sequences of each lane.
struct Chosen {
  const UpdateCall* calls;
  int64_t lanes, first, R;
  const int64_t* of(int64_t lane) const { return calls[lane].order + first; }
};

// Where each lane reads, of `some`: as positions_of has it.
template <class C>
void place_cohort(const Room<C>& m, const Chosen& chosen) {
  if (m.readout != Readout::some) return;
  const int64_t slots = m.s.T * chosen.R;
  for (int64_t i = 0; i < slots * kL; ++i) m.places[i] = -1;
  for (int64_t lane = 0; lane < chosen.lanes; ++lane) {
    const Examples& e = chosen.calls[lane].examples;
    for (int64_t r = 0; r < chosen.R; ++r)
      for (int64_t s = 0; s < e.S; ++s) {
        const int64_t place = chosen.of(lane)[r] * e.S + s;
        if (!e.classes || e.classes[place] >= 0) m.places[(e.at[place] * chosen.R + r) * kL + lane] = int32_t(s);
      }
  }
}

template <class C>
void read_cohort(const Room<C>& m, int64_t R, int64_t lane) {
  const Parts at(m.s);
  const int64_t H = m.s.H, O = m.s.O;
  for (int64_t t = m.first_read; t < m.s.T; ++t)
    for (int64_t r = 0; r < R; ++r) {
      const float* h = m.states + m.at(t + 1, R, r, H) + lane;
      float* out = m.out + m.slot(t, R, r) * O * kL + lane;
      for (int64_t o = 0; o < O; ++o) {
        const float* w = m.weights + (at.w_o + o * H) * kL + lane;
        Lane acc{};
        for (int64_t k = 0; k < H; ++k) acc = fma<float>(load(h + k * kL), load(w + k * kL), acc);
        store(out + o * kL, load(m.weights + (at.b_o + o) * kL + lane) + acc);
      }
    }
}

// Sums of e^(out - max) over the classes of a slot, which take the place of the outputs; the largest of them.
template <class C>
void soften_cohort(const Room<C>& m, float* out, float* largest, double* sums) {
  const int64_t O = m.s.O;
  for (int64_t v = 0; v < kL; v += kLanes<float>) {
    Lane most = load(out + v);
    for (int64_t o = 1; o < O; ++o) most = load(out + o * kL + v) > most ? load(out + o * kL + v) : most;
    store(largest + v, most);
    for (int64_t o = 0; o < O; ++o) store(out + o * kL + v, power_of_e(load(out + o * kL + v) - most));
  }
  double part[16][kCohort] = {};
  for (int64_t o = 0; o < O; ++o)
    for (int64_t lane = 0; lane < kL; ++lane) part[o % 16][lane] += double(out[o * kL + lane]);
  for (int64_t half = 8; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      for (int64_t lane = 0; lane < kL; ++lane) part[i][lane] += part[i + half][lane];
  copy(part[0], sums, kL);
}

template <class C>
void squares_of_slot(const Room<C>& m, const Chosen& chosen, int64_t r, const int64_t (&place)[kCohort], const double (&over)[kCohort], float* out,
                     Tallies& tallies) {
  const int64_t O = m.s.O;
  for (int64_t lane = 0; lane < chosen.lanes; ++lane) {
    const Examples& e = chosen.calls[lane].examples;
    const float scale = float(2 / over[lane]), *y = static_cast<const float*>(e.targets) + (chosen.of(lane)[r] * e.S + place[lane]) * O;
    for (int64_t o = 0; o < O; ++o) {
      float& at = out[o * kL + lane];
      if (place[lane] < 0) {
        at = 0;
        continue;
      }
      const float off = at - y[o];
      tallies.add(lane, double(off) * double(off));
      at = off * scale;
    }
  }
}

template <class C>
void classes_of_slot(const Room<C>& m, const Chosen& chosen, int64_t r, const int64_t (&place)[kCohort], const double (&over)[kCohort], float* out,
                     Tallies& tallies) {
  const int64_t O = m.s.O;
  int32_t right[kCohort];
  alignas(64) float largest[kCohort], at_right[kCohort] = {};
  double sums[kCohort], shares[kCohort], logarithms[kCohort];
  for (int64_t lane = 0; lane < kL; ++lane) {
    const bool there = lane < chosen.lanes && place[lane] >= 0;
    const Examples& e = chosen.calls[there ? lane : 0].examples;
    right[lane] = there ? e.classes[chosen.of(lane)[r] * e.S + place[lane]] : -1;
    if (right[lane] >= 0) at_right[lane] = out[right[lane] * kL + lane];
  }
  soften_cohort(m, out, largest, sums);
  for (int64_t lane = 0; lane < kL; ++lane) shares[lane] = 1 / sums[lane];
  for (int64_t lane = 0; lane < kL; ++lane) logarithms[lane] = logarithm(sums[lane]);
  for (int64_t lane = 0; lane < chosen.lanes; ++lane) {
    if (right[lane] < 0) {
      for (int64_t o = 0; o < O; ++o) out[o * kL + lane] = 0;
      continue;
    }
    const double scale = 1 / over[lane], below = double(at_right[lane]) - double(largest[lane]);
    tallies.add(lane, sums[lane] >= 1 ? logarithms[lane] - below : __builtin_nan(""));
    const float of_right = float((double(out[right[lane] * kL + lane]) * shares[lane] - 1.0) * scale);
    for (int64_t o = 0; o < O; ++o) out[o * kL + lane] = float((double(out[o * kL + lane]) * shares[lane]) * scale);
    out[right[lane] * kL + lane] = of_right;
  }
  for (int64_t lane = chosen.lanes; lane < kL; ++lane)
    for (int64_t o = 0; o < O; ++o) out[o * kL + lane] = 0;
}

// Slot by slot: step by step and row by row, which is each lane's own order of positions.
template <class C>
void losses_of_cohort(const Room<C>& m, const Chosen& chosen, const double (&over)[kCohort], Tallies& tallies) {
  for (int64_t t = m.first_read; t < m.s.T; ++t)
    for (int64_t r = 0; r < chosen.R; ++r) {
      const int64_t slot = m.slot(t, chosen.R, r);
      int64_t place[kCohort];
      bool any = false;
      for (int64_t lane = 0; lane < kL; ++lane) {
        place[lane] = m.readout == Readout::some ? m.places[slot * kL + lane] : t - m.first_read;
        any = any || place[lane] >= 0;
      }
      float* out = m.out + slot * m.s.O * kL;
      if (!any)
        fill_zero(out, m.s.O * kL);
      else if (m.classes)
        classes_of_slot(m, chosen, r, place, over, out, tallies);
      else
        squares_of_slot(m, chosen, r, place, over, out, tallies);
    }
}

// What comes in through the readout at the states after step t.
template <class C>
void incoming_cohort(const Room<C>& m, int64_t t, int64_t R, int64_t lane, float* dh) {
  const Parts at(m.s);
  const int64_t H = m.s.H, O = m.s.O;
  for (int64_t r = 0; r < R; ++r) {
    float* to = dh + r * H * kL + lane;
    const int64_t slot = m.slot(t, R, r);
    for (int64_t k = 0; k < H; ++k) {
      Lane acc{};
      if (t >= m.first_read) {
        const float *out = m.out + slot * O * kL + lane, *w = m.weights + (at.w_o + k) * kL + lane;
        for (int64_t o = 0; o < O; ++o) acc = fma<float>(load(out + o * kL), load(w + o * H * kL), acc);
        acc = Lane{} + acc;
        if (m.readout == Readout::some) acc = load_int(m.places + slot * kL + lane) >= 0 ? acc : Lane{};
      }
      store(to + k * kL, acc);
    }
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
