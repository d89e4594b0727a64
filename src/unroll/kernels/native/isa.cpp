// One instruction set's kernels: this file is compiled once for each, with its own flags and UNROLL_NS.
#include "lanes.hpp"
#include "update/cohort/cohort.hpp"
#include "update/steps.hpp"
#include "update/update.hpp"

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
  static void run(const ForwardCall& call, const Member& me) { forward<C, T>(call, me); }
};
template <class C, class T>
struct Backward {
  static void run(const BackwardCall& call, const Member& me) { backward<C, T>(call, me); }
};
template <class C, class T>
struct ScratchSize {
  static int64_t run(const Sizes& sizes, bool backward, int members) { return scratch_size<C, T>(sizes, backward, members); }
};

template <class C, class T>
struct Update {
  static void run(const UpdateCall& call, const Member& me) { update<C, T>(call, me); }
};
template <class C, class T>
struct Evaluate {
  static void run(const EvaluationCall& call, const Member& me) { evaluate<C, T>(call, me); }
};
template <class C, class T>
struct UpdateScratch {
  static int64_t run(const UpdateCall& call) { return update_scratch<C, T>(call); }
};
template <class C, class T>
struct EvaluationScratch {
  static int64_t run(const EvaluationCall& call) { return evaluation_scratch<C, T>(call); }
};
template <class C, class>
struct UpdateCohort {
  static void run(const CohortCall& call, const Member& me) { update_cohort<C>(call, me); }
};
template <class C, class>
struct CohortScratch {
  static int64_t run(const CohortCall& call) { return cohort_scratch<C>(call); }
};
template <class C, class T>
struct Steps {
  static void run(const StepsCall& call, const Member& me) { steps<C, T>(call, me); }
};
template <class C, class T>
struct StepsScratch {
  static int64_t run(const StepsCall& call) { return steps_scratch<C, T>(call); }
};

void run_forward(Cell cell, Number number, const ForwardCall& call, const Member& me) { pick<Forward>(cell, number, call, me); }
void run_backward(Cell cell, Number number, const BackwardCall& call, const Member& me) { pick<Backward>(cell, number, call, me); }
int64_t run_scratch_size(Cell cell, Number number, const Sizes& sizes, bool backward, int members) {
  return pick<ScratchSize>(cell, number, sizes, backward, members);
}

void run_update(Number number, const UpdateCall& call, const Member& me) { pick<Update>(call.shape.cell, number, call, me); }
void run_evaluate(Number number, const EvaluationCall& call, const Member& me) { pick<Evaluate>(call.shape.cell, number, call, me); }
int64_t run_update_scratch(Number number, const UpdateCall& call) { return pick<UpdateScratch>(call.shape.cell, number, call); }
int64_t run_evaluation_scratch(Number number, const EvaluationCall& call) { return pick<EvaluationScratch>(call.shape.cell, number, call); }
void run_steps(Number number, const StepsCall& call, const Member& me) { pick<Steps>(call.shape.cell, number, call, me); }
int64_t run_steps_scratch(Number number, const StepsCall& call) { return pick<StepsScratch>(call.shape.cell, number, call); }
void run_cohort(const CohortCall& call, const Member& me) { pick<UpdateCohort>(call.updates->shape.cell, Number::float32, call, me); }
int64_t run_cohort_scratch(const CohortCall& call) { return pick<CohortScratch>(call.updates->shape.cell, Number::float32, call); }

void activate(int function, const float* x, float* y, int64_t count) {
  constexpr int W = kLanes<float>, N = 4;
  alignas(64) float part[N * W] = {};
  for (int64_t i = 0; i < count; i += N * W) {
    const int64_t n = smaller(N * W, count - i);
    copy(x + i, part, n);
    Vec<float> v[N];
    for (int j = 0; j < N; ++j) v[j] = load(part + j * W);
    if (function == 0)
      squash<N>(v);
    else
      squash<0>(v);
    for (int j = 0; j < N; ++j) store(part + j * W, v[j]);
    copy(part, y + i, n);
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
      for (int i = 0; i < n; ++i) acc[i] = fma<float>(acc[i], av, bv);
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
const Kernels kernels = {UNROLL_TEXT(UNROLL_NS), kLanes<float>,      run_forward,            run_backward, run_scratch_size, run_update,
                         run_evaluate,           run_update_scratch, run_evaluation_scratch, run_steps,    run_steps_scratch,
                         run_cohort,             run_cohort_scratch, activate,               multiply_adds};

}  // namespace UNROLL_NS
}  // namespace unroll
