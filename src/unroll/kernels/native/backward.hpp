// A lane back through all steps: gate deltas, and the gradients of states, inputs and weights.
//
// The gradient at a state is what comes in there from outside, then, group after group of units: what passes the cell by (GRU), and the
// product of the group's deltas with its rows of W_hh, one partial sum from zero. dx is summed likewise. See layout.hpp.
#pragma once

#include "weights.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class C, class T>
struct BackwardBuffers {
  T *v_x, *v_h, *deltas[2], *inputs[2], *dh, *dh_next, *dc, *dx;
  WeightSums<C, T> sums;
  BackwardProducts<C, T> products;
  BackwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch, Split split) : sums(l, scratch), products(l, scratch) {
    const int64_t steps = kDeltaChunk * l.round_chunks(split);
    v_x = scratch.take(C::Gx * l.Hp * l.Ip);
    v_h = scratch.take(kBf16 ? 0 : C::Gh * l.Hp * l.Hp);
    for (int i = 0; i < 2; ++i) {
      deltas[i] = i && split.count == 1 ? deltas[0] : scratch.take(steps * l.rows * C::A * l.Hp);
      inputs[i] = i && split.count == 1 ? inputs[0] : scratch.take(steps * l.rows * l.input_row);
    }
    dh = scratch.take(l.rows * l.Hp);
    dh_next = scratch.take(l.rows * l.Hp);
    dc = scratch.take(C::kCellState ? l.rows * l.Hp : 0);
    dx = scratch.take(l.rows * l.Ip);
  }
};

// Rows of W_hh and W_ih in the order of the gate deltas; the columns stay as they are.
template <class C, class T>
void pack_backward(const Layout<C, T>& l, const T* w_ih, const T* w_hh, bool with_x, BackwardBuffers<C, T>& b) {
  const int64_t H = l.s.H, I = l.s.I;
  for (int64_t block = 0; block < l.blocks; ++block)
    for (int a = 0; a < C::A; ++a)
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        const int64_t unit = block * kBlock + lane, row = C::gate(a) * H + unit;
        const int64_t known = unit < H ? 1 : 0;
        if (!kBf16 && a < C::Gh) {
          T* to = b.v_h + ((block * C::Gh + a) * kBlock + lane) * l.Hp;
          if (known) copy(w_hh + row * H, to, H);
          fill_zero(to + known * H, l.Hp - known * H);
        }
        if (with_x && a >= C::A - C::Gx) {
          T* to = b.v_x + ((block * C::Gx + a - (C::A - C::Gx)) * kBlock + lane) * l.Ip;
          if (known) copy(w_ih + row * I, to, I);
          fill_zero(to + known * I, l.Ip - known * I);
        }
      }
  if constexpr (kBf16) b.products.pack(l, w_hh);
}

// What comes in through y at the state after step t, of rows that are running then: rows of Hp, zeros where nothing comes in.
template <class T>
struct FromOutputs {
  const T* dy;  // (R, T, H) or none
  const int64_t* ends;
  int64_t steps, H, Hp;
  UNROLL_INLINE void operator()(int64_t t, Range rows, T* dh) const {
    const int64_t end = dy ? running(ends, rows, t).end : rows.begin;
    pad_rows(dy ? dy + (rows.begin * steps + t) * H : nullptr, steps * H, end - rows.begin, H, Hp, dh + rows.begin * Hp);
    fill_zero(dh + end * Hp, (rows.end - end) * Hp);
  }
};

// A block of R rows as backward meets it.
template <class T>
struct BackwardBlock {
  const T *states, *gates;
  Sequences<T> x;
  T* dx;  // out (R, T, I), or none
  const int64_t* ends;
  int64_t R;
  Range rows;       // a member's own
  T *dh, *dh_next;  // change places with each step
};

// Zeros in the gate deltas of a vector's padded units, from `real` on: the products sum over them.
template <class C, class T>
UNROLL_INLINE void clear_padding(T* deltas, int64_t real) {
  constexpr int W = kLanes<T>;
  Vec<T> lane{};
  for (int i = 0; i < W; ++i) lane[i] = T(i);
  const Vec<T> first = splat(T(larger(real, 0)));
#pragma GCC unroll 8
  for (int a = 0; a < C::A; ++a) store(deltas + a * kBlock, lane < first ? load(deltas + a * kBlock) : Vec<T>{});
}

// Gate deltas of the steps [begin, end) of a member's rows, and the gradients of their states and inputs.
template <class C, class T, class Incoming>
void delta_steps(const Layout<C, T>& l, BackwardBlock<T>& at, const Incoming& incoming, int64_t begin, int64_t end, T* all_deltas, T* inputs,
                 BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>, V = Layout<C, T>::V;
  const int64_t Hp = l.Hp, H = l.s.H, TT = l.s.T, R = at.R, S = end - begin;
  const Range rows = at.rows;
  if constexpr (kBf16) b.products.begin(l, S, R);
  for (int64_t t = end - 1; t >= begin; --t) {
    const T* h_prev = at.states + t * R * Hp;
    const T* h = h_prev + R * Hp;
    T *dh = at.dh, *dh_next = at.dh_next;
    const Range live = running(at.ends, rows, t);
    const Tiles tiles(live.size(), kProductRows);
    if (t)
      incoming(t - 1, rows, dh_next);
    else
      fill_zero(dh_next + rows.begin * Hp, rows.size() * Hp);
    add(dh + live.end * Hp, dh_next + live.end * Hp, (rows.end - live.end) * Hp);
    for (int64_t group = 0; group < l.groups; ++group) {
      const int64_t first = group * l.kGroupBlocks, U = l.blocks_of(group), record = U * C::A * kBlock;
      T* deltas = all_deltas + first * C::A * kBlock * S * R + (t - begin) * R * record;
      int64_t row = live.begin;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t nr = tiles.size(i);
        for (int64_t r = row; r < row + nr; ++r)
          for (int64_t u = 0; u < U; ++u) {
            const int64_t block = first + u, place = block * R + r;
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) {
              const T* saved = C::Saved ? at.gates + (t * l.blocks * R + place) * C::Saved * kBlock + v * W : nullptr;
              const int64_t column = r * Hp + block * kBlock + v * W;
              T* delta = deltas + r * record + u * C::A * kBlock + v * W;
              C::template backward<T>(saved, h_prev + column, h + column, cut<T>(load(dh + column)), b.dc + place * kBlock + v * W, delta,
                                      dh_next + column);
              if (block * kBlock + (v + 1) * W > H) clear_padding<C>(delta, H - block * kBlock - v * W);
            }
          }
        // While the product runs, ask for the saved gates of the next rows, and of these rows one step earlier: the
        // hardware's own prefetching is weak on a walk backwards.
        const T* here = C::Saved ? at.gates + ((t * l.blocks + first) * R + row) * C::Saved * kBlock : h + row * Hp;
        const int64_t next_rows = C::Saved ? nr * C::Saved * kBlock : nr * Hp, step = C::Saved ? l.blocks * R * C::Saved * kBlock : R * Hp;
        const Ahead ahead{reinterpret_cast<const char*>(here + next_rows), reinterpret_cast<const char*>(t ? here - step : here)};
        if constexpr (kBf16)
          ahead.fetch(next_rows * int64_t(sizeof(T)) / 64);
        else
          product<T, true>(nr, l.vectors, U * C::Gh * kBlock, deltas + row * record, AlongK{record}, b.v_h + first * C::Gh * kBlock * Hp, Hp,
                           dh_next + row * Hp, Hp, ahead);
        row += nr;
      }
      fill_zero(deltas + live.end * record, (rows.end - live.end) * record);
      if constexpr (kBf16) b.products.take_deltas(t - begin, first, U, deltas);
    }
    if constexpr (kBf16) b.products.add_to(l, dh_next);
    at.dh = dh_next;
    at.dh_next = dh;
  }
  gather_inputs(l, at.x, at.ends, R, rows, begin, end, inputs);
  if (at.dx)
    for (int64_t t = begin; t < end; ++t) {
      T* dx = b.dx + rows.begin * l.Ip;
      fill_zero(dx, rows.size() * l.Ip);
      for (int64_t group = 0; group < l.groups; ++group) {
        const int64_t first = group * l.kGroupBlocks * kBlock, U = l.blocks_of(group), record = U * C::A * kBlock;
        const T* deltas = all_deltas + first * C::A * S * R + ((t - begin) * R + rows.begin) * record;
        product(rows.size(), l.Ip / W, U * C::Gx * kBlock, deltas + (C::A - C::Gx) * kBlock, AlongK{record}, b.v_x + first * C::Gx * l.Ip, l.Ip,
                dx, l.Ip);
      }
      unpad_rows(dx, rows.size(), l.s.I, l.Ip, at.dx + (rows.begin * TT + t) * l.s.I, TT * l.s.I);
    }
}

// All steps of a block, the weights' sums with them; `arrived` is called once when the gradients of the initial states are there.
// False where the call is given up.
template <class C, class T, class Incoming, class Arrived>
bool backward_steps(const Layout<C, T>& l, BackwardBlock<T>& at, const Incoming& incoming, int64_t& rounds, Split split, BackwardBuffers<C, T>& b,
                    Watch& watch, const Arrived& arrived) {
  const int64_t R = at.R, Hp = l.Hp, chunk = kDeltaChunk * R, round_chunks = l.round_chunks(split);
  for (int64_t last = l.s.T; last > 0; ++rounds) {
    T *deltas = b.deltas[rounds % 2], *inputs = b.inputs[rounds % 2];
    const int64_t first = larger(0, last - round_chunks * kDeltaChunk);
    bool going = true;
    for (int64_t end = last, i = 0; going && end > first; end -= kDeltaChunk, ++i) {
      delta_steps(l, at, incoming, larger(0, end - kDeltaChunk), end, deltas + i * chunk * C::A * Hp, inputs + i * chunk * l.input_row, b);
      going = watch.goes_on(2 * l.step_work(chunk));
    }
    if (first == 0) arrived();  // before the meeting: who is ahead overwrites dh with the next rows'
    if (split.count > 1 ? !meet(watch.me) : !going) return false;
    for (int64_t end = last, i = 0; end > first; end -= kDeltaChunk, ++i) {
      const int64_t begin = larger(0, end - kDeltaChunk);
      sum_chunk(l, (end - begin) * R, deltas + i * chunk * C::A * Hp, at.states + begin * R * Hp, inputs + i * chunk * l.input_row, split, b.sums, b.products);
      if (++b.sums.chunks % kSumChunks == 0) move_sums(l, split, b.sums);
    }
    last = first;
  }
  return true;
}

template <class C, class T>
void backward_lane(const Layout<C, T>& l, const BackwardCall& call, int64_t lane, Split split, BackwardBuffers<C, T>& b, Watch& watch) {
  const int64_t B = l.s.B, TT = l.s.T, I = l.s.I, H = l.s.H, Hp = l.Hp, GH = C::G * H;
  if (split.index == 0) {
    pack_backward(l, static_cast<const T*>(call.w_ih) + lane * GH * I, static_cast<const T*>(call.w_hh) + lane * GH * H, call.dx != nullptr, b);
    clear_sums(l, b.sums);
  }
  if (split.count > 1 && !meet(watch.me)) return;

  b.sums.chunks = 0;
  int64_t rounds = 0, row0 = 0;
  const Tiles row_blocks(B, kRowBlock);
  for (int64_t rb = 0; rb < row_blocks.count; ++rb) {
    const int64_t R = row_blocks.size(rb), place = lane * B + row0;
    const T* states = static_cast<const T*>(call.saved) + place * l.kept_of_row();
    BackwardBlock<T> at{states, states + (TT + 1) * R * Hp, {static_cast<const T*>(call.x) + place * TT * I, {nullptr, 0}, nullptr},
                        call.dx ? static_cast<T*>(call.dx) + place * TT * I : nullptr,
                        call.lengths ? call.lengths + place : nullptr, R, split.of(R), b.dh, b.dh_next};
    const Range rows = at.rows;
    const FromOutputs<T> incoming{call.dy ? static_cast<const T*>(call.dy) + place * TT * H : nullptr, at.ends, TT, H, Hp};
    incoming(TT - 1, rows, at.dh);
    if (call.dh_n)
      for (int64_t r = rows.begin; r < rows.end; ++r) add(static_cast<const T*>(call.dh_n) + (place + r) * H, at.dh + r * Hp, H);
    if (C::kCellState) block_rows(call.dc_n ? static_cast<const T*>(call.dc_n) + place * H : nullptr, R, rows, H, Hp, b.dc);
    const auto arrived = [&] {
      if (call.dh0) unpad_rows(at.dh + rows.begin * Hp, rows.size(), H, Hp, static_cast<T*>(call.dh0) + (place + rows.begin) * H, H);
      if (C::kCellState && call.dc0) unblock_rows(b.dc, R, rows, H, static_cast<T*>(call.dc0) + place * H);
    };
    if (!backward_steps(l, at, incoming, rounds, split, b, watch, arrived)) return;
    row0 += R;
  }
  move_sums(l, split, b.sums);
  unpack_totals(l, Gradients<T>{static_cast<T*>(call.dw_ih) + lane * GH * I, static_cast<T*>(call.dw_hh) + lane * GH * H,
                                call.db_ih ? static_cast<T*>(call.db_ih) + lane * GH : nullptr,
                                call.db_hh ? static_cast<T*>(call.db_hh) + lane * GH : nullptr},
                split, b.sums);
}

}  // namespace UNROLL_NS
}  // namespace unroll
