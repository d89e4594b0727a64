// The recurrence over the whole sequence, forward and backward, for any cell.
//
// Inside, hidden units are padded to Hp = padded(H) and cut into unit blocks of one vector (W numbers). A group is U unit
// blocks taken together: one for GRU and LSTM, whose four accumulators a unit fill the registers, up to four for the simple
// RNN. Rows are the sequences, in blocks of at most 64, each block taken through all steps: its state stays in the first-level
// cache. Padded units have zero weights; they hold finite values that nothing reads.
//
//   w_x    [group][i][u][Gx][W]      packed input weights, forward
//   w_h    [group][k][u][Gh][W]      packed recurrent weights, forward: 16 KB a group for an LSTM of 64 units
//   bias   [group][u][A][W]
//   states [T+1][row][Hp]            h before each step and after the last; in `saved`, or two turns of it in scratch
//   gates  [T][unit block][row][Saved][W]   in `saved`
//   cell   [unit block][row][W]      running cell state (LSTM)
//   deltas [group][step][row][u][A][W]      gate deltas of a chunk of steps, backward
//   v_h    [group][u][Gh][W][Hp]     recurrent weights as they are, rows in the order of the deltas, backward
//   v_x    [group][u][Gx][W][Ip]     input weights likewise; for dx
//   sum_h  [group][u][Gh][W][Hp]     dW_hh while a part of it is summed; total_h the parts before
//   sum_x  [group][I+1][u][A][W]     dW_ih transposed, and in its last row the bias; total_x likewise
//   inputs [step][row][I+1]          x of a chunk of steps, with a 1 behind for the bias
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

UNROLL_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

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
};

template <class C, class T>
struct ForwardBuffers {
  T *w_x, *w_h, *bias, *cell, *inputs, *turns;
  ForwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch) {
    w_x = scratch.take(l.s.I * C::Gx * l.Hp);
    w_h = scratch.take(l.Hp * C::Gh * l.Hp);
    bias = scratch.take(C::A * l.Hp);
    cell = scratch.take(C::kCellState ? l.rows * l.Hp : 0);
    inputs = scratch.take(kInputChunk * l.rows * l.I1);
    turns = scratch.take(2 * l.rows * l.Hp);
  }
};

template <class C, class T>
struct BackwardBuffers {
  T *v_x, *v_h, *sum_x, *sum_h, *total_x, *total_h, *deltas, *inputs, *dh, *dh_next, *dc, *dx;
  BackwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch) {
    v_x = scratch.take(C::Gx * l.Hp * l.Ip);
    v_h = scratch.take(C::Gh * l.Hp * l.Hp);
    sum_x = scratch.take(l.I1 * C::A * l.Hp);
    sum_h = scratch.take(C::Gh * l.Hp * l.Hp);
    total_x = scratch.take(l.I1 * C::A * l.Hp);
    total_h = scratch.take(C::Gh * l.Hp * l.Hp);
    deltas = scratch.take(kDeltaChunk * l.rows * C::A * l.Hp);
    inputs = scratch.take(kDeltaChunk * l.rows * l.I1);
    dh = scratch.take(l.rows * l.Hp);
    dh_next = scratch.take(l.rows * l.Hp);
    dc = scratch.take(C::kCellState ? l.rows * l.Hp : 0);
    dx = scratch.take(l.rows * l.Ip);
  }
};

// ---- packing -----------------------------------------------------------------------------------------------------------

template <class C, class T>
void pack_forward(const Layout<C, T>& l, const T* w_ih, const T* w_hh, const T* b_ih, const T* b_hh, ForwardBuffers<C, T>& b) {
  constexpr int W = l.W;
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
  constexpr int W = l.W;
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

// (rows, H) to [unit block][row][W] and back.
template <class T>
void block_rows(const T* from, int64_t rows, int64_t H, int64_t Hp, T* to) {
  constexpr int W = kLanes<T>;
  for (int64_t unit = 0; unit < Hp; ++unit)
    for (int64_t r = 0; r < rows; ++r) to[(unit / W * rows + r) * W + unit % W] = from && unit < H ? from[r * H + unit] : T(0);
}
template <class T>
void unblock_rows(const T* from, int64_t rows, int64_t H, T* to) {
  constexpr int W = kLanes<T>;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t unit = 0; unit < H; ++unit) to[r * H + unit] = from[(unit / W * rows + r) * W + unit % W];
}

// Steps [first, last) of x, gathered by step, with a 1 behind each.
template <class C, class T>
void gather_inputs(const Layout<C, T>& l, const T* x, int64_t rows, int64_t first, int64_t last, T* inputs) {
  const int64_t I = l.s.I, I1 = l.I1;
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = x + (r * l.s.T + first) * I;
    T* to = inputs + r * I1;
    for (int64_t t = first; t < last; ++t, from += I, to += rows * I1) {
      copy(from, to, I);
      to[I] = T(1);
    }
  }
}

// How many of a block's rows are still running at step t; their lengths never rise.
UNROLL_INLINE int64_t running(const int64_t* lengths, int64_t rows, int64_t t) {
  if (lengths)
    while (rows > 0 && lengths[rows - 1] <= t) --rows;
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
void forward_lane(const Layout<C, T>& l, const ForwardCall& call, int64_t lane, ForwardBuffers<C, T>& b) {
  constexpr int W = l.W;
  const auto [K, B, TT, I, H] = l.s;
  const int64_t Hp = l.Hp, GH = C::G * H;
  const T* x = static_cast<const T*>(call.x) + lane * B * TT * I;
  const T* h0 = call.h0 ? static_cast<const T*>(call.h0) + lane * B * H : nullptr;
  const T* c0 = call.c0 ? static_cast<const T*>(call.c0) + lane * B * H : nullptr;
  const T* b_ih = call.b_ih ? static_cast<const T*>(call.b_ih) + lane * GH : nullptr;
  const T* b_hh = call.b_hh ? static_cast<const T*>(call.b_hh) + lane * GH : nullptr;
  T* y = call.y ? static_cast<T*>(call.y) + lane * B * TT * H : nullptr;
  T* h_n = static_cast<T*>(call.h_n) + lane * B * H;
  const int64_t* lengths = call.lengths ? call.lengths + lane * B : nullptr;
  const int64_t kept_of_row = Hp * ((TT + 1) + TT * C::Saved);
  T* kept = call.saved ? static_cast<T*>(call.saved) + lane * B * kept_of_row : nullptr;
  pack_forward(l, static_cast<const T*>(call.w_ih) + lane * GH * I, static_cast<const T*>(call.w_hh) + lane * GH * H, b_ih, b_hh, b);

  const Tiles row_blocks(B, kRowBlock);
  int64_t row0 = 0;
  for (int64_t rb = 0; rb < row_blocks.count; ++rb) {
    const int64_t R = row_blocks.size(rb);
    T* states = kept ? kept + row0 * kept_of_row : b.turns;
    T* gates = kept && C::Saved ? states + (TT + 1) * R * Hp : nullptr;
    const int64_t* ends = lengths ? lengths + row0 : nullptr;
    pad_rows(h0 ? h0 + row0 * H : nullptr, H, R, H, Hp, states);
    if (C::kCellState) block_rows(c0 ? c0 + row0 * H : nullptr, R, H, Hp, b.cell);
    for (int64_t t = 0; t < TT; ++t) {
      if (t % kInputChunk == 0) gather_inputs(l, x + row0 * TT * I, R, t, smaller(t + kInputChunk, TT), b.inputs);
      const T* h_prev = states + (kept ? t : t % 2) * R * Hp;
      T* h = states + (kept ? t + 1 : (t + 1) % 2) * R * Hp;
      const int64_t live = running(ends, R, t);
      const Tiles tiles(live, l.kMostRows);
      for (int64_t group = 0; group < l.groups; ++group) {
        const int64_t first = group * l.kMostUnits, U = l.units(group);
        int64_t row = 0;
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
          if constexpr (l.kMostUnits == 1) {
            forward_rows<C, T, 1>(nr, tile);
          } else {
            switch (U) {
              case 1: forward_rows<C, T, 1>(nr, tile); break;
              case 2: forward_rows<C, T, 2>(nr, tile); break;
              case 3: forward_rows<C, T, 3>(nr, tile); break;
              default: forward_rows<C, T, 4>(nr, tile); break;
            }
          }
          row += nr;
        }
      }
      copy(h_prev + live * Hp, h + live * Hp, (R - live) * Hp);
      if (y) {
        unpad_rows(h, live, H, Hp, y + (row0 * TT + t) * H, TT * H);
        for (int64_t r = live; r < R; ++r) fill_zero(y + ((row0 + r) * TT + t) * H, H);
      }
    }
    unpad_rows(states + (kept ? TT : TT % 2) * R * Hp, R, H, Hp, h_n + row0 * H, H);
    if (C::kCellState) unblock_rows(b.cell, R, H, static_cast<T*>(call.c_n) + (lane * B + row0) * H);
    row0 += R;
  }
}

template <class C, class T>
void forward(const ForwardCall& call) {
  const Layout<C, T> l(call.sizes);
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  ForwardBuffers<C, T> b(l, scratch);
  for (int64_t lane = 0; lane < call.sizes.K; ++lane) forward_lane<C, T>(l, call, lane, b);
}

// ---- backward ----------------------------------------------------------------------------------------------------------

template <class C, class T>
void backward_lane(const Layout<C, T>& l, const BackwardCall& call, int64_t lane, BackwardBuffers<C, T>& b) {
  constexpr int W = l.W;
  const auto [K, B, TT, I, H] = l.s;
  const int64_t Hp = l.Hp, GH = C::G * H, I1 = l.I1;
  const T* x = static_cast<const T*>(call.x) + lane * B * TT * I;
  const T* dy = call.dy ? static_cast<const T*>(call.dy) + lane * B * TT * H : nullptr;
  const T* dh_n = call.dh_n ? static_cast<const T*>(call.dh_n) + lane * B * H : nullptr;
  const T* dc_n = call.dc_n ? static_cast<const T*>(call.dc_n) + lane * B * H : nullptr;
  T* dx = call.dx ? static_cast<T*>(call.dx) + lane * B * TT * I : nullptr;
  const int64_t* lengths = call.lengths ? call.lengths + lane * B : nullptr;
  const int64_t kept_of_row = Hp * ((TT + 1) + TT * C::Saved);
  const T* kept = static_cast<const T*>(call.saved) + lane * B * kept_of_row;
  pack_backward(l, static_cast<const T*>(call.w_ih) + lane * GH * I, static_cast<const T*>(call.w_hh) + lane * GH * H, dx != nullptr, b);
  fill_zero(b.sum_h, C::Gh * Hp * Hp);
  fill_zero(b.sum_x, I1 * C::A * Hp);
  fill_zero(b.total_h, C::Gh * Hp * Hp);
  fill_zero(b.total_x, I1 * C::A * Hp);
  int64_t chunks = 0;

  const Tiles row_blocks(B, kRowBlock);
  int64_t row0 = 0;
  for (int64_t rb = 0; rb < row_blocks.count; ++rb) {
    const int64_t R = row_blocks.size(rb);
    const T* states = kept + row0 * kept_of_row;
    const T* gates = states + (TT + 1) * R * Hp;
    const int64_t* ends = lengths ? lengths + row0 : nullptr;
    T *dh = b.dh, *dh_next = b.dh_next;

    pad_rows(dh_n ? dh_n + row0 * H : nullptr, H, R, H, Hp, dh);
    if (dy)
      for (int64_t r = 0; r < running(ends, R, TT - 1); ++r)
        for (int64_t j = 0; j < H; ++j) dh[r * Hp + j] += dy[((row0 + r) * TT + TT - 1) * H + j];
    if (C::kCellState)
      block_rows(dc_n ? dc_n + row0 * H : nullptr, R, H, Hp, b.dc);


    for (int64_t end = TT; end > 0;) {
      const int64_t begin = end > kDeltaChunk ? end - kDeltaChunk : 0, S = end - begin;
      for (int64_t t = end - 1; t >= begin; --t) {
        const T* h_prev = states + t * R * Hp;
        const T* h = h_prev + R * Hp;
        const int64_t live = running(ends, R, t);
        const Tiles tiles(live, kProductRows);
        const int64_t with_dy = dy && t ? running(ends, R, t - 1) : 0;
        pad_rows(dy && t ? dy + (row0 * TT + t - 1) * H : nullptr, TT * H, with_dy, H, Hp, dh_next);
        fill_zero(dh_next + with_dy * Hp, (R - with_dy) * Hp);
        for (int64_t j = live * Hp; j < R * Hp; ++j) dh_next[j] += dh[j];
        for (int64_t group = 0; group < l.groups; ++group) {
          const int64_t first = group * l.kMostUnits, U = l.units(group), record = U * C::A * W;
          T* deltas = b.deltas + first * C::A * W * S * R + (t - begin) * R * record;
          int64_t row = 0;
          for (int64_t i = 0; i < tiles.count; ++i) {
            const int64_t nr = tiles.size(i);
            for (int64_t r = row; r < row + nr; ++r)
              for (int64_t u = 0; u < U; ++u) {
                const int64_t block = first + u, column = r * Hp + block * W;
                const T* saved = C::Saved ? gates + ((t * l.blocks + block) * R + r) * C::Saved * W : nullptr;
                C::template backward<T>(saved, h_prev + column, h + column, load(dh + column), b.dc + (block * R + r) * W,
                                        deltas + r * record + u * C::A * W, dh_next + column);
              }
            // While the product runs, ask for the saved gates of the next rows, and of these rows one step earlier: the
            // hardware's own prefetching is weak on a walk backwards.
            const T* here = C::Saved ? gates + ((t * l.blocks + first) * R + row) * C::Saved * W : h + row * Hp;
            const int64_t next_rows = C::Saved ? nr * C::Saved * W : nr * Hp, step = C::Saved ? l.blocks * R * C::Saved * W : R * Hp;
            const Ahead ahead{reinterpret_cast<const char*>(here + next_rows), reinterpret_cast<const char*>(t ? here - step : here)};
            product<T, true>(nr, Hp / W, U * C::Gh * W, deltas + row * record, AlongK{record}, b.v_h + first * C::Gh * W * Hp, Hp,
                             dh_next + row * Hp, Hp, ahead);
            row += nr;
          }
          fill_zero(deltas + live * record, (R - live) * record);
        }
        T* turn = dh;
        dh = dh_next;
        dh_next = turn;
      }
      // The chunk's part of the weight gradients: rows and steps are one long axis.
      gather_inputs(l, x + row0 * TT * I, R, begin, end, b.inputs);
      for (int64_t group = 0; group < l.groups; ++group) {
        const int64_t first = group * l.kMostUnits, U = l.units(group), record = U * C::A * W;
        const T* deltas = b.deltas + first * C::A * W * S * R;
        product(U * C::Gh * W, Hp / W, S * R, deltas, AlongRows{record}, states + begin * R * Hp, Hp,
                b.sum_h + first * C::Gh * W * Hp, Hp);
        T* sum_x = b.sum_x + first * C::A * W * I1;
        constexpr int only_h = C::A - C::Gx;  // deltas that x does not reach (GRU: the recurrent term of n)
        product(I1, U * C::A - only_h, S * R, b.inputs, AlongRows{I1}, deltas + only_h * W, record, sum_x + only_h * W, record);
        if (only_h) product(1, only_h, S * R, b.inputs + I, AlongRows{I1}, deltas, record, sum_x + I * record, record);
      }
      if (dx)
        for (int64_t t = begin; t < end; ++t) {
          fill_zero(b.dx, R * l.Ip);
          for (int64_t group = 0; group < l.groups; ++group) {
            const int64_t first = group * l.kMostUnits, U = l.units(group), record = U * C::A * W;
            const T* deltas = b.deltas + first * C::A * W * S * R + (t - begin) * R * record;
            product(R, l.Ip / W, U * C::Gx * W, deltas + (C::A - C::Gx) * W, AlongK{record}, b.v_x + first * C::Gx * W * l.Ip,
                    l.Ip, b.dx, l.Ip);
          }
          unpad_rows(b.dx, R, I, l.Ip, dx + (row0 * TT + t) * I, TT * I);
        }
      if (++chunks % kSumChunks == 0) {
        move_sum(b.sum_h, b.total_h, C::Gh * Hp * Hp);
        move_sum(b.sum_x, b.total_x, I1 * C::A * Hp);
      }
      end = begin;
    }
    if (call.dh0) unpad_rows(dh, R, H, Hp, static_cast<T*>(call.dh0) + (lane * B + row0) * H, H);
    if (C::kCellState && call.dc0) unblock_rows(b.dc, R, H, static_cast<T*>(call.dc0) + (lane * B + row0) * H);
    row0 += R;
  }

  move_sum(b.sum_h, b.total_h, C::Gh * Hp * Hp);
  move_sum(b.sum_x, b.total_x, I1 * C::A * Hp);
  // From the order of the deltas to torch's.
  T* dw_ih = static_cast<T*>(call.dw_ih) + lane * GH * I;
  T* dw_hh = static_cast<T*>(call.dw_hh) + lane * GH * H;
  T* db_ih = call.db_ih ? static_cast<T*>(call.db_ih) + lane * GH : nullptr;
  T* db_hh = call.db_hh ? static_cast<T*>(call.db_hh) + lane * GH : nullptr;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kMostUnits, U = l.units(group), record = U * C::A * W;
    for (int64_t u = 0; u < U; ++u)
      for (int a = 0; a < C::A; ++a)
        for (int64_t j = 0; j < W; ++j) {
          const int64_t unit = (first + u) * W + j, row = C::gate(a) * H + unit;
          if (unit >= H) continue;
          const T* sums = b.total_x + first * C::A * W * I1 + (u * C::A + a) * W + j;
          if (a < C::Gh) {
            copy(b.total_h + (((first + u) * C::Gh + a) * W + j) * Hp, dw_hh + row * H, H);
            if (db_hh) db_hh[row] = sums[I * record];
          }
          if (a >= C::A - C::Gx) {
            for (int64_t i = 0; i < I; ++i) dw_ih[row * I + i] = sums[i * record];
            if (db_ih) db_ih[row] = sums[I * record];
          }
        }
  }
}

template <class C, class T>
void backward(const BackwardCall& call) {
  const Layout<C, T> l(call.sizes);
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  BackwardBuffers<C, T> b(l, scratch);
  for (int64_t lane = 0; lane < call.sizes.K; ++lane) backward_lane<C, T>(l, call, lane, b);
}

template <class C, class T>
int64_t scratch_size(const Sizes& sizes, bool backward) {
  const Layout<C, T> l(sizes);
  Scratch<T> scratch{nullptr};
  if (backward)
    BackwardBuffers<C, T>(l, scratch);
  else
    ForwardBuffers<C, T>(l, scratch);
  return scratch.used;
}

}  // namespace UNROLL_NS
}  // namespace unroll
