// One instruction set's kernels: this file is compiled once for each, with its own flags and UNROLL_NS.
#include "sweep.hpp"

namespace unroll {
namespace UNROLL_NS {
namespace {

template <template <class, class> class F, class... Args>
auto pick(Cell cell, Number number, Args&&... args) {
  const bool single = number == Number::float32;
  switch (cell) {
    case Cell::tanh_rnn:
      return single ? F<SimpleCell<false>, float>::run(args...) : F<SimpleCell<false>, double>::run(args...);
    case Cell::relu_rnn:
      return single ? F<SimpleCell<true>, float>::run(args...) : F<SimpleCell<true>, double>::run(args...);
    case Cell::gru:
      return single ? F<GruCell, float>::run(args...) : F<GruCell, double>::run(args...);
    default:
      return single ? F<LstmCell, float>::run(args...) : F<LstmCell, double>::run(args...);
  }
}

template <class C, class T>
struct Forward {
  static void run(const ForwardCall& call) { forward<C, T>(call); }
};
template <class C, class T>
struct Backward {
  static void run(const BackwardCall& call) { backward<C, T>(call); }
};
template <class C, class T>
struct ScratchSize {
  static int64_t run(const Sizes& sizes, bool backward) { return scratch_size<C, T>(sizes, backward); }
};

void run_forward(Cell cell, Number number, const ForwardCall& call) { pick<Forward>(cell, number, call); }
void run_backward(Cell cell, Number number, const BackwardCall& call) { pick<Backward>(cell, number, call); }
int64_t run_scratch_size(Cell cell, Number number, const Sizes& sizes, bool backward) {
  return pick<ScratchSize>(cell, number, sizes, backward);
}

void activate(int function, const float* x, float* y, int64_t count) {
  constexpr int W = kLanes<float>;
  alignas(64) float part[W];
  for (int64_t i = 0; i < count; i += W) {
    const int64_t n = smaller(W, count - i);
    for (int64_t j = 0; j < W; ++j) part[j] = j < n ? x[i + j] : 0.0f;
    Vec<float> v[1] = {load(part)};
    if (function == 0)
      squash<1>(v);
    else
      squash<0>(v);
    store(part, v[0]);
    for (int64_t j = 0; j < n; ++j) y[i + j] = part[j];
  }
}

double multiply_adds(int64_t rounds) {
  constexpr int n = kAccumulators;
  Vec<float> acc[n];
#pragma GCC unroll 32
  for (int i = 0; i < n; ++i) acc[i] = splat(float(i));
  Vec<float> a = splat(0.999f), b = splat(1e-3f);
  for (int64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+m"(a), "+m"(b));
    const Vec<float> av = a, bv = b;
#pragma GCC unroll 8
    for (int repeat = 0; repeat < 8; ++repeat)
#pragma GCC unroll 32
      for (int i = 0; i < n; ++i) acc[i] = acc[i] * av + bv;
  }
  Vec<float> total{};
#pragma GCC unroll 32
  for (int i = 0; i < n; ++i) total += acc[i];
  asm volatile("" : : "m"(total));
  return 2.0 * 8 * n * kLanes<float> * double(rounds);
}

}  // namespace

#define UNROLL_TEXT2(name) #name
#define UNROLL_TEXT(name) UNROLL_TEXT2(name)
extern const Kernels kernels;
const Kernels kernels = {UNROLL_TEXT(UNROLL_NS), kLanes<float>, run_forward, run_backward,
                         run_scratch_size,       activate,      multiply_adds};

}  // namespace UNROLL_NS
}  // namespace unroll
