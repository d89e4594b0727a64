// Networks of one shape, side by side: each number of an update is a vector of lanes, and each lane is a network with a training of its own.
//
// A lane's numbers come about in the order of README.md, as those of a network alone: no sum runs over lanes, so how many there are,
// and how long a vector is, decides no bit. Lanes lie in blocks of 16 on every instruction set, [..][16]; those without a network hold
// zeros. Two vectors of a block have nothing to do with each other: one after the other goes through a whole pass.
//
//   weights, gradient, average, square, velocity [parameter][16]   as Parts orders them
//   w_h [unit][k][Gh][16], w_x [unit][i][Gx][16], bias [unit][A][16]
//   states [T+1][row][unit][16], gates [T][row][unit][Saved][16], cell, dc, dh [row][unit][16]
//   inputs [T][row][I][16], or symbols [T][row][16]
//   out [slot][output][16]           a slot is a row at a step that is read; of `some`, that a lane may read
//   places [slot][16]                which of its sequence's S positions a lane has there, -1 none; of `some`
//   deltas [step][row][unit][A][16]  of a chunk of two steps
//   sums, totals: of w_h [unit][Gh][k][16], of w_x [unit][Gx][i][16], of the bias [unit][A][16], of the readout [output][k][16], [output][16]
#pragma once

#include "../../layout.hpp"
#include "../call.hpp"

namespace unroll {
namespace UNROLL_NS {

using Lane = Vec<float>;
constexpr int64_t kL = kCohort;
static_assert(kCohort == kBlock, "the cells keep the numbers of a block one behind the other");

struct Sums {
  float *h, *x, *bias, *out, *out_bias;
  int64_t size;
  template <class C>
  static Sums of(const Shape& s, Scratch<float>& scratch) {
    const int64_t h = C::Gh * s.H * s.H, x = C::Gx * s.H * s.I, bias = C::A * s.H, out = s.O * s.H, size = (h + x + bias + out + s.O) * kL;
    float* at = scratch.take(size);
    return {at, at + h * kL, at + (h + x) * kL, at + (h + x + bias) * kL, at + (h + x + bias + out) * kL, size};
  }
};

template <class C>
struct Room {
  Shape s;
  Readout readout;
  bool symbols, classes;
  int64_t rows, count, first_read;  // of a block at most; parameters; the first step that is read
  float *weights, *average, *square, *velocity, *gradient;
  float *w_h, *w_x, *bias, *states, *gates, *cell, *inputs, *out, *deltas, *dh, *dh_next, *dc;
  int32_t* places;
  Sums sums, totals;

  Room(const UpdateCall& call, Scratch<float>& scratch)
      : s(call.shape), readout(call.examples.readout), symbols(call.examples.symbols.data != nullptr), classes(call.examples.classes != nullptr),
        rows(smaller(smaller(call.batch, call.sequences), kRowBlock)), count(Parts(call.shape).count), first_read(readout == Readout::last ? s.T - 1 : 0) {
    const Optimizer& o = call.optimizer;
    const int64_t of_step = rows * s.H * kL;
    weights = scratch.take(count * kL), gradient = scratch.take(count * kL);
    average = o.average ? scratch.take(count * kL) : nullptr;
    square = o.square ? scratch.take(count * kL) : nullptr;
    velocity = o.velocity ? scratch.take(count * kL) : nullptr;
    w_h = scratch.take(s.H * s.H * C::Gh * kL), w_x = scratch.take(s.H * s.I * C::Gx * kL), bias = scratch.take(s.H * C::A * kL);
    states = scratch.take((s.T + 1) * of_step);
    gates = scratch.take(s.T * C::Saved * of_step);
    cell = scratch.take(C::kCellState ? of_step : 0), dc = scratch.take(C::kCellState ? of_step : 0);
    inputs = scratch.take(s.T * rows * (symbols ? 1 : s.I) * kL);
    out = scratch.take((s.T - first_read) * rows * s.O * kL);
    deltas = scratch.take(kDeltaChunk * C::A * of_step);
    dh = scratch.take(of_step), dh_next = scratch.take(of_step);
    places = as_int(scratch.take(readout == Readout::some ? s.T * rows * kL : 0));
    sums = Sums::of<C>(s, scratch), totals = Sums::of<C>(s, scratch);
  }
  static int32_t* as_int(float* p) { return reinterpret_cast<int32_t*>(p); }
  // Of a step and a row, whose numbers are `n` vectors.
  UNROLL_INLINE int64_t at(int64_t t, int64_t R, int64_t row, int64_t n) const { return (t * R + row) * n * kL; }
  UNROLL_INLINE int64_t slot(int64_t t, int64_t R, int64_t row) const { return (t - first_read) * R + row; }
};

}  // namespace UNROLL_NS
}  // namespace unroll
