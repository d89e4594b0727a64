// The recurrence's three products where they are of bfloat16: W_hh h forward, dz W_hh backward, and dW_hh += dz' h. All else of an
// update is float32, and the code of float32.
//
// A library that is compiled with UNROLL_BF16 has them (kBf16); in all others nothing stands here.
#pragma once

#include "layout.hpp"

#if defined(UNROLL_BF16)
#include "half_tile.hpp"
#endif

namespace unroll {
namespace UNROLL_NS {

#if defined(UNROLL_BF16)

constexpr bool kBf16 = true;

template <class T>
UNROLL_INLINE Pair* as_pairs(T* memory) {
  static_assert(sizeof(T) == sizeof(Pair), "bfloat16 goes with float32");
  return reinterpret_cast<Pair*>(memory);
}

// W_hh h of a pass: the accumulators that h reaches, [row][u][Gh][16].
template <class C, class T>
struct ForwardProducts {
  Pair *w_h, *states;
  T* sums;
  int64_t pairs;
  ForwardProducts(const Layout<C, T>& l, Scratch<T>& scratch) : pairs(pairs_of(l.s.H)) {
    w_h = as_pairs(scratch.take(l.blocks * C::Gh * kPanel * pairs));
    states = as_pairs(scratch.take(l.rows * pairs));
    sums = scratch.take(l.rows * l.kPassVectors * C::Gh * kPanel);
  }
  void pack(const Layout<C, T>& l, const T* w_hh) {
    for (int64_t unit = 0; unit < l.Hp; ++unit)
      for (int a = 0; a < C::Gh; ++a)
        pair_column(unit < l.s.H ? w_hh + (C::gate(a) * l.s.H + unit) * l.s.H : nullptr, l.s.H,
                    w_h + (unit / kPanel * C::Gh + a) * kPanel * pairs + unit % kPanel);
  }
  void take_states(const Layout<C, T>& l, const T* h, int64_t rows) { pair_rows(h, l.Hp, rows, l.s.H, states); }
  void multiply(const Layout<C, T>& l, int64_t pass, int64_t rows) const {
    const int64_t panels = l.vectors_of(pass) * C::Gh;
    half_product<false>(rows, panels, {pairs, states, w_h + pass * l.kPassVectors * C::Gh * kPanel * pairs, sums, panels * kPanel});
  }
  UNROLL_INLINE const T* at(int64_t row, int64_t U) const { return sums + row * U * C::Gh * kPanel; }
};

// Of deltas those that h reaches are products' operands, [block][Gh][16].
template <class C, class T>
struct BackwardProducts {
  Pair *v_h, *deltas, *deltas_of_chunk, *states;
  int64_t pairs;
  ChunkRows rows{0, 0};
  BackwardProducts(const Layout<C, T>& l, Scratch<T>& scratch) : pairs(pairs_of(C::Gh * l.Hp)) {
    const int64_t most = ChunkRows{kDeltaChunk, l.rows}.pairs();
    v_h = as_pairs(scratch.take(l.blocks * kPanel * pairs));
    deltas = as_pairs(scratch.take(l.rows * pairs));
    deltas_of_chunk = as_pairs(scratch.take(l.blocks * C::Gh * kPanel * most));
    states = as_pairs(scratch.take(l.Hp * most));
  }
  void pack(const Layout<C, T>& l, const T* w_hh) {
    const int64_t H = l.s.H;
    for (int64_t i = 0; i < l.rows * pairs; ++i) deltas[i] = 0;  // those behind the last stay so
    for (int64_t p = 0; p < pairs; ++p) {
      const T* row[2];
      for (int j = 0; j < 2; ++j) {
        const int64_t delta = 2 * p + j, block = delta / kBlock / C::Gh, unit = block * kBlock + delta % kBlock;
        row[j] = unit < H ? w_hh + (C::gate(int(delta / kBlock % C::Gh)) * H + unit) * H : nullptr;
      }
      for (int64_t block = 0; block < l.blocks; ++block) {
        __m256i of[2];
        for (int j = 0; j < 2; ++j) of[j] = row[j] ? halves(first(row[j] + block * kBlock, H - block * kBlock)) : __m256i{};
        _mm512_store_si512(v_h + (block * pairs + p) * kPanel, paired(of[0], of[1]));
      }
    }
  }
  // A chunk of steps of R rows begins: zeros behind its deltas.
  void begin(const Layout<C, T>& l, int64_t steps, int64_t R) {
    rows = {steps, R};
    for (int64_t panel = 0; panel < l.blocks * C::Gh; ++panel)
      for (int64_t p = rows.count(); p < rows.pairs(); ++p) _mm512_store_si512(deltas_of_chunk + (panel * rows.pairs() + p) * kPanel, __m512i{});
  }
  // A group's deltas of one step, [row][block][A][16].
  void take_deltas(int64_t step, int64_t first_block, int64_t blocks, const T* from) {
    const int64_t record = blocks * C::A * kBlock;
    for (int64_t r = 0; r < rows.R; r += 2)
      for (int64_t block = 0; block < blocks; ++block)
#pragma GCC unroll 4
        for (int a = 0; a < C::Gh; ++a) {
          const T* x = from + r * record + (block * C::A + a) * kBlock;
          const int64_t panel = (first_block + block) * C::Gh + a;
          const __m256i even = halves(_mm512_load_ps(x)), odd = r + 1 < rows.R ? halves(_mm512_load_ps(x + record)) : __m256i{};
          _mm256_store_si256(reinterpret_cast<__m256i*>(deltas + r * pairs + panel * kBlock / 2), even);
          if (r + 1 < rows.R) _mm256_store_si256(reinterpret_cast<__m256i*>(deltas + (r + 1) * pairs + panel * kBlock / 2), odd);
          _mm512_store_si512(deltas_of_chunk + (panel * rows.pairs() + step * rows.half() + r / 2) * kPanel, paired(even, odd));
        }
  }
  // What a step's deltas give the gradient at its state before.
  void add_to(const Layout<C, T>& l, T* dh) const { half_product<true>(rows.R, l.blocks, {pairs, deltas, v_h, dh, l.Hp}); }
  // A chunk's part of dW_hh transposed, [unit before][block][Gh][16].
  void sum(const Layout<C, T>& l, const T* before, T* sums) const {
    pair_columns(before, l.Hp, rows, states);
    half_product<true>(l.Hp, l.blocks * C::Gh, {rows.pairs(), states, deltas_of_chunk, sums, C::Gh * l.Hp});
  }
};

#else

constexpr bool kBf16 = false;

template <class C, class T>
struct ForwardProducts {
  ForwardProducts(const Layout<C, T>&, Scratch<T>&) {}
};
template <class C, class T>
struct BackwardProducts {
  BackwardProducts(const Layout<C, T>&, Scratch<T>&) {}
};

#endif

}  // namespace UNROLL_NS
}  // namespace unroll
