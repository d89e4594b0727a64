// The linear readout of a block's states: outputs at its positions, and back: what comes in at the states, and the sums of its weights'
// gradients, in the order of weights.hpp: chunks of two steps from the end, parts of 16 chunks.
#pragma once

#include "../rows.hpp"
#include "positions.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class T>
struct ReadoutLayer {
  int64_t H, Hp, O, Op, rows;
  T *by_unit, *by_output, *bias;           // [H][Op], [O][Hp], [Op]
  T *read, *out, *sent;                    // states [position][Hp] where some are read, outputs [position][Op], one step's gradients [row][Hp]
  T *sum, *total, *sum_bias, *total_bias;  // [O][Hp], [Op]
  int32_t* ints;                           // of positions
  T behind;                                // in place of an output behind the last, see objective.hpp
  int64_t chunks = 0;

  ReadoutLayer(const Shape& s, const Examples& e, int64_t most_rows, Scratch<T>& scratch) {
    constexpr int W = kLanes<T>;
    H = s.H, Hp = padded(H), O = s.O, Op = (O + W - 1) / W * W, rows = most_rows;
    behind = e.classes ? -T(__builtin_inf()) : T(0);
    const int64_t most = most_positions(e, rows);
    by_unit = scratch.take(H * Op);
    by_output = scratch.take(O * Hp);
    bias = scratch.take(Op);
    read = scratch.take(e.readout == Readout::some ? most * Hp : 0);
    out = scratch.take(most * Op);
    sent = scratch.take(rows * Hp);
    sum = scratch.take(O * Hp), total = scratch.take(O * Hp);
    sum_bias = scratch.take(Op), total_bias = scratch.take(Op);
    ints = reinterpret_cast<int32_t*>(scratch.take(s.T + 1 + 2 * most));  // an int32 is no longer than a number
  }

  void pack(const T* w, const T* b) {
    fill_zero(by_unit, H * Op);
    for (int64_t o = 0; o < O; ++o) {
      for (int64_t j = 0; j < H; ++j) by_unit[j * Op + o] = w[o * H + j];
      copy(w + o * H, by_output + o * Hp, H);
      fill_zero(by_output + o * Hp + H, Hp - H);
      bias[o] = b[o];
    }
    for (int64_t o = O; o < Op; ++o) bias[o] = behind;
  }
  void clear() {
    fill_zero(sum, O * Hp), fill_zero(total, O * Hp);
    fill_zero(sum_bias, Op), fill_zero(total_bias, Op);
    chunks = 0;
  }

  // The states that are read, [position][Hp]: where all rows are, those of the sweep themselves.
  const T* read_states(const Positions& p, int64_t steps, const T* states) {
    if (!p.rows) return states + (p.from + 1) * p.R * Hp;
    for (int64_t t = 0; t < steps; ++t)
      for (int64_t i = p.begin(t); i < p.begin(t + 1); ++i) copy(states + ((t + 1) * p.R + p.row(i)) * Hp, read + i * Hp, Hp);
    return read;
  }

  void outputs(const T* from, int64_t count) {
    constexpr int W = kLanes<T>;
    for (int64_t i = 0; i < count; ++i) copy(bias, out + i * Op, Op);
    product(count, Op / W, H, from, AlongK{Hp}, by_unit, Op, out, Op);
  }

  // A block's part of the sums; `out` now holds the gradients at the outputs.
  void sum_gradients(const Positions& p, int64_t steps, const T* from) {
    constexpr int W = kLanes<T>;
    for (int64_t end = steps; end > 0; end -= kDeltaChunk) {
      const int64_t begin = p.begin(larger(0, end - kDeltaChunk)), count = p.begin(end) - begin;
      if (count) {
        product(O, Hp / W, count, out + begin * Op, AlongRows{Op}, from + begin * Hp, Hp, sum, Hp);
        const T one = T(1);
        product(1, Op / W, count, &one, Constant{}, out + begin * Op, Op, sum_bias, Op);
      }
      if (++chunks % kSumChunks == 0) move();
    }
  }
  void move() {
    add(sum, total, O * Hp), fill_zero(sum, O * Hp);
    add(sum_bias, total_bias, Op), fill_zero(sum_bias, Op);
  }
  void unpack(T* dw, T* db) {
    move();
    unpad_rows(total, O, H, Hp, dw, H);
    copy(total_bias, db, O);
  }
};

// What comes in through the readout at the state after step t.
template <class T>
struct FromReadout {
  ReadoutLayer<T>& layer;
  const Positions& positions;
  void operator()(int64_t t, Range rows, T* dh) const {
    constexpr int W = kLanes<T>;
    const int64_t Hp = layer.Hp, begin = positions.begin(t), count = positions.begin(t + 1) - begin;
    fill_zero(dh + rows.begin * Hp, rows.size() * Hp);
    if (!count) return;
    T* to = positions.rows ? layer.sent : dh;
    if (positions.rows) fill_zero(to, count * Hp);
    product(count, Hp / W, layer.O, layer.out + begin * layer.Op, AlongK{layer.Op}, layer.by_output, Hp, to, Hp);
    if (positions.rows)
      for (int64_t i = 0; i < count; ++i) copy(to + i * Hp, dh + positions.row(begin + i) * Hp, Hp);
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
