// The recurrence over the whole sequence, forward and backward, for any cell.
//
// Inside, hidden units are padded to Hp = padded(H) and cut into unit blocks of one vector (W numbers). A group is U unit
// blocks taken together: one for GRU and LSTM, whose four accumulators a unit fill the registers, up to four for the simple
// RNN. Rows are the sequences, in blocks of at most 64, each block taken through all steps: its state stays in the first-level
// cache. Padded units have zero weights, and nothing reads what they hold: an infinity times zero would make NaN of it.
//
//   w_x    [group][i][u][Gx][W]      packed input weights, forward
//   w_h    [group][k][u][Gh][W]      packed recurrent weights, forward: 16 KB a group for an LSTM of 64 units
//   bias   [group][u][A][W]
//   states [T+1][row][Hp]            h before each step and after the last; in `saved`, or two turns of it in scratch
//   gates  [T][unit block][row][Saved][W]   in `saved`
//   cell   [unit block][row][W]      running cell state (LSTM)
//   deltas [group][step][row][u][A][W]      gate deltas of a chunk of steps, backward; one or more chunks, see below
//   v_h    [group][u][Gh][W][Hp]     recurrent weights as they are, rows in the order of the deltas, backward
//   v_x    [group][u][Gx][W][Ip]     input weights likewise; for dx
//   sum_h  [group][u][Gh][W][Hp]     dW_hh while a part of it is summed; total_h the parts before
//   sum_x  [group][I+1][u][A][W]     dW_ih transposed, and in its last row the bias; total_x likewise
//   inputs [step][row][I+1]          x of a chunk of steps, with a 1 behind for the bias
//
// Threads: each member of a call's team runs the functions below, with a part of the lanes where there are enough of them, else
// with a part of each lane's rows. A sequence depends on no other, so only the weights' gradients, which sum over the rows, need a
// meeting: the gate deltas of a round of chunks are computed by rows, the members meet, and then each sums its own part of the weights
// over all rows. So each number is summed in the same order whatever the number of threads, and has the same bits. Rounds write two
// buffers in turn: who is ahead already fills the other while who is behind still reads.
#pragma once

#include "call.hpp"
#include "cells.hpp"
#include "tile.hpp"

namespace unroll {
namespace UNROLL_NS {

constexpr int64_t kRowBlock = 64;
constexpr int64_t kInputChunk = 16;  // steps of x gathered at a time
constexpr int64_t kDeltaChunk = 2;   // steps of gate deltas summed into dW at a time: their states stay in the first-level cache

constexpr int64_t kSumChunks = 16;   // chunks summed into one part of dW, and the parts into dW: three levels of sums
constexpr int64_t kRoundBytes = 512 << 10;  // gate deltas between two meetings: half of a usual second-level cache
constexpr int64_t kWatchWork = 1 << 22;     // multiply-adds between two looks at whether the call goes on: 0.1 ms or so

UNROLL_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
UNROLL_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// From begin on, before end.
struct Range {
  int64_t begin, end;
  UNROLL_INLINE int64_t size() const { return end - begin; }
  // What of it lies in a piece of `n` that starts at `start`, counted from there.
  UNROLL_INLINE Range within(int64_t start, int64_t n) const {
    const int64_t from = smaller(larger(begin - start, 0), n);
    return {from, larger(smaller(end - start, n), from)};
  }
};

// How what is inside one lane is shared out.
struct Split {
  int64_t index, count;
  UNROLL_INLINE Range of(int64_t n) const { return {n * index / count, n * (index + 1) / count}; }
};

// Looks from time to time whether the call goes on.
struct Watch {
  const Member& me;
  int64_t work = 0;
  UNROLL_INLINE bool goes_on(int64_t more) {
    if ((work += more) < kWatchWork) return true;
    work = 0;
    return unroll::goes_on(me);
  }
};

template <class T>
UNROLL_INLINE void fill_zero(T* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = T(0);
}
template <class T>
UNROLL_INLINE void copy(const T* from, T* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

// total += sum, and a fresh sum.
template <class T>
UNROLL_INLINE void move_sum(T* sum, T* total, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    total[i] += sum[i];
    sum[i] = T(0);
  }
}

// Hands out parts of the scratch buffer, each aligned to 64 bytes; with no buffer it only counts.
template <class T>
struct Scratch {
  T* base;
  int64_t used = 0;
  T* take(int64_t n) {
    T* p = base ? base + used : nullptr;
    used += padded(n);
    return p;
  }
  // One part for each member; the member's own.
  T* take(int64_t n, Split split) {
    T* p = take(padded(n) * split.count);
    return p ? p + padded(n) * split.index : nullptr;
  }
};

template <class C, class T>
struct Layout {
  static constexpr int W = kLanes<T>;
  static constexpr int kMostUnits = C::A == 1 ? 4 : 1;
  static constexpr int kMostRows = kAccumulators / (C::A * kMostUnits) > 6 ? 6 : kAccumulators / (C::A * kMostUnits);
  Sizes s;
  int64_t Hp, Ip, I1, blocks, groups, rows;

  explicit Layout(const Sizes& sizes) : s(sizes) {
    Hp = padded(s.H);
    Ip = (s.I + W - 1) / W * W;
    I1 = s.I + 1;
    blocks = Hp / W;
    groups = (blocks + kMostUnits - 1) / kMostUnits;
    rows = smaller(s.B, kRowBlock);
  }
  UNROLL_INLINE int64_t units(int64_t group) const { return smaller(blocks - group * kMostUnits, kMostUnits); }
  UNROLL_INLINE int64_t step_work(int64_t n) const { return n * C::G * Hp * (s.H + s.I); }  // multiply-adds of n rows
  UNROLL_INLINE int64_t kept_of_row() const { return Hp * ((s.T + 1) + s.T * C::Saved); }
  // Chunks between two meetings. Alone there is nobody to meet.
  int64_t round_chunks(Split split) const {
    const int64_t bytes = kDeltaChunk * rows * C::A * Hp * int64_t(sizeof(T));
    return split.count == 1 ? 1 : larger(1, smaller(kSumChunks, kRoundBytes / bytes));
  }
};

template <class C, class T>
struct ForwardBuffers {
  T *w_x, *w_h, *bias, *cell, *inputs, *turns;
  ForwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch, Split split) {
    w_x = scratch.take(l.s.I * C::Gx * l.Hp);
    w_h = scratch.take(l.Hp * C::Gh * l.Hp);
    bias = scratch.take(C::A * l.Hp);
    cell = scratch.take(C::kCellState ? l.rows * l.Hp : 0, split);
    inputs = scratch.take(kInputChunk * l.rows * l.I1, split);
    turns = scratch.take(2 * l.rows * l.Hp, split);
  }
};

template <class C, class T>
struct BackwardBuffers {
  T *v_x, *v_h, *sum_x, *sum_h, *total_x, *total_h, *deltas[2], *inputs[2], *dh, *dh_next, *dc, *dx;
  BackwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch, Split split) {
    const int64_t steps = kDeltaChunk * l.round_chunks(split);
    v_x = scratch.take(C::Gx * l.Hp * l.Ip);
    v_h = scratch.take(C::Gh * l.Hp * l.Hp);
    sum_x = scratch.take(l.I1 * C::A * l.Hp);
    sum_h = scratch.take(C::Gh * l.Hp * l.Hp);
    total_x = scratch.take(l.I1 * C::A * l.Hp);
    total_h = scratch.take(C::Gh * l.Hp * l.Hp);
    for (int i = 0; i < 2; ++i) {
      deltas[i] = i && split.count == 1 ? deltas[0] : scratch.take(steps * l.rows * C::A * l.Hp);
      inputs[i] = i && split.count == 1 ? inputs[0] : scratch.take(steps * l.rows * l.I1);
    }
    dh = scratch.take(l.rows * l.Hp);
    dh_next = scratch.take(l.rows * l.Hp);
    dc = scratch.take(C::kCellState ? l.rows * l.Hp : 0);
    dx = scratch.take(l.rows * l.Ip);
  }
};

// ---- packing -----------------------------------------------------------------------------------------------------------

template <class C, class T>
void pack_forward(const Layout<C, T>& l, const T* w_ih, const T* w_hh, const T* b_ih, const T* b_hh, ForwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t H = l.s.H, I = l.s.I;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t U = l.units(group), first = group * l.kMostUnits;
    T* wx = b.w_x + first * C::Gx * W * I;
    T* wh = b.w_h + first * C::Gh * W * H;
    T* bias = b.bias + first * C::A * W;
    fill_zero(wx, U * C::Gx * W * I);
    fill_zero(wh, U * C::Gh * W * H);
    fill_zero(bias, U * C::A * W);
    for (int64_t u = 0; u < U; ++u)
      for (int a = 0; a < C::A; ++a)
        for (int64_t lane = 0; lane < W; ++lane) {
          const int64_t unit = (first + u) * W + lane;
          if (unit >= H) continue;
          const int64_t row = C::gate(a) * H + unit;
          const bool from_h = a < C::Gh, from_x = a >= C::A - C::Gx;
          T sum = T(0);
          if (from_x && b_ih) sum += b_ih[row];
          if (from_h && b_hh) sum += b_hh[row];
          bias[(u * C::A + a) * W + lane] = sum;
          if (from_x)
            for (int64_t i = 0; i < I; ++i) wx[(i * U * C::Gx + u * C::Gx + (a - (C::A - C::Gx))) * W + lane] = w_ih[row * I + i];
          if (from_h)
            for (int64_t k = 0; k < H; ++k) wh[(k * U * C::Gh + u * C::Gh + a) * W + lane] = w_hh[row * H + k];
        }
  }
}

// Rows of W_hh and W_ih in the order of the gate deltas; the columns stay as they are.
template <class C, class T>
void pack_backward(const Layout<C, T>& l, const T* w_ih, const T* w_hh, bool with_x, BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t H = l.s.H, I = l.s.I;
  for (int64_t block = 0; block < l.blocks; ++block)
    for (int a = 0; a < C::A; ++a)
      for (int64_t lane = 0; lane < W; ++lane) {
        const int64_t unit = block * W + lane, row = C::gate(a) * H + unit;
        const int64_t known = unit < H ? 1 : 0;
        if (a < C::Gh) {
          T* to = b.v_h + ((block * C::Gh + a) * W + lane) * l.Hp;
          if (known) copy(w_hh + row * H, to, H);
          fill_zero(to + known * H, l.Hp - known * H);
        }
        if (with_x && a >= C::A - C::Gx) {
          T* to = b.v_x + ((block * C::Gx + a - (C::A - C::Gx)) * W + lane) * l.Ip;
          if (known) copy(w_ih + row * I, to, I);
          fill_zero(to + known * I, l.Ip - known * I);
        }
      }
}

// (rows, H) with rows `stride` apart, to rows of Hp and back.
template <class T>
void pad_rows(const T* from, int64_t stride, int64_t rows, int64_t H, int64_t Hp, T* to) {
  for (int64_t r = 0; r < rows; ++r) {
    if (from) copy(from + r * stride, to + r * Hp, H);
    const int64_t start = from ? H : 0;
    fill_zero(to + r * Hp + start, Hp - start);
  }
}
template <class T>
void unpad_rows(const T* from, int64_t rows, int64_t H, int64_t Hp, T* to, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r) copy(from + r * Hp, to + r * stride, H);
}

// Some of (R, H) to [unit block][row][W] and back.
template <class T>
void block_rows(const T* from, int64_t R, Range rows, int64_t H, int64_t Hp, T* to) {
  constexpr int W = kLanes<T>;
  for (int64_t unit = 0; unit < Hp; ++unit)
    for (int64_t r = rows.begin; r < rows.end; ++r) to[(unit / W * R + r) * W + unit % W] = from && unit < H ? from[r * H + unit] : T(0);
}
template <class T>
void unblock_rows(const T* from, int64_t R, Range rows, int64_t H, T* to) {
  constexpr int W = kLanes<T>;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t unit = 0; unit < H; ++unit) to[r * H + unit] = from[(unit / W * R + r) * W + unit % W];
}

// Steps [first, last) of some of R rows of x, gathered by step, with a 1 behind each; zeros past a row's length, whatever is there.
template <class C, class T>
void gather_inputs(const Layout<C, T>& l, const T* x, const int64_t* ends, int64_t R, Range rows, int64_t first, int64_t last, T* inputs) {
  const int64_t I = l.s.I, I1 = l.I1;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const T* from = x + (r * l.s.T + first) * I;
    T* to = inputs + r * I1;
    const int64_t end = ends ? ends[r] : l.s.T;
    for (int64_t t = first; t < last; ++t, from += I, to += R * I1) {
      if (t < end)
        copy(from, to, I);
      else
        fill_zero(to, I);
      to[I] = T(1);
    }
  }
}

// Zeros in the gate deltas of a block's padded units, from `real` on: the products sum over them.
template <class C, class T>
UNROLL_INLINE void clear_padding(T* deltas, int64_t real) {
  constexpr int W = kLanes<T>;
  Vec<T> lane{};
  for (int i = 0; i < W; ++i) lane[i] = T(i);
  const Vec<T> first = splat(T(larger(real, 0)));
#pragma GCC unroll 8
  for (int a = 0; a < C::A; ++a) store(deltas + a * W, lane < first ? load(deltas + a * W) : Vec<T>{});
}

// Which of a block's rows are still running at step t; their lengths never rise.
UNROLL_INLINE Range running(const int64_t* lengths, Range rows, int64_t t) {
  if (lengths)
    while (rows.end > rows.begin && lengths[rows.end - 1] <= t) --rows.end;
  return rows;
}

// ---- forward -----------------------------------------------------------------------------------------------------------

template <class T>
struct ForwardTile {
  const T *inputs, *h_prev, *w_x, *w_h, *bias;
  int64_t I, I1, H, Hp;
  Rows<T> rows;
};

template <class C, class T, int U, int NR>
__attribute__((noinline)) void forward_tile(const ForwardTile<T>& t) {
  constexpr int W = kLanes<T>, NA = U * C::A;
  Vec<T> acc[NR][NA];
#pragma GCC unroll 32
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int a = 0; a < NA; ++a) acc[r][a] = Vec<T>{};
  // Many small terms first, bias last: fewer roundings at full size.
  accumulate<T, NR, NA, 0, U * C::Gh>(acc, t.H, t.h_prev, AlongK{t.Hp}, t.w_h, U * C::Gh * W);
  accumulate<T, NR, NA, NA - U * C::Gx, U * C::Gx>(acc, t.I, t.inputs, AlongK{t.I1}, t.w_x, U * C::Gx * W);
#pragma GCC unroll 32
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int a = 0; a < NA; ++a) acc[r][a] += load(t.bias + a * W);
  C::template forward<T>(acc, t.rows);
}

template <class C, class T, int U>
UNROLL_INLINE void forward_rows(int64_t nr, const ForwardTile<T>& t) {
  constexpr int most = Layout<C, T>::kMostRows;
  switch (nr) {
    case 1: return forward_tile<C, T, U, 1>(t);
    case 2: return forward_tile<C, T, U, most < 2 ? most : 2>(t);
    case 3: return forward_tile<C, T, U, most < 3 ? most : 3>(t);
    case 4: return forward_tile<C, T, U, most < 4 ? most : 4>(t);
    case 5: return forward_tile<C, T, U, most < 5 ? most : 5>(t);
    default: return forward_tile<C, T, U, most>(t);
  }
}

template <class C, class T>
UNROLL_INLINE void forward_group(int64_t U, int64_t nr, const ForwardTile<T>& tile) {
  if constexpr (Layout<C, T>::kMostUnits == 1) {
    forward_rows<C, T, 1>(nr, tile);
  } else {
    switch (U) {
      case 1: return forward_rows<C, T, 1>(nr, tile);
      case 2: return forward_rows<C, T, 2>(nr, tile);
      case 3: return forward_rows<C, T, 3>(nr, tile);
      default: return forward_rows<C, T, 4>(nr, tile);
    }
  }
}

// Some rows of the block of R rows that starts at row0, through all steps.
template <class C, class T>
void forward_block(const Layout<C, T>& l, const ForwardCall& call, int64_t lane, int64_t row0, int64_t R, Range rows,
                   const ForwardBuffers<C, T>& b, Watch& watch) {
  constexpr int W = kLanes<T>;
  const auto [K, B, TT, I, H] = l.s;
  const int64_t Hp = l.Hp, place = lane * B + row0;
  const T* x = static_cast<const T*>(call.x) + place * TT * I;
  const T* h0 = call.h0 ? static_cast<const T*>(call.h0) + place * H : nullptr;
  const T* c0 = call.c0 ? static_cast<const T*>(call.c0) + place * H : nullptr;
  T* y = call.y ? static_cast<T*>(call.y) + place * TT * H : nullptr;
  const int64_t* ends = call.lengths ? call.lengths + place : nullptr;
  T* kept = call.saved ? static_cast<T*>(call.saved) + place * l.kept_of_row() : nullptr;
  T* states = kept ? kept : b.turns;
  T* gates = kept && C::Saved ? states + (TT + 1) * R * Hp : nullptr;
  pad_rows(h0 ? h0 + rows.begin * H : nullptr, H, rows.size(), H, Hp, states + rows.begin * Hp);
  if (C::kCellState) block_rows(c0, R, rows, H, Hp, b.cell);
  for (int64_t t = 0; t < TT; ++t) {
    if (t % kInputChunk == 0) gather_inputs(l, x, ends, R, rows, t, smaller(t + kInputChunk, TT), b.inputs);
    const T* h_prev = states + (kept ? t : t % 2) * R * Hp;
    T* h = states + (kept ? t + 1 : (t + 1) % 2) * R * Hp;
    const Range live = running(ends, rows, t);
    const Tiles tiles(live.size(), Layout<C, T>::kMostRows);
    for (int64_t group = 0; group < l.groups; ++group) {
      const int64_t first = group * l.kMostUnits;
      int64_t row = live.begin;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t nr = tiles.size(i);
        const ForwardTile<T> tile{b.inputs + (t % kInputChunk * R + row) * l.I1,
                                  h_prev + row * Hp,
                                  b.w_x + first * C::Gx * W * I,
                                  b.w_h + first * C::Gh * W * H,
                                  b.bias + first * C::A * W,
                                  I, l.I1, H, Hp,
                                  {h_prev + row * Hp + first * W,
                                   C::kCellState ? b.cell + (first * R + row) * W : nullptr,
                                   gates ? gates + ((t * l.blocks + first) * R + row) * C::Saved * W : nullptr,
                                   h + row * Hp + first * W,
                                   Hp}};
        forward_group<C>(l.units(group), nr, tile);
        row += nr;
      }
    }
    copy(h_prev + live.end * Hp, h + live.end * Hp, (rows.end - live.end) * Hp);
    if (y) {
      unpad_rows(h + live.begin * Hp, live.size(), H, Hp, y + (live.begin * TT + t) * H, TT * H);
      for (int64_t r = live.end; r < rows.end; ++r) fill_zero(y + (r * TT + t) * H, H);
    }
    if (!watch.goes_on(l.step_work(rows.size()))) return;
  }
  const T* last = states + (kept ? TT : TT % 2) * R * Hp;
  unpad_rows(last + rows.begin * Hp, rows.size(), H, Hp, static_cast<T*>(call.h_n) + (place + rows.begin) * H, H);
  if (C::kCellState) unblock_rows(b.cell, R, rows, H, static_cast<T*>(call.c_n) + place * H);
}

template <class C, class T>
void forward_lane(const Layout<C, T>& l, const ForwardCall& call, int64_t lane, Split split, ForwardBuffers<C, T>& b, Watch& watch) {
  const int64_t GH = C::G * l.s.H;
  if (split.index == 0)
    pack_forward(l, static_cast<const T*>(call.w_ih) + lane * GH * l.s.I, static_cast<const T*>(call.w_hh) + lane * GH * l.s.H,
                 call.b_ih ? static_cast<const T*>(call.b_ih) + lane * GH : nullptr,
                 call.b_hh ? static_cast<const T*>(call.b_hh) + lane * GH : nullptr, b);
  if (split.count > 1 && !meet(watch.me)) return;
  const Tiles row_blocks(l.s.B, kRowBlock);
  const Range rows = split.of(l.s.B);
  int64_t row0 = 0;
  for (int64_t rb = 0; rb < row_blocks.count; ++rb) {
    const int64_t R = row_blocks.size(rb);
    const Range here = rows.within(row0, R);
    if (here.size()) forward_block(l, call, lane, row0, R, here, b, watch);
    row0 += R;
  }
}

// Runs one lane after another: a member's own where there are enough lanes for all, else all of them, a part of each.
template <class Buffers, class C, class T, class Call, class Lane>
UNROLL_INLINE void over_lanes(const Layout<C, T>& l, const Call& call, const Member& me, Lane run_lane) {
  const bool apart = l.s.K >= me.count;
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  const Split whole{0, 1}, part{me.index, me.count};
  if (apart && me.index) {
    Scratch<T> size{nullptr};
    Buffers(l, size, whole);
    scratch.used = me.index * size.used;
  }
  Buffers b(l, scratch, apart ? whole : part);
  const Range lanes = apart ? part.of(l.s.K) : whole.of(l.s.K);
  Watch watch{me};
  for (int64_t lane = lanes.begin; lane < lanes.end; ++lane) {
    if (!apart && lane > lanes.begin && !meet(me)) return;  // what the lane before has packed is still read until then
    run_lane(l, call, lane, apart ? whole : part, b, watch);
    if (apart && !goes_on(me)) return;
  }
}

template <class C, class T>
void forward(const ForwardCall& call, const Member& me) {
  over_lanes<ForwardBuffers<C, T>>(Layout<C, T>(call.sizes), call, me, forward_lane<C, T>);
}

// ---- backward ----------------------------------------------------------------------------------------------------------

// The part of the delta vectors, [unit block][A], that is a member's own to sum over.
struct OwnVectors {
  Range all;    // of this group's U * A vectors
  Range from_h; // those that the recurrent weights reach: the first Gh of each unit block
  Range from_x; // those that the inputs reach: the last Gx
};
template <class C, class T>
UNROLL_INLINE OwnVectors own_vectors(const Layout<C, T>& l, int64_t group, Split split) {
  static_assert(C::A == C::Gh || Layout<C, T>::kMostUnits == 1, "only then are the vectors that h reaches the first of a group");
  constexpr int only_h = C::A - C::Gx;
  const int64_t U = l.units(group);
  const Range all = split.of(l.blocks * C::A).within(group * l.kMostUnits * C::A, U * C::A);
  return {all, all.within(0, U * C::Gh), {larger(all.begin, only_h), larger(all.end, only_h)}};
}

template <class T>
struct BackwardBlock {  // a block of rows, as backward meets it
  const T *states, *gates, *x, *dy;
  T* dx;
  const int64_t* ends;
  int64_t R;
  Range rows;         // a member's own
  T *dh, *dh_next;    // change places with each step
};

// Gate deltas of the steps [begin, end) of a member's rows, and the gradients of their states and inputs.
template <class C, class T>
void delta_steps(const Layout<C, T>& l, BackwardBlock<T>& at, int64_t begin, int64_t end, T* all_deltas, T* inputs, const BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t Hp = l.Hp, H = l.s.H, TT = l.s.T, R = at.R, S = end - begin;
  const Range rows = at.rows;
  for (int64_t t = end - 1; t >= begin; --t) {
    const T* h_prev = at.states + t * R * Hp;
    const T* h = h_prev + R * Hp;
    T *dh = at.dh, *dh_next = at.dh_next;
    const Range live = running(at.ends, rows, t);
    const Tiles tiles(live.size(), kProductRows);
    const int64_t with_dy = at.dy && t ? running(at.ends, rows, t - 1).end : rows.begin;
    pad_rows(at.dy && t ? at.dy + (rows.begin * TT + t - 1) * H : nullptr, TT * H, with_dy - rows.begin, H, Hp, dh_next + rows.begin * Hp);
    fill_zero(dh_next + with_dy * Hp, (rows.end - with_dy) * Hp);
    for (int64_t j = live.end * Hp; j < rows.end * Hp; ++j) dh_next[j] += dh[j];
    for (int64_t group = 0; group < l.groups; ++group) {
      const int64_t first = group * l.kMostUnits, U = l.units(group), record = U * C::A * W;
      T* deltas = all_deltas + first * C::A * W * S * R + (t - begin) * R * record;
      int64_t row = live.begin;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t nr = tiles.size(i);
        for (int64_t r = row; r < row + nr; ++r)
          for (int64_t u = 0; u < U; ++u) {
            const int64_t block = first + u, column = r * Hp + block * W;
            const T* saved = C::Saved ? at.gates + ((t * l.blocks + block) * R + r) * C::Saved * W : nullptr;
            T* delta = deltas + r * record + u * C::A * W;
            C::template backward<T>(saved, h_prev + column, h + column, load(dh + column), b.dc + (block * R + r) * W, delta, dh_next + column);
            if ((block + 1) * W > H) clear_padding<C>(delta, H - block * W);
          }
        // While the product runs, ask for the saved gates of the next rows, and of these rows one step earlier: the
        // hardware's own prefetching is weak on a walk backwards.
        const T* here = C::Saved ? at.gates + ((t * l.blocks + first) * R + row) * C::Saved * W : h + row * Hp;
        const int64_t next_rows = C::Saved ? nr * C::Saved * W : nr * Hp, step = C::Saved ? l.blocks * R * C::Saved * W : R * Hp;
        const Ahead ahead{reinterpret_cast<const char*>(here + next_rows), reinterpret_cast<const char*>(t ? here - step : here)};
        product<T, true>(nr, Hp / W, U * C::Gh * W, deltas + row * record, AlongK{record}, b.v_h + first * C::Gh * W * Hp, Hp,
                         dh_next + row * Hp, Hp, ahead);
        row += nr;
      }
      fill_zero(deltas + live.end * record, (rows.end - live.end) * record);
    }
    at.dh = dh_next;
    at.dh_next = dh;
  }
  gather_inputs(l, at.x, at.ends, R, rows, begin, end, inputs);
  if (at.dx)
    for (int64_t t = begin; t < end; ++t) {
      T* dx = b.dx + rows.begin * l.Ip;
      fill_zero(dx, rows.size() * l.Ip);
      for (int64_t group = 0; group < l.groups; ++group) {
        const int64_t first = group * l.kMostUnits, record = l.units(group) * C::A * W;
        const T* deltas = all_deltas + first * C::A * W * S * R + ((t - begin) * R + rows.begin) * record;
        product(rows.size(), l.Ip / W, l.units(group) * C::Gx * W, deltas + (C::A - C::Gx) * W, AlongK{record},
                b.v_x + first * C::Gx * W * l.Ip, l.Ip, dx, l.Ip);
      }
      unpad_rows(dx, rows.size(), l.s.I, l.Ip, at.dx + (rows.begin * TT + t) * l.s.I, TT * l.s.I);
    }
}

// A chunk's part of a member's own weight gradients: rows and steps are one long axis.
template <class C, class T>
void sum_weights(const Layout<C, T>& l, const BackwardBlock<T>& at, int64_t begin, int64_t end, const T* all_deltas, const T* inputs, Split split,
                 const BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t Hp = l.Hp, I1 = l.I1, count = (end - begin) * at.R;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kMostUnits, record = l.units(group) * C::A * W;
    const OwnVectors own = own_vectors(l, group, split);
    const T* deltas = all_deltas + first * C::A * W * count;
    product(own.from_h.size() * W, Hp / W, count, deltas + own.from_h.begin * W, AlongRows{record}, at.states + begin * at.R * Hp, Hp,
            b.sum_h + (first * C::Gh + own.from_h.begin) * W * Hp, Hp);
    T* sum_x = b.sum_x + first * C::A * W * I1;
    product(I1, own.from_x.size(), count, inputs, AlongRows{I1}, deltas + own.from_x.begin * W, record, sum_x + own.from_x.begin * W, record);
    const Range only_h{own.all.begin, smaller(own.all.end, C::A - C::Gx)};  // deltas that x does not reach (GRU: the recurrent term of n)
    if (only_h.size() > 0)
      product(1, only_h.size(), count, inputs + l.s.I, AlongRows{I1}, deltas + only_h.begin * W, record,
              sum_x + l.s.I * record + only_h.begin * W, record);
  }
}

// A member's own sums to the totals.
template <class C, class T>
void move_sums(const Layout<C, T>& l, Split split, const BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kMostUnits, record = l.units(group) * C::A * W;
    const OwnVectors own = own_vectors(l, group, split);
    const int64_t at_h = (first * C::Gh + own.from_h.begin) * W * l.Hp;
    move_sum(b.sum_h + at_h, b.total_h + at_h, own.from_h.size() * W * l.Hp);
    for (int64_t i = 0; i < l.I1; ++i) {
      const int64_t at_x = first * C::A * W * l.I1 + i * record + own.all.begin * W;
      move_sum(b.sum_x + at_x, b.total_x + at_x, own.all.size() * W);
    }
  }
}

// A member's own totals from the order of the deltas to torch's.
template <class C, class T>
void unpack_sums(const Layout<C, T>& l, const BackwardCall& call, int64_t lane, Split split, const BackwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t H = l.s.H, I = l.s.I, GH = C::G * H;
  T* dw_ih = static_cast<T*>(call.dw_ih) + lane * GH * I;
  T* dw_hh = static_cast<T*>(call.dw_hh) + lane * GH * H;
  T* db_ih = call.db_ih ? static_cast<T*>(call.db_ih) + lane * GH : nullptr;
  T* db_hh = call.db_hh ? static_cast<T*>(call.db_hh) + lane * GH : nullptr;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kMostUnits, record = l.units(group) * C::A * W;
    const Range own = own_vectors(l, group, split).all;
    for (int64_t v = own.begin; v < own.end; ++v)
      for (int64_t j = 0; j < W; ++j) {
        const int64_t a = v % C::A, block = first + v / C::A, unit = block * W + j, row = C::gate(int(a)) * H + unit;
        if (unit >= H) continue;
        const T* sums = b.total_x + first * C::A * W * l.I1 + v * W + j;
        if (a < C::Gh) {
          copy(b.total_h + ((block * C::Gh + a) * W + j) * l.Hp, dw_hh + row * H, H);
          if (db_hh) db_hh[row] = sums[I * record];
        }
        if (a >= C::A - C::Gx) {
          for (int64_t i = 0; i < I; ++i) dw_ih[row * I + i] = sums[i * record];
          if (db_ih) db_ih[row] = sums[I * record];
        }
      }
  }
}

// The gradients at the last states of a member's rows: what comes in there and, where it ends there, through y.
template <class C, class T>
void start_backward(const Layout<C, T>& l, const BackwardCall& call, int64_t place, const BackwardBlock<T>& at, const BackwardBuffers<C, T>& b) {
  const int64_t H = l.s.H, Hp = l.Hp, TT = l.s.T;
  const T* dh_n = call.dh_n ? static_cast<const T*>(call.dh_n) + (place + at.rows.begin) * H : nullptr;
  pad_rows(dh_n, H, at.rows.size(), H, Hp, at.dh + at.rows.begin * Hp);
  if (at.dy) {
    const Range live = running(at.ends, at.rows, TT - 1);
    for (int64_t r = live.begin; r < live.end; ++r)
      for (int64_t j = 0; j < H; ++j) at.dh[r * Hp + j] += at.dy[(r * TT + TT - 1) * H + j];
  }
  if (C::kCellState) block_rows(call.dc_n ? static_cast<const T*>(call.dc_n) + place * H : nullptr, at.R, at.rows, H, Hp, b.dc);
}

template <class C, class T>
void backward_lane(const Layout<C, T>& l, const BackwardCall& call, int64_t lane, Split split, BackwardBuffers<C, T>& b, Watch& watch) {
  const auto [K, B, TT, I, H] = l.s;
  const int64_t Hp = l.Hp, GH = C::G * H, I1 = l.I1, round_chunks = l.round_chunks(split);
  if (split.index == 0) {
    pack_backward(l, static_cast<const T*>(call.w_ih) + lane * GH * I, static_cast<const T*>(call.w_hh) + lane * GH * H, call.dx != nullptr, b);
    fill_zero(b.sum_h, C::Gh * Hp * Hp);
    fill_zero(b.sum_x, I1 * C::A * Hp);
    fill_zero(b.total_h, C::Gh * Hp * Hp);
    fill_zero(b.total_x, I1 * C::A * Hp);
  }
  if (split.count > 1 && !meet(watch.me)) return;

  int64_t chunks = 0, rounds = 0, row0 = 0;
  const Tiles row_blocks(B, kRowBlock);
  for (int64_t rb = 0; rb < row_blocks.count; ++rb) {
    const int64_t R = row_blocks.size(rb), place = lane * B + row0, chunk = kDeltaChunk * R;
    const T* states = static_cast<const T*>(call.saved) + place * l.kept_of_row();
    BackwardBlock<T> at{states, states + (TT + 1) * R * Hp, static_cast<const T*>(call.x) + place * TT * I,
                        call.dy ? static_cast<const T*>(call.dy) + place * TT * H : nullptr,
                        call.dx ? static_cast<T*>(call.dx) + place * TT * I : nullptr,
                        call.lengths ? call.lengths + place : nullptr, R, split.of(R), b.dh, b.dh_next};
    start_backward(l, call, place, at, b);
    for (int64_t last = TT; last > 0; ++rounds) {
      T *deltas = b.deltas[rounds % 2], *inputs = b.inputs[rounds % 2];
      const int64_t first = larger(0, last - round_chunks * kDeltaChunk);
      bool going = true;
      for (int64_t end = last, i = 0; going && end > first; end -= kDeltaChunk, ++i) {
        delta_steps(l, at, larger(0, end - kDeltaChunk), end, deltas + i * chunk * C::A * Hp, inputs + i * chunk * I1, b);
        going = watch.goes_on(2 * l.step_work(chunk));
      }
      if (first == 0) {  // before the meeting: who is ahead overwrites dh with the next rows'
        if (call.dh0) unpad_rows(at.dh + at.rows.begin * Hp, at.rows.size(), H, Hp, static_cast<T*>(call.dh0) + (place + at.rows.begin) * H, H);
        if (C::kCellState && call.dc0) unblock_rows(b.dc, R, at.rows, H, static_cast<T*>(call.dc0) + place * H);
      }
      if (split.count > 1 ? !meet(watch.me) : !going) return;
      for (int64_t end = last, i = 0; end > first; end -= kDeltaChunk, ++i) {
        sum_weights(l, at, larger(0, end - kDeltaChunk), end, deltas + i * chunk * C::A * Hp, inputs + i * chunk * I1, split, b);
        if (++chunks % kSumChunks == 0) move_sums(l, split, b);
      }
      last = first;
    }
    row0 += R;
  }
  move_sums(l, split, b);
  unpack_sums(l, call, lane, split, b);
}

template <class C, class T>
void backward(const BackwardCall& call, const Member& me) {
  over_lanes<BackwardBuffers<C, T>>(Layout<C, T>(call.sizes), call, me, backward_lane<C, T>);
}

template <class C, class T>
int64_t scratch_size(const Sizes& sizes, bool backward, int members) {
  const Layout<C, T> l(sizes);
  const bool apart = sizes.K >= members;
  Scratch<T> scratch{nullptr};
  const Split split{0, apart ? 1 : members};
  if (backward)
    BackwardBuffers<C, T>(l, scratch, split);
  else
    ForwardBuffers<C, T>(l, scratch, split);
  return scratch.used * (apart ? members : 1);
}

}  // namespace UNROLL_NS
}  // namespace unroll
