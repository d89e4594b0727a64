// A lane through all steps: the recurrence forward.
//
// Threads: each member of a call's team runs the functions below on a part of the rows. A sequence depends on no other.
#pragma once

#include "products.hpp"
#include "rows.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class C, class T>
struct ForwardBuffers {
  T *w_x, *w_h, *bias, *cell, *inputs, *turns;
  ForwardProducts<C, T> products;
  ForwardBuffers(const Layout<C, T>& l, Scratch<T>& scratch, Split split) : products(l, scratch) {
    w_x = scratch.take(l.s.I * C::Gx * l.Hp);
    w_h = scratch.take(kBf16 ? 0 : l.Hp * C::Gh * l.Hp);
    bias = scratch.take(C::A * l.Hp);
    cell = scratch.take(C::kCellState ? l.rows * l.Hp : 0, split);
    inputs = scratch.take(kInputChunk * l.rows * l.input_row, split);
    turns = scratch.take(2 * l.rows * l.Hp, split);
  }
};

template <class C, class T>
void pack_forward(const Layout<C, T>& l, const T* w_ih, const T* w_hh, const T* b_ih, const T* b_hh, ForwardBuffers<C, T>& b) {
  constexpr int W = kLanes<T>;
  const int64_t H = l.s.H, I = l.s.I;
  for (int64_t pass = 0; pass < l.passes; ++pass) {
    const int64_t U = l.vectors_of(pass), first = pass * l.kPassVectors;
    T* wx = b.w_x + first * C::Gx * W * I;
    T* wh = b.w_h + first * C::Gh * W * H;
    T* bias = b.bias + first * C::A * W;
    fill_zero(wx, U * C::Gx * W * I);
    if constexpr (!kBf16) fill_zero(wh, U * C::Gh * W * H);
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
          // A product with a zero keeps a weight that is not finite from passing unseen: so must a symbol that is not there.
          if (from_x && l.symbols)
            for (int64_t i = 0; i < I; ++i) sum += T(0) * w_ih[row * I + i];
          bias[(u * C::A + a) * W + lane] = sum;
          if (from_x)
            for (int64_t i = 0; i < I; ++i) wx[(i * U * C::Gx + u * C::Gx + (a - (C::A - C::Gx))) * W + lane] = w_ih[row * I + i];
          if (!kBf16 && from_h)
            for (int64_t k = 0; k < H; ++k) wh[(k * U * C::Gh + u * C::Gh + a) * W + lane] = w_hh[row * H + k];
        }
  }
  if constexpr (kBf16) b.products.pack(l, w_hh);
}

template <class T>
struct ForwardTile {
  const T *inputs, *h_prev, *w_x, *w_h, *bias;
  const T* sums;  // W_hh h, where it is there already: of bfloat16
  bool symbols;
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
    for (int a = 0; a < NA; ++a) acc[r][a] = kBf16 && a < U * C::Gh ? load(t.sums + (r * U * C::Gh + a) * W) : Vec<T>{};
  // Many small terms first, bias last: fewer roundings at full size.
  if constexpr (!kBf16) accumulate<T, NR, NA, 0, U * C::Gh>(acc, t.H, t.h_prev, AlongK{t.Hp}, t.w_h, U * C::Gh * W);
  if (t.symbols) {
#pragma GCC unroll 32
    for (int r = 0; r < NR; ++r) {
      const T* weights = t.w_x + as_symbols(t.inputs)[r] * (U * C::Gx * W);
#pragma GCC unroll 8
      for (int v = 0; v < U * C::Gx; ++v) acc[r][NA - U * C::Gx + v] += load(weights + v * W);
    }
  } else {
    accumulate<T, NR, NA, NA - U * C::Gx, U * C::Gx>(acc, t.I, t.inputs, AlongK{t.I1}, t.w_x, U * C::Gx * W);
  }
#pragma GCC unroll 32
  for (int r = 0; r < NR; ++r)
#pragma GCC unroll 8
    for (int a = 0; a < NA; ++a) acc[r][a] += load(t.bias + a * W);
  C::template forward<T>(acc, t.rows);
}

template <class C, class T, int U>
UNROLL_INLINE void forward_rows(int64_t nr, const ForwardTile<T>& t) {
  constexpr int most = Layout<C, T>::kPassRows;
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
UNROLL_INLINE void forward_pass(int64_t U, int64_t nr, const ForwardTile<T>& tile) {
  if constexpr (Layout<C, T>::kPassVectors == 1) {
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

// A block of R rows as forward meets it.
template <class T>
struct ForwardBlock {
  Sequences<T> x;
  const int64_t* ends;  // (R,) or none
  int64_t R;
  Range rows;        // a member's own
  T* states;         // of the time 0 filled in; all T + 1 times, or two turns
  T* gates;          // or none
  bool past_caches;  // gates are written past them
  bool turns;
  T* y;              // out (R, T, H), or none
  UNROLL_INLINE T* at(int64_t t, int64_t Hp) const { return states + (turns ? t % 2 : t) * R * Hp; }
};

// A member's own rows of a block through all steps. False where the call is given up.
template <class C, class T>
bool forward_steps(const Layout<C, T>& l, const ForwardBlock<T>& at, ForwardBuffers<C, T>& b, Watch& watch) {
  constexpr int W = kLanes<T>, V = kBlock / W;
  const int64_t TT = l.s.T, I = l.s.I, H = l.s.H, Hp = l.Hp, R = at.R;
  const Range rows = at.rows;
  for (int64_t t = 0; t < TT; ++t) {
    if (t % kInputChunk == 0) gather_inputs(l, at.x, at.ends, R, rows, t, smaller(t + kInputChunk, TT), b.inputs);
    const T* h_prev = at.at(t, Hp);
    T* h = at.at(t + 1, Hp);
    const Range live = running(at.ends, rows, t);
    const Tiles tiles(live.size(), l.kPassRows);
    if constexpr (kBf16) b.products.take_states(l, h_prev + live.begin * Hp, live.size());
    for (int64_t pass = 0; pass < l.passes; ++pass) {
      const int64_t first = pass * l.kPassVectors, block = first / V, within = first % V * W;
      const T* sums = nullptr;
      if constexpr (kBf16) b.products.multiply(l, pass, live.size());
      int64_t row = live.begin;
      for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t nr = tiles.size(i);
        if constexpr (kBf16) sums = b.products.at(row - live.begin, l.vectors_of(pass));
        const int64_t place = t % kInputChunk * R + row;
        const ForwardTile<T> tile{l.symbols ? reinterpret_cast<const T*>(as_symbols(b.inputs) + place) : b.inputs + place * l.I1,
                                  h_prev + row * Hp,
                                  b.w_x + first * C::Gx * W * I,
                                  b.w_h + first * C::Gh * W * H,
                                  b.bias + first * C::A * W,
                                  sums,
                                  l.symbols, I, l.I1, H, Hp,
                                  {h_prev + row * Hp + first * W,
                                   C::kCellState ? b.cell + (block * R + row) * kBlock + within : nullptr,
                                   C::Saved && at.gates ? at.gates + ((t * l.blocks + block) * R + row) * C::Saved * kBlock + within : nullptr,
                                   at.past_caches,
                                   h + row * Hp + first * W,
                                   Hp}};
        forward_pass<C>(l.vectors_of(pass), nr, tile);
        row += nr;
      }
    }
    copy(h_prev + live.end * Hp, h + live.end * Hp, (rows.end - live.end) * Hp);
    if (at.y) {
      unpad_rows(h + live.begin * Hp, live.size(), H, Hp, at.y + (live.begin * TT + t) * H, TT * H);
      for (int64_t r = live.end; r < rows.end; ++r) fill_zero(at.y + (r * TT + t) * H, H);
    }
    if (!watch.goes_on(l.step_work(rows.size()))) return false;
  }
  if (at.past_caches) fence_past_caches();
  return true;
}

template <class C, class T>
void forward_lane(const Layout<C, T>& l, const ForwardCall& call, int64_t lane, Split split, ForwardBuffers<C, T>& b, Watch& watch) {
  const int64_t B = l.s.B, TT = l.s.T, I = l.s.I, H = l.s.H, Hp = l.Hp, GH = C::G * H;
  if (split.index == 0)
    pack_forward(l, static_cast<const T*>(call.w_ih) + lane * GH * I, static_cast<const T*>(call.w_hh) + lane * GH * H,
                 call.b_ih ? static_cast<const T*>(call.b_ih) + lane * GH : nullptr,
                 call.b_hh ? static_cast<const T*>(call.b_hh) + lane * GH : nullptr, b);
  if (split.count > 1 && !meet(watch.me)) return;
  const Tiles row_blocks(B, kRowBlock);
  const Range all = split.of(B);
  for (int64_t rb = 0, row0 = 0; rb < row_blocks.count; row0 += row_blocks.size(rb++)) {
    const int64_t R = row_blocks.size(rb), place = lane * B + row0;
    const Range rows = all.within(row0, R);
    if (!rows.size()) continue;
    T* kept = call.saved ? static_cast<T*>(call.saved) + place * l.kept_of_row() : nullptr;
    const ForwardBlock<T> at{{static_cast<const T*>(call.x) + place * TT * I, {nullptr, 0}, nullptr},
                             call.lengths ? call.lengths + place : nullptr,
                             R,
                             rows,
                             kept ? kept : b.turns,
                             kept ? kept + (TT + 1) * R * Hp : nullptr,
                             kept && l.outgrows_caches(l.s.K * B),
                             !kept,
                             call.y ? static_cast<T*>(call.y) + place * TT * H : nullptr};
    pad_rows(call.h0 ? static_cast<const T*>(call.h0) + (place + rows.begin) * H : nullptr, H, rows.size(), H, Hp, at.states + rows.begin * Hp);
    if (C::kCellState) block_rows(call.c0 ? static_cast<const T*>(call.c0) + place * H : nullptr, R, rows, H, Hp, b.cell);
    if (!forward_steps(l, at, b, watch)) return;
    unpad_rows(at.at(TT, Hp) + rows.begin * Hp, rows.size(), H, Hp, static_cast<T*>(call.h_n) + (place + rows.begin) * H, H);
    if (C::kCellState) unblock_rows(b.cell, R, rows, H, static_cast<T*>(call.c_n) + place * H);
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
