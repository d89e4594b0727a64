// Updates whose recurrence's products are of bfloat16: this file is compiled once for each instruction, with its own flags, UNROLL_NS
// and UNROLL_BF16.
#include "update/update.hpp"

namespace unroll {
namespace UNROLL_NS {
namespace {

template <class Of>
auto pick(Cell cell, const Of& of) {
  switch (cell) {
    case Cell::tanh_rnn: return of(SimpleCell<false>{});
    case Cell::relu_rnn: return of(SimpleCell<true>{});
    case Cell::gru: return of(GruCell{});
    default: return of(LstmCell{});
  }
}

void run_update(const UpdateCall& call, const Member& me) {
  pick(call.shape.cell, [&](auto cell) { update<decltype(cell), float>(call, me); });
}
int64_t run_update_scratch(const UpdateCall& call) {
  return pick(call.shape.cell, [&](auto cell) { return update_scratch<decltype(cell), float>(call); });
}

struct Matrices {
  Pair *left, *right;
  Matrices(int64_t rows, int64_t columns, int64_t k, Scratch<float>& scratch)
      : left(as_pairs(scratch.take(rows * pairs_of(k)))), right(as_pairs(scratch.take(columns * pairs_of(k)))) {}
};

void multiply(int64_t rows, int64_t columns, int64_t k, const float* a, const float* b, float* c, void* memory) {
  Scratch<float> scratch{static_cast<float*>(memory)};
  const Matrices m(rows, columns, k, scratch);
  pair_rows(a, k, rows, k, m.left);
  for (int64_t j = 0; j < columns; j += kPanel)
    for (int64_t p = 0; p < pairs_of(k); ++p) {
      __m256i of[2];
      for (int i = 0; i < 2; ++i) of[i] = 2 * p + i < k ? halves(first(b + (2 * p + i) * columns + j, kPanel)) : __m256i{};
      _mm512_store_si512(m.right + (j / kPanel * pairs_of(k) + p) * kPanel, paired(of[0], of[1]));
    }
  half_product<true>(rows, columns / kPanel, {pairs_of(k), m.left, m.right, c, columns});
}
int64_t multiply_scratch(int64_t rows, int64_t columns, int64_t k) {
  Scratch<float> scratch{nullptr};
  Matrices(rows, columns, k, scratch);
  return scratch.used;
}

}  // namespace

#define UNROLL_TEXT2(name) #name
#define UNROLL_TEXT(name) UNROLL_TEXT2(name)
extern const HalfKernels kernels;
const HalfKernels kernels = {UNROLL_TEXT(UNROLL_NS), run_update, run_update_scratch, multiply, multiply_scratch};

}  // namespace UNROLL_NS
}  // namespace unroll
