// Updates of a cohort, all lanes in step: as update.hpp makes them of one network.
#pragma once

#include "../optimizer.hpp"
#include "../update.hpp"
#include "backward.hpp"

namespace unroll {
namespace UNROLL_NS {

// A lane's vectors into the cohort's and back.
UNROLL_INLINE void into_lane(const void* from, float* to, int64_t count, int64_t lane) {
  for (int64_t i = 0; to && i < count; ++i) to[i * kL + lane] = static_cast<const float*>(from)[i];
}
UNROLL_INLINE void out_of_lane(const float* from, void* to, int64_t count, int64_t lane) {
  for (int64_t i = 0; from && i < count; ++i) static_cast<float*>(to)[i] = from[i * kL + lane];
}
template <class C>
void enter(const Room<C>& m, const UpdateCall& call, int64_t lane) {
  const Optimizer& o = call.optimizer;
  into_lane(call.weights, m.weights, m.count, lane);
  into_lane(o.average, m.average, m.count, lane), into_lane(o.square, m.square, m.count, lane), into_lane(o.velocity, m.velocity, m.count, lane);
}
template <class C>
void leave(const Room<C>& m, const UpdateCall& call, int64_t lane) {
  const Optimizer& o = call.optimizer;
  out_of_lane(m.weights, call.weights, m.count, lane);
  out_of_lane(m.average, o.average, m.count, lane), out_of_lane(m.square, o.square, m.count, lane), out_of_lane(m.velocity, o.velocity, m.count, lane);
}

template <class C>
void gather_cohort(const Room<C>& m, const Chosen& chosen) {
  const int64_t R = chosen.R, I = m.symbols ? 1 : m.s.I, TT = m.s.T;
  for (int64_t lane = 0; lane < chosen.lanes; ++lane) {
    const Examples& e = chosen.calls[lane].examples;
    for (int64_t r = 0; r < R; ++r) {
      const int64_t start = chosen.of(lane)[r] * TT;
      float* to = m.inputs + r * I * kL + lane;
      if (m.symbols) {
        for (int64_t t = 0; t < TT; ++t) Room<C>::as_int(to)[t * R * kL] = int32_t(e.symbols.at(start + t));
        continue;
      }
      const float* x = static_cast<const float*>(e.numbers) + start * I;
      for (int64_t t = 0; t < TT; ++t)
        for (int64_t i = 0; i < I; ++i) to[(t * R * I + i) * kL] = x[t * I + i];
    }
  }
}

// The totals, which a last sum completes, to the order of the parameters.
template <class C>
void gradients_of_cohort(const Room<C>& m) {
  const Parts at(m.s);
  const int64_t H = m.s.H, I = m.s.I, O = m.s.O;
  for (int64_t lane = 0; lane < kL; lane += kLanes<float>) move_lanes(m, lane);
  for (int64_t unit = 0; unit < H; ++unit)
    for (int a = 0; a < C::A; ++a) {
      const int64_t row = C::gate(a) * H + unit, x = a - (C::A - C::Gx);
      const float* bias = m.totals.bias + (unit * C::A + a) * kL;
      if (a < C::Gh) {
        copy(m.totals.h + (unit * C::Gh + a) * H * kL, m.gradient + (at.w_hh + row * H) * kL, H * kL);
        copy(bias, m.gradient + (at.b_hh + row) * kL, kL);
      }
      if (x >= 0) {
        copy(m.totals.x + (unit * C::Gx + x) * I * kL, m.gradient + (at.w_ih + row * I) * kL, I * kL);
        copy(bias, m.gradient + (at.b_ih + row) * kL, kL);
      }
    }
  copy(m.totals.out, m.gradient + at.w_o * kL, O * H * kL);
  copy(m.totals.out_bias, m.gradient + at.b_o * kL, O * kL);
}

// Gradients of the mean losses of each lane's sequences, and these losses. False where the call is given up.
template <class C>
bool gradient_of_cohort(const Room<C>& m, const CohortCall& call, int64_t first, int64_t count, const double (&over)[kCohort], double (&losses)[kCohort],
                        Watch& watch) {
  constexpr int W = kLanes<float>;
  pack_cohort(m);
  fill_zero(m.sums.h, m.sums.size), fill_zero(m.totals.h, m.totals.size);
  Tallies tallies;
  int64_t chunks = 0;
  const Tiles blocks(count, kRowBlock);
  for (int64_t i = 0, row0 = 0; i < blocks.count; row0 += blocks.size(i++)) {
    const Chosen chosen{call.updates, call.count, first + row0, blocks.size(i)};
    const int64_t R = chosen.R, before = chunks;
    gather_cohort(m, chosen);
    place_cohort(m, chosen);
    for (int64_t lane = 0; lane < call.count; lane += W) {
      if (!forward_cohort(m, R, lane, watch)) return false;
      read_cohort(m, R, lane);
    }
    losses_of_cohort(m, chosen, over, tallies);
    for (int64_t lane = 0; lane < call.count; lane += W) {
      chunks = before;
      if (!backward_cohort(m, R, lane, chunks, watch)) return false;
    }
  }
  gradients_of_cohort(m);
  for (int64_t lane = 0; lane < call.count; ++lane) losses[lane] = tallies.total(lane) / over[lane];
  return true;
}

template <class C>
void norms_of_cohort(const Room<C>& m, double (&norms)[kCohort]) {
  double part[16][kCohort] = {};
  for (int64_t i = 0; i < m.count; ++i)
    for (int64_t lane = 0; lane < kL; ++lane) part[i % 16][lane] += double(m.gradient[i * kL + lane]) * double(m.gradient[i * kL + lane]);
  for (int64_t half = 8; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i)
      for (int64_t lane = 0; lane < kL; ++lane) part[i][lane] += part[i + half][lane];
  for (int64_t lane = 0; lane < kL; ++lane) norms[lane] = __builtin_sqrt(part[0][lane]);
}

template <class C, Rule rule, bool Momentum>
void step_cohort(const Room<C>& m, const Step<float>& s, int64_t lane) {
  for (int64_t i = lane; i < m.count * kL; i += kL) {
    Lane average{}, square{}, velocity{};
    if (m.average) average = load(m.average + i);
    if (m.square) square = load(m.square + i);
    if (m.velocity) velocity = load(m.velocity + i);
    store(m.weights + i, stepped<float, rule, Momentum>(s, load(m.weights + i), load(m.gradient + i), average, square, velocity));
    if (m.average) store(m.average + i, average);
    if (m.square) store(m.square + i, square);
    if (m.velocity) store(m.velocity + i, velocity);
  }
}

// The step of one vector of lanes, each with its own numbers.
template <class C>
void step_lanes(const Room<C>& m, const CohortCall& call, int64_t update, const double* norms, int64_t lane) {
  const Optimizer& first = call.updates[lane].optimizer;
  Step<float> s(first, 0, 0);
  for (int64_t i = 0; i < kLanes<float> && lane + i < call.count; ++i) {
    const UpdateCall& own = call.updates[lane + i];
    s.take(int(i), Step<float>(own.optimizer, norms[lane + i], own.rates[update]));
  }
  with_rule(first, [&](auto rule, auto momentum) { step_cohort<C, decltype(rule)::value, decltype(momentum)::value>(m, s, lane); });
}

// As many updates as update() would make of each. The one in which some lane's loss is no finite number is the last of all.
template <class C>
void update_cohort(const CohortCall& call, const Member& me) {
  Scratch<float> scratch{static_cast<float*>(call.scratch)};
  const UpdateCall& one = call.updates[0];
  const Room<C> m(one, scratch);
  fill_zero(static_cast<float*>(call.scratch), scratch.used);
  Watch watch{me};
  const double end = clock_seconds() + one.seconds;
  for (int64_t lane = 0; lane < call.count; ++lane) enter(m, call.updates[lane], lane), *call.updates[lane].done = 0;
  bool left[kCohort] = {}, going = true;
  int64_t done = 0;
  for (int64_t first = 0; going && first < one.sequences && (done == 0 || clock_seconds() < end); first += one.batch) {
    const int64_t count = smaller(one.batch, one.sequences - first);
    double losses[kCohort], norms[kCohort], over[kCohort];
    int64_t scored[kCohort];
    for (int64_t lane = 0; lane < call.count; ++lane) {
      const UpdateCall& own = call.updates[lane];
      scored[lane] = scored_of(own.examples, own.order + first, count);
      over[lane] = double(scored[lane]) * double(m.classes ? 1 : own.examples.S * m.s.O);
    }
    if (!gradient_of_cohort(m, call, first, count, over, losses, watch)) break;
    norms_of_cohort(m, norms);
    for (int64_t lane = 0; lane < call.count; ++lane) {
      const UpdateCall& own = call.updates[lane];
      own.losses[done] = double(float(losses[lane])), own.norms[done] = double(float(norms[lane])), own.scored[done] = scored[lane];
      if (__builtin_isfinite(float(losses[lane]))) {
        count_powers(own.optimizer);
        continue;
      }
      going = false;
      leave(m, own, lane), left[lane] = true;  // as it was
    }
    for (int64_t lane = 0; lane < call.count; lane += kLanes<float>) step_lanes(m, call, done, norms, lane);
    ++done;
    for (int64_t lane = 0; lane < call.count; ++lane) *call.updates[lane].done = done;
  }
  for (int64_t lane = 0; lane < call.count; ++lane)
    if (!left[lane]) leave(m, call.updates[lane], lane);
}

template <class C>
int64_t cohort_scratch(const CohortCall& call) {
  Scratch<float> scratch{nullptr};
  Room<C>(call.updates[0], scratch);
  return scratch.used;
}

}  // namespace UNROLL_NS
}  // namespace unroll
