// The bits of whole updates and evaluations against committed digests, as golden.cpp does it of the kernels:
//
//     updates FILE ISA...      compares with the digests in FILE
//     updates FILE             writes FILE anew, by the fastest set
//
// A line of FILE is a case and its digest; tests/kernels/test_golden_updates.py reads the same lines, and computes the same through Python.
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>

#include "exact.hpp"
#include "update/call.hpp"

namespace {

using harness::Buffer;
using harness::Digest;
using harness::kNames;
using harness::Stream;
using unroll::Cell;
using unroll::Number;

const char* const kReadouts[] = {"last", "every", "some"};
const char* const kRules[] = {"sgd", "rmsprop", "adam", "adamw"};
constexpr int64_t kSequences = 90, kDrawn = 150, kBatch = 66, kSome = 4;  // two blocks of rows, and a last batch that is smaller
constexpr double kNone = std::numeric_limits<double>::infinity();

struct Case {
  int cell, readout, rule;
  bool classes, symbols;
  int64_t T, I, H, O;
};

std::string text(const Case& c) {
  std::ostringstream out;
  out << kNames[c.cell] << ' ' << kReadouts[c.readout] << ' ' << kRules[c.rule] << ' ' << c.classes << ' ' << c.symbols << ' ' << c.T << ' ' << c.I
      << ' ' << c.H << ' ' << c.O;
  return out.str();
}

unroll::Optimizer optimizer_of(const Case& c) {
  switch (unroll::Rule(c.rule)) {
    case unroll::Rule::sgd: return {unroll::Rule::sgd, 0, 0, 0, 0, 0.9, 0.01, kNone, 0.0625, nullptr, nullptr, nullptr, nullptr};
    case unroll::Rule::rmsprop: return {unroll::Rule::rmsprop, 0, 0, 1e-8, 0.9, 0, 0, kNone, kNone, nullptr, nullptr, nullptr, nullptr};
    case unroll::Rule::adam: return {unroll::Rule::adam, 0.9, 0.999, 1e-8, 0, 0, 0, 0.25, kNone, nullptr, nullptr, nullptr, nullptr};
    default: return {unroll::Rule::adamw, 0.8, 0.99, 1e-8, 0, 0, 0.1, kNone, kNone, nullptr, nullptr, nullptr, nullptr};
  }
}

template <class Job>
void run(const unroll::Kernels& kernels, Job job) {
  const unsigned long long mode = unroll::float_mode();
  unroll::Team team(1, nullptr, nullptr);
  team.run([](void* work, const unroll::Member& me) { (*static_cast<Job*>(work))(me); }, &job);
  if (unroll::float_mode() == mode) return;
  ++harness::failures;
  std::printf("WRONG %s: the floating-point mode is not as it was\n", kernels.isa);
}

// A network that goes on step by step puts out what an evaluation has found: the same largest error of each sequence, to the bit.
void check_steps(const unroll::Kernels& kernels, const unroll::EvaluationCall& look) {
  const unroll::Shape& s = look.shape;
  const Number number = Number::float32;
  const float *x = static_cast<const float*>(look.examples.numbers), *y = static_cast<const float*>(look.examples.targets);
  unroll::StepsCall go{};
  go.shape = s, go.shape.T = 1, go.rows = look.count, go.weights = look.weights;
  const Buffer<float> step(go.rows * s.I), h(go.rows * s.H), cell(go.rows * s.H), out(go.rows * s.O);
  for (int64_t i = 0; i < go.rows * s.H; ++i) h.get()[i] = cell.get()[i] = 0;
  go.x = step.get(), go.h = h.get(), go.c = s.cell == Cell::lstm ? cell.get() : nullptr, go.out = out.get();
  const Buffer<float> scratch(kernels.steps_scratch(number, go));
  go.scratch = scratch.get();
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t r = 0; r < go.rows; ++r)
      for (int64_t i = 0; i < s.I; ++i) step.get()[r * s.I + i] = x[((look.first + r) * s.T + t) * s.I + i];
    run(kernels, [&](const unroll::Member& me) { kernels.steps(number, go, me); });
  }
  for (int64_t r = 0; r < go.rows; ++r) {
    double most = 0;
    for (int64_t o = 0; o < s.O; ++o) most = std::fmax(most, std::fabs(double(out.get()[r * s.O + o]) - double(y[(look.first + r) * s.O + o])));
    if (most == look.furthest[r]) continue;
    ++harness::failures;
    std::printf("WRONG %s: steps of %s\n", kernels.isa, kNames[int(s.cell)]);
  }
}

// A case's data, and updates on them that are to be made.
struct Trained {
  const int64_t S, count, updates;
  const Buffer<float> weights, x, y;
  const Buffer<uint8_t> symbols;
  const Buffer<int32_t> at, classes;
  const Buffer<uint8_t> asked;
  const Buffer<int64_t> order, scored, done;
  const Buffer<float> gradient, average, square, velocity;
  const Buffer<double> powers, rates, losses, norms;
  unroll::UpdateCall call{};

  Trained(const Case& c, Stream& stream)
      : S(c.readout == 0 ? 1 : c.readout == 1 ? c.T : kSome),
        count(unroll::Parts({Cell(c.cell), c.T, c.I, c.H, c.O}).count),
        updates((kDrawn + kBatch - 1) / kBatch),
        weights(count), x(c.symbols ? 0 : kSequences * c.T * c.I), y(c.classes ? 0 : kSequences * S * c.O),
        symbols(c.symbols ? kSequences * c.T : 0), at(c.readout == 2 ? kSequences * S : 0), classes(c.classes ? kSequences * S : 0),
        asked(classes.size()), order(kDrawn), scored(updates), done(1),
        gradient(count), average(count), square(count), velocity(count), powers(2), rates(updates), losses(updates), norms(updates) {
    stream.fill(weights, -1);
    stream.fill(x, 1);
    stream.fill(y, 1);
    for (std::size_t i = 0; i < symbols.size(); ++i) symbols.get()[i] = uint8_t(stream.below(c.I));
    for (std::size_t i = 0; i < at.size(); ++i) at.get()[i] = int32_t(int64_t(i) % S * (c.T / S) + stream.below(c.T / S));
    for (std::size_t i = 0; i < classes.size(); ++i) classes.get()[i] = int32_t(stream.below(c.O + 1)) - 1;
    for (std::size_t i = 0; i < asked.size(); ++i) asked.get()[i] = uint8_t(stream.below(2));
    for (int64_t i = 0; i < kDrawn; ++i) order.get()[i] = stream.below(kSequences);
    for (const Buffer<float>* state : {&average, &square, &velocity})
      for (int64_t i = 0; i < count; ++i) state->get()[i] = 0;
    for (int64_t i = 0; i < updates; ++i) rates.get()[i] = std::ldexp(1.0, int(-5 - i));
    powers.get()[0] = powers.get()[1] = 1;
    call.shape = {Cell(c.cell), c.T, c.I, c.H, c.O};
    call.examples = {x.get(), {symbols.get(), 1}, unroll::Readout(c.readout), S, at.get(), y.get(), classes.get(), nullptr};
    call.optimizer = optimizer_of(c);
    const bool adam = c.rule >= 2;
    const bool squares = c.rule >= 1, momentum = call.optimizer.momentum != 0;
    call.optimizer.average = adam ? average.get() : nullptr;
    call.optimizer.square = squares ? square.get() : nullptr;
    call.optimizer.velocity = momentum ? velocity.get() : nullptr;
    call.optimizer.powers = adam ? powers.get() : nullptr;
    call.weights = weights.get(), call.gradient = gradient.get();
    call.order = order.get(), call.sequences = kDrawn, call.batch = kBatch;
    call.rates = rates.get(), call.seconds = kNone;
    call.losses = losses.get(), call.norms = norms.get(), call.scored = scored.get(), call.done = done.get();
  }
  void make(const unroll::Kernels& kernels) {
    const Buffer<float> scratch(kernels.update_scratch(Number::float32, call));
    call.scratch = scratch.get();
    run(kernels, [&](const unroll::Member& me) { kernels.update(Number::float32, call, me); });
  }
  void add_to(Digest& digest) const {
    for (const Buffer<float>* out : {&weights, &average, &square, &velocity}) digest.add(*out);
    for (const Buffer<double>* out : {&losses, &norms}) digest.add(*out);
  }
};

// Networks that are updated side by side, each with data and weights of its own, come to the bits that each has alone.
void check_cohort(const Case& c, const unroll::Kernels& kernels) {
  for (const std::size_t lanes : {std::size_t(3), std::size_t(unroll::kCohort)}) {
    Stream stream, again;
    std::vector<std::unique_ptr<Trained>> together;
    std::vector<unroll::UpdateCall> calls;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      together.push_back(std::make_unique<Trained>(c, stream));
      calls.push_back(together.back()->call);
    }
    unroll::CohortCall call{calls.data(), int64_t(lanes), nullptr};
    const Buffer<float> scratch(kernels.cohort_scratch(call));
    call.scratch = scratch.get();
    run(kernels, [&](const unroll::Member& me) { kernels.cohort(call, me); });
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      Trained alone(c, again);
      alone.make(kernels);
      Digest wanted, got;
      alone.add_to(wanted), together[lane]->add_to(got);
      if (got.sum == wanted.sum) continue;
      ++harness::failures;
      std::printf("WRONG %s: lane %d of %d, %s\n", kernels.isa, int(lane), int(lanes), text(c).c_str());
    }
  }
}

uint64_t digest_of(const Case& c, const unroll::Kernels& kernels) {
  const Number number = Number::float32;
  Stream stream;
  Trained one(c, stream);
  one.make(kernels);

  unroll::EvaluationCall look{};
  look.shape = one.call.shape, look.examples = one.call.examples, look.weights = one.weights.get();
  look.examples.asked = c.classes ? reinterpret_cast<const bool*>(one.asked.get()) : nullptr;
  look.first = 7, look.count = kSequences - 7;
  const Buffer<double> sums(look.count), furthest(look.count);
  const Buffer<int64_t> of(look.count), wanted(look.count), right(look.count);
  look.losses = sums.get(), look.furthest = furthest.get();
  look.scored = of.get(), look.asked = wanted.get(), look.right = right.get();
  const Buffer<float> room(kernels.evaluation_scratch(number, look));
  look.scratch = room.get();
  run(kernels, [&](const unroll::Member& me) { kernels.evaluate(number, look, me); });

  if (!c.symbols && !c.classes && c.readout == 0) check_steps(kernels, look);
  if (c.H <= unroll::kCohortH) check_cohort(c, kernels);

  Digest digest;
  one.add_to(digest);
  for (const Buffer<double>* out : {&sums, &furthest}) digest.add(*out);
  for (const Buffer<int64_t>* out : {&one.scored, &of, &wanted, &right}) digest.add(*out);
  return digest.sum;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (int cell = 0; cell < 4; ++cell) {
    all.push_back({cell, 0, 2, false, false, 11, 2, 20, 1});  // as the adding problem: numbers, Adam under a bound on the norm
    all.push_back({cell, 1, 0, false, true, 7, 5, 9, 3});     // momentum, decay and a bound on each number
    all.push_back({cell, 2, 3, true, true, 13, 19, 33, 19});  // as copying: classes, some not scored; more than a vector of them
    all.push_back({cell, 1, 1, true, false, 6, 3, 70, 2});    // more units than a group of the simple cell
    all.push_back({cell, 0, 3, true, false, 60, 1, 16, 10});
  }
  return all;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<Case> all = cases();
  return harness::golden(count, words, all.size(), {1}, [&](std::size_t i) { return text(all[i]); },
                         [&](std::size_t i, const unroll::Kernels& kernels, int) { return digest_of(all[i], kernels); });
}
