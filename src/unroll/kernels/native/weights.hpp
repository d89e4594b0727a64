// The weights' gradients: sums over rows and steps, in one order.
//
// The steps are taken from the last to the first, in chunks of two. A chunk is one long axis, step by step and row by row, and its sum is
// added to a part; 16 chunks make a part, and the parts are added to the total: three levels, whose rounding errors grow far slower
// than one long sum's. Blocks of rows come one after another. No thread and no vector's length has a say in it.
//
// Threads: rows are shared out where the deltas are computed; the members then meet, and each sums its own part of the weights over
// all rows. Rounds write two buffers in turn: who is ahead already fills the other while who is behind still reads.
#pragma once

#include "products.hpp"
#include "rows.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class C, class T>
struct WeightSums {
  T *sum_x, *sum_h, *total_x, *total_h;
  int32_t *first, *next;  // of symbols: the row of a chunk that has one first, and after each row the next with the same; or -1
  int64_t chunks = 0;
  WeightSums(const Layout<C, T>& l, Scratch<T>& scratch) {
    sum_x = scratch.take(l.I1 * C::A * l.Hp);
    sum_h = scratch.take(C::Gh * l.Hp * l.Hp);
    total_x = scratch.take(l.I1 * C::A * l.Hp);
    total_h = scratch.take(C::Gh * l.Hp * l.Hp);
    first = as_symbols(scratch.take(l.symbols ? l.s.I : 0));
    next = as_symbols(scratch.take(l.symbols ? kDeltaChunk * l.rows : 0));
  }
};

template <class C, class T>
void clear_sums(const Layout<C, T>& l, const WeightSums<C, T>& w) {
  fill_zero(w.sum_h, C::Gh * l.Hp * l.Hp);
  fill_zero(w.sum_x, l.I1 * C::A * l.Hp);
  fill_zero(w.total_h, C::Gh * l.Hp * l.Hp);
  fill_zero(w.total_x, l.I1 * C::A * l.Hp);
  for (int64_t i = 0; l.symbols && i < l.s.I; ++i) w.first[i] = -1;
}

// The part of the blocks of deltas, [block][A], that is a member's own to sum over.
struct OwnDeltas {
  Range all;     // of this group's
  Range from_h;  // those that the recurrent weights reach: the first Gh of each block of units
  Range from_x;  // those that the inputs reach: the last Gx
};
template <class C, class T>
UNROLL_INLINE OwnDeltas own_deltas(const Layout<C, T>& l, int64_t group, Split split) {
  static_assert(C::A == C::Gh || Layout<C, T>::kGroupBlocks == 1, "only then are the deltas that h reaches the first of a group");
  constexpr int only_h = C::A - C::Gx;
  const int64_t U = l.blocks_of(group);
  const Range all = split.of(l.blocks * C::A).within(group * l.kGroupBlocks * C::A, U * C::A);
  return {all, all.within(0, U * C::Gh), {larger(all.begin, only_h), larger(all.end, only_h)}};
}

// The sums of the rows that have the same symbol, from zero row by row, to the rows of those symbols in `sum_x`: what products with a one
// among zeros come to. `record` is from one row to the next in both.
template <class C, class T>
void sum_by_symbol(int64_t vectors, int64_t count, const int32_t* symbols, const T* deltas, int64_t record, T* sum_x, const WeightSums<C, T>& w) {
  constexpr int W = kLanes<T>, N = 4;
  for (int64_t k = 0; k < count; ++k) {
    if (w.first[symbols[k]] != k) continue;
    T* to = sum_x + symbols[k] * record;
    int64_t v = 0;
    for (; v + N <= vectors; v += N) {
      Vec<T> acc[N] = {};
      for (int64_t row = k; row >= 0; row = w.next[row])
#pragma GCC unroll 8
        for (int i = 0; i < N; ++i) acc[i] += load(deltas + row * record + (v + i) * W);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) store(to + (v + i) * W, load(to + (v + i) * W) + acc[i]);
    }
    for (; v < vectors; ++v) {
      Vec<T> acc{};
      for (int64_t row = k; row >= 0; row = w.next[row]) acc += load(deltas + row * record + v * W);
      store(to + v * W, load(to + v * W) + acc);
    }
  }
}

// A chunk's part of a member's own sums: `count` rows of all its steps, their deltas, states before, and inputs.
template <class C, class T>
void sum_chunk(const Layout<C, T>& l, int64_t count, const T* all_deltas, const T* states, const T* inputs, Split split, const WeightSums<C, T>& w,
               const BackwardProducts<C, T>& products) {
  constexpr int V = Layout<C, T>::V;
  const int64_t Hp = l.Hp, I1 = l.I1;
  const T one = T(1);
  for (int64_t k = count - 1; l.symbols && k >= 0; --k) {
    int32_t& first = w.first[as_symbols(inputs)[k]];
    w.next[k] = first, first = int32_t(k);
  }
  if constexpr (kBf16) products.sum(l, states, w.sum_h);
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kGroupBlocks * kBlock, record = l.blocks_of(group) * C::A * kBlock;
    const OwnDeltas own = own_deltas(l, group, split);
    const T* deltas = all_deltas + first * C::A * count;
    if constexpr (!kBf16)
      product(own.from_h.size() * kBlock, l.vectors, count, deltas + own.from_h.begin * kBlock, AlongRows{record}, states, Hp,
              w.sum_h + (first * C::Gh + own.from_h.begin * kBlock) * Hp, Hp);
    T* sum_x = w.sum_x + first * C::A * I1;
    const int64_t bias = l.s.I * record;
    if (l.symbols) {
      sum_by_symbol(own.from_x.size() * V, count, as_symbols(inputs), deltas + own.from_x.begin * kBlock, record, sum_x + own.from_x.begin * kBlock, w);
      product(1, own.from_x.size() * V, count, &one, Constant{}, deltas + own.from_x.begin * kBlock, record, sum_x + bias + own.from_x.begin * kBlock, record);
    } else {
      product(I1, own.from_x.size() * V, count, inputs, AlongRows{I1}, deltas + own.from_x.begin * kBlock, record,
              sum_x + own.from_x.begin * kBlock, record);
    }
    const Range only_h{own.all.begin, smaller(own.all.end, C::A - C::Gx)};  // deltas that x does not reach (GRU: the recurrent term of n)
    if (only_h.size() > 0)
      product(1, only_h.size() * V, count, &one, Constant{}, deltas + only_h.begin * kBlock, record, sum_x + bias + only_h.begin * kBlock, record);
  }
  for (int64_t k = 0; l.symbols && k < count; ++k) w.first[as_symbols(inputs)[k]] = -1;
}

// total += sum, and a fresh sum.
template <class T>
UNROLL_INLINE void move_sum(T* sum, T* total, int64_t n) {
  add(sum, total, n);
  fill_zero(sum, n);
}

// A member's own sums to the totals.
template <class C, class T>
void move_sums(const Layout<C, T>& l, Split split, const WeightSums<C, T>& w) {
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kGroupBlocks * kBlock, record = l.blocks_of(group) * C::A * kBlock;
    const OwnDeltas own = own_deltas(l, group, split);
    const int64_t at_h = (first * C::Gh + own.from_h.begin * kBlock) * l.Hp;
    move_sum(w.sum_h + at_h, w.total_h + at_h, own.from_h.size() * kBlock * l.Hp);
    for (int64_t i = 0; i < l.I1; ++i) {
      const int64_t at_x = first * C::A * l.I1 + i * record + own.all.begin * kBlock;
      move_sum(w.sum_x + at_x, w.total_x + at_x, own.all.size() * kBlock);
    }
  }
}

// Where the gradients go: (G*H, I), (G*H, H), and (G*H) or none.
template <class T>
struct Gradients {
  T *w_ih, *w_hh, *b_ih, *b_hh;
};

// A member's own totals from the order of the deltas to torch's.
template <class C, class T>
void unpack_totals(const Layout<C, T>& l, const Gradients<T>& to, Split split, const WeightSums<C, T>& w) {
  const int64_t H = l.s.H, I = l.s.I;
  for (int64_t group = 0; group < l.groups; ++group) {
    const int64_t first = group * l.kGroupBlocks, record = l.blocks_of(group) * C::A * kBlock;
    const Range own = own_deltas(l, group, split).all;
    for (int64_t d = own.begin; d < own.end; ++d)
      for (int64_t j = 0; j < kBlock; ++j) {
        const int64_t a = d % C::A, block = first + d / C::A, unit = block * kBlock + j, row = C::gate(int(a)) * H + unit;
        if (unit >= H) continue;
        const T* totals = w.total_x + first * C::A * kBlock * l.I1 + d * kBlock + j;
        if (a < C::Gh) {
          const int64_t column = (block * C::Gh + a) * kBlock + j;
          if constexpr (kBf16)
            for (int64_t k = 0; k < H; ++k) to.w_hh[row * H + k] = w.total_h[k * C::Gh * l.Hp + column];
          else
            copy(w.total_h + column * l.Hp, to.w_hh + row * H, H);
          if (to.b_hh) to.b_hh[row] = totals[I * record];
        }
        if (a >= C::A - C::Gx) {
          for (int64_t i = 0; i < I; ++i) to.w_ih[row * I + i] = totals[i * record];
          if (to.b_ih) to.b_ih[row] = totals[I * record];
        }
      }
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
