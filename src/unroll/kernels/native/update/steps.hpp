// A recurrent layer under a linear readout that goes on from a state: some steps of numbers forward, and what it puts out at the last.
// In the order of forward.hpp and readout.hpp: T steps in one call or in T calls are the same bits.
#pragma once

#include "../forward.hpp"
#include "readout.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class C, class T>
struct StepsBuffers {
  Layout<C, T> l;
  ForwardBuffers<C, T> forward;
  ReadoutLayer<T> readout;
  StepsBuffers(const StepsCall& call, Scratch<T>& scratch)
      : l({1, call.rows, call.shape.T, call.shape.I, call.shape.H}), forward(l, scratch, {0, 1}), readout(call.shape, last(), l.rows, scratch) {}

 private:
  static Examples last() {
    Examples e{};
    e.readout = Readout::last, e.S = 1;
    return e;
  }
};

template <class C, class T>
void steps(const StepsCall& call, const Member& me) {
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  StepsBuffers<C, T> b(call, scratch);
  const Layout<C, T>& l = b.l;
  const Parts at(call.shape);
  const int64_t TT = call.shape.T, I = call.shape.I, H = call.shape.H, O = call.shape.O;
  const T* w = static_cast<const T*>(call.weights);
  Watch watch{me};
  pack_forward(l, w + at.w_ih, w + at.w_hh, w + at.b_ih, w + at.b_hh, b.forward);
  b.readout.pack(w + at.w_o, w + at.b_o);
  const Tiles blocks(call.rows, kRowBlock);
  for (int64_t i = 0, row0 = 0; i < blocks.count; row0 += blocks.size(i++)) {
    const int64_t R = blocks.size(i);
    const Range all{0, R};
    T *h = static_cast<T*>(call.h) + row0 * H, *c = C::kCellState ? static_cast<T*>(call.c) + row0 * H : nullptr;
    const ForwardBlock<T> block{{static_cast<const T*>(call.x) + row0 * TT * I, {nullptr, 0}, nullptr}, nullptr, R, all, b.forward.turns, nullptr, false, true, nullptr};
    pad_rows(h, H, R, H, l.Hp, block.states);
    if (c) block_rows(c, R, all, H, l.Hp, b.forward.cell);
    if (!forward_steps(l, block, b.forward, watch)) return;
    const T* last = block.at(TT, l.Hp);
    b.readout.outputs(last, R);
    unpad_rows(b.readout.out, R, O, b.readout.Op, static_cast<T*>(call.out) + row0 * O, O);
    unpad_rows(last, R, H, l.Hp, h, H);
    if (c) unblock_rows(b.forward.cell, R, all, H, c);
  }
}

template <class C, class T>
int64_t steps_scratch(const StepsCall& call) {
  Scratch<T> scratch{nullptr};
  StepsBuffers<C, T>(call, scratch);
  return scratch.used;
}

}  // namespace UNROLL_NS
}  // namespace unroll
