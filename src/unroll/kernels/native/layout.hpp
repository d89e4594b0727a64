// Where everything lies inside one lane of a call.
//
// Hidden units are padded to Hp = padded(H), in blocks of 16 (kBlock). Rows are the sequences, in blocks of at most 64, each block taken
// through all steps: its state stays in the first-level cache. Padded units have zero weights, and nothing reads what they hold: an
// infinity times zero would make NaN of it.
//
//   states [T+1][row][Hp]            h before each step and after the last; in `saved`, or two turns of it in scratch
//   gates  [T][block][row][Saved][16]    in `saved`
//   cell   [block][row][16]          running cell state (LSTM); dc likewise
//   inputs [step][row][I+1]          x of a chunk of steps, with a 1 behind for the bias; or [step][row], symbols
//
// Forward takes a few vectors of units together, as many as the registers hold: up to four for the simple cell, one for GRU and LSTM
// with their four accumulators a unit. A sum there is over k alone, so how many are together decides no bit. Packed by these vectors
// of W units, [pass] being one such few:
//
//   w_x    [pass][i][u][Gx][W]       input weights
//   w_h    [pass][k][u][Gh][W]       recurrent weights: 16 KB a pass for an LSTM of 64 units on AVX-512
//   bias   [pass][u][A][W]
//
// Backward takes groups of blocks: four for the simple cell, one for GRU and LSTM. What a group's deltas give dh and dx is one partial
// sum, so a group is the same number of units on every instruction set.
//
//   deltas [group][step][row][block][A][16]  gate deltas of a chunk of steps; one or more chunks, see weights.hpp
//   v_h    [group][block][Gh][16][Hp]    recurrent weights as they are, rows in the order of the deltas
//   v_x    [group][block][Gx][16][Ip]    input weights likewise; for dx
//   sum_h  [group][block][Gh][16][Hp]    dW_hh while a part of it is summed; total_h the parts before
//   sum_x  [group][I+1][block][A][16]    dW_ih transposed, and in its last row the bias; total_x likewise
#pragma once

#include "buffers.hpp"
#include "cells.hpp"
#include "tile.hpp"

namespace unroll {
namespace UNROLL_NS {

constexpr int64_t kRowBlock = 64;
constexpr int64_t kInputChunk = 16;  // steps of x gathered at a time
constexpr int64_t kDeltaChunk = 2;   // steps of gate deltas summed into dW at a time: their states stay in the first-level cache
constexpr int64_t kSumChunks = 16;   // chunks summed into one part of dW, and the parts into dW: three levels of sums
constexpr int64_t kCachedBytes = 24 << 20;  // of what forward keeps for backward; of more, gates are written past the caches
constexpr int64_t kRoundBytes = 512 << 10;  // gate deltas between two meetings: half of a usual second-level cache

template <class C, class T>
struct Layout {
  static constexpr int W = kLanes<T>, V = kBlock / W;  // numbers of a vector, vectors of a block
  static constexpr int kPassVectors = C::A == 1 ? 4 : 1;
  static constexpr int kPassRows = kAccumulators / (C::A * kPassVectors) > 6 ? 6 : kAccumulators / (C::A * kPassVectors);
  static constexpr int kGroupBlocks = C::A == 1 ? 4 : 1;
  Sizes s;
  bool symbols;  // each input is one of I symbols
  int64_t Hp, Ip, I1, input_row, vectors, blocks, passes, groups, rows;

  explicit Layout(const Sizes& sizes, bool of_symbols = false) : s(sizes), symbols(of_symbols) {
    Hp = padded(s.H);
    Ip = (s.I + W - 1) / W * W;
    I1 = s.I + 1;
    input_row = symbols ? 1 : I1;
    vectors = Hp / W;
    blocks = Hp / kBlock;
    passes = (vectors + kPassVectors - 1) / kPassVectors;
    groups = (blocks + kGroupBlocks - 1) / kGroupBlocks;
    rows = smaller(s.B, kRowBlock);
  }
  UNROLL_INLINE int64_t vectors_of(int64_t pass) const { return smaller(vectors - pass * kPassVectors, kPassVectors); }
  UNROLL_INLINE int64_t blocks_of(int64_t group) const { return smaller(blocks - group * kGroupBlocks, kGroupBlocks); }
  UNROLL_INLINE int64_t step_work(int64_t n) const { return n * C::G * Hp * (s.H + s.I); }  // multiply-adds of n rows
  UNROLL_INLINE int64_t states_of_row() const { return Hp * (s.T + 1); }
  UNROLL_INLINE int64_t kept_of_row() const { return states_of_row() + Hp * s.T * C::Saved; }
  // Whether what is kept of so many rows will have left the caches before backward reads the gates.
  UNROLL_INLINE bool outgrows_caches(int64_t n) const { return C::Saved && n * kept_of_row() * int64_t(sizeof(T)) > kCachedBytes; }
  // Chunks between two meetings. Alone there is nobody to meet.
  int64_t round_chunks(Split split) const {
    const int64_t bytes = kDeltaChunk * rows * C::A * Hp * int64_t(sizeof(T));
    return split.count == 1 ? 1 : larger(1, smaller(kSumChunks, kRoundBytes / bytes));
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
