// Whole updates and evaluations of a recurrent layer under a linear readout: block by block of at most 64 sequences forward, read out and back,
// while a block's states and gates are warm; then the gradient's norm, its bounds and the optimizer's step.
#pragma once

#include "../backward.hpp"
#include "../forward.hpp"
#include "objective.hpp"
#include "optimizer.hpp"
#include "readout.hpp"

namespace unroll {
namespace UNROLL_NS {

inline Sizes sizes_of(const Shape& s, int64_t rows) { return {1, rows, s.T, s.I, s.H}; }

// A block's sequences, their states and outputs; and the gates, where a backward follows.
template <class C, class T>
struct Sweep {
  Layout<C, T> l;
  Shape shape;
  Examples examples;
  bool gradient;
  T* kept;
  ForwardBuffers<C, T> forward;
  ReadoutLayer<T> readout;

  Sweep(const Shape& s, const Examples& e, int64_t rows, bool gradient, Scratch<T>& scratch)
      : l(sizes_of(s, rows), e.symbols.data != nullptr), shape(s), examples(e), gradient(gradient),
        kept(scratch.take(l.rows * (gradient ? l.kept_of_row() : l.states_of_row()))), forward(l, scratch, {0, 1}), readout(s, e, l.rows, scratch) {}

  void pack(const T* w) {
    const Parts at(shape);
    pack_forward(l, w + at.w_ih, w + at.w_hh, w + at.b_ih, w + at.b_hh, forward);
    readout.pack(w + at.w_o, w + at.b_o);
  }
  Sequences<T> sequences(const int64_t* chosen) const {
    return {static_cast<const T*>(examples.numbers), examples.symbols, chosen};
  }
  T* gates(int64_t R) const { return kept + (shape.T + 1) * R * l.Hp; }

  // Outputs of R sequences at their positions, in readout.out. False where the call is given up.
  bool run(const int64_t* chosen, int64_t R, const Positions& positions, const T*& read, Watch& watch) {
    const Range all{0, R};
    const ForwardBlock<T> at{sequences(chosen), nullptr, R, all, kept, gradient ? gates(R) : nullptr, gradient && l.outgrows_caches(R), false, nullptr};
    fill_zero(kept, R * l.Hp);
    if (C::kCellState) fill_zero(forward.cell, l.rows * l.Hp);
    if (!forward_steps(l, at, forward, watch)) return false;
    read = readout.read_states(positions, shape.T, kept);
    readout.outputs(read, positions.begin(shape.T));
    return true;
  }
};

// Positions that are scored among those of some sequences: sequences themselves for targets that are numbers.
inline int64_t scored_of(const Examples& e, const int64_t* chosen, int64_t count) {
  if (!e.classes) return count;
  int64_t n = 0;
  for (int64_t r = 0; r < count; ++r)
    for (int64_t s = 0; s < e.S; ++s) n += e.classes[chosen[r] * e.S + s] >= 0;
  return n;
}

template <class C, class T>
struct UpdateBuffers {
  Sweep<C, T> sweep;
  BackwardBuffers<C, T> backward;
  UpdateBuffers(const UpdateCall& call, Scratch<T>& scratch)
      : sweep(call.shape, call.examples, smaller(call.batch, call.sequences), true, scratch), backward(sweep.l, scratch, {0, 1}) {}
};

// The gradient of the mean loss of some sequences, and that loss. False where the call is given up.
template <class C, class T>
bool gradient_of(const UpdateCall& call, const int64_t* chosen, int64_t count, int64_t scored, UpdateBuffers<C, T>& b, Watch& watch, double& loss) {
  const Parts at(call.shape);
  const T* w = static_cast<const T*>(call.weights);
  T* gradient = static_cast<T*>(call.gradient);
  const Layout<C, T>& l = b.sweep.l;
  ReadoutLayer<T>& readout = b.sweep.readout;
  const double over = double(scored) * double(call.examples.classes ? 1 : call.examples.S * call.shape.O);
  b.sweep.pack(w);
  pack_backward(l, w + at.w_ih, w + at.w_hh, false, b.backward);
  clear_sums(l, b.backward.sums);
  b.backward.sums.chunks = 0;
  readout.clear();
  Tally tally;
  int64_t rounds = 0;
  const Tiles blocks(count, kRowBlock);
  for (int64_t i = 0, row0 = 0; i < blocks.count; row0 += blocks.size(i++)) {
    const int64_t R = blocks.size(i), *rows = chosen + row0;
    const Positions positions = positions_of(call.examples, call.shape.T, rows, R, readout.ints);
    const T* read = nullptr;
    if (!b.sweep.run(rows, R, positions, read, watch)) return false;
    const Outputs<T> outputs{readout.out, readout.O, readout.Op, positions, positions.begin(call.shape.T), rows};
    if (call.examples.classes)
      classes(outputs, call.examples, over, tally);
    else
      squares(outputs, call.examples, over, tally);
    readout.sum_gradients(positions, call.shape.T, read);
    BackwardBlock<T> back{b.sweep.kept, b.sweep.gates(R), b.sweep.sequences(rows), nullptr, nullptr, R, {0, R}, b.backward.dh, b.backward.dh_next};
    const FromReadout<T> incoming{readout, positions};
    incoming(call.shape.T - 1, back.rows, back.dh);
    if (C::kCellState) fill_zero(b.backward.dc, R * l.Hp);
    if (!backward_steps(l, back, incoming, rounds, {0, 1}, b.backward, watch, [] {})) return false;
  }
  move_sums(l, {0, 1}, b.backward.sums);
  unpack_totals(l, Gradients<T>{gradient + at.w_ih, gradient + at.w_hh, gradient + at.b_ih, gradient + at.b_hh}, {0, 1}, b.backward.sums);
  readout.unpack(gradient + at.w_o, gradient + at.b_o);
  loss = tally.total() / over;
  return true;
}

// As many updates as there are batches, or as there is time for. The one whose loss is no finite number is the last, and makes
// no step; one that is given up is not counted, and leaves weights and optimizer as they were.
template <class C, class T>
void update(const UpdateCall& call, const Member& me) {
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  UpdateBuffers<C, T> b(call, scratch);
  Watch watch{me};
  const double end = clock_seconds() + call.seconds;
  const int64_t n = Parts(call.shape).count;
  int64_t done = *call.done = 0;
  for (int64_t first = 0; first < call.sequences && (done == 0 || clock_seconds() < end); first += call.batch) {
    const int64_t count = smaller(call.batch, call.sequences - first), *chosen = call.order + first;
    const int64_t scored = scored_of(call.examples, chosen, count);
    double loss;
    if (!gradient_of(call, chosen, count, scored, b, watch, loss)) break;
    T *w = static_cast<T*>(call.weights), *gradient = static_cast<T*>(call.gradient);
    const double norm = __builtin_sqrt(sum_of_squares(gradient, n));
    call.losses[done] = double(T(loss)), call.norms[done] = double(T(norm)), call.scored[done] = scored;
    const double rate = call.rates[done++];
    if (!__builtin_isfinite(T(loss))) {
      *call.done = done;
      break;
    }
    step(call.optimizer, norm, rate, w, gradient, n);
    *call.done = done;
  }
}

template <class C, class T>
void evaluate(const EvaluationCall& call, const Member& me) {
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  Sweep<C, T> sweep(call.shape, call.examples, call.count, false, scratch);
  int64_t chosen[kRowBlock];
  Watch watch{me};
  sweep.pack(static_cast<const T*>(call.weights));
  const Tiles blocks(call.count, kRowBlock);
  for (int64_t i = 0, row0 = 0; i < blocks.count; row0 += blocks.size(i++)) {
    const int64_t R = blocks.size(i);
    for (int64_t r = 0; r < R; ++r) {
      chosen[r] = call.first + row0 + r;
      call.losses[row0 + r] = call.furthest[row0 + r] = 0;
      call.scored[row0 + r] = call.asked[row0 + r] = call.right[row0 + r] = 0;
    }
    const Positions positions = positions_of(call.examples, call.shape.T, chosen, R, sweep.readout.ints);
    const T* read = nullptr;
    if (!sweep.run(chosen, R, positions, read, watch)) return;
    const Outputs<T> outputs{sweep.readout.out, sweep.readout.O, sweep.readout.Op, positions, positions.begin(call.shape.T), chosen};
    const Counts to{call.losses + row0, call.furthest + row0, call.scored + row0, call.asked + row0, call.right + row0};
    if (call.examples.classes)
      count_classes(outputs, call.examples, to);
    else
      count_squares(outputs, call.examples, to);
  }
}

template <class C, class T>
int64_t update_scratch(const UpdateCall& call) {
  Scratch<T> scratch{nullptr};
  UpdateBuffers<C, T>(call, scratch);
  return scratch.used;
}

template <class C, class T>
int64_t evaluation_scratch(const EvaluationCall& call) {
  Scratch<T> scratch{nullptr};
  Sweep<C, T>(call.shape, call.examples, call.count, false, scratch);
  return scratch.used;
}

}  // namespace UNROLL_NS
}  // namespace unroll
