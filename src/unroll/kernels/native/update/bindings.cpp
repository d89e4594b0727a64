#include "bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <vector>

#include "../calling.hpp"
#include "call.hpp"

namespace nb = nanobind;

namespace {

using unroll::Number;
template <class T, class... Options>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu, Options...>;
template <class T, class... Options>
using Maybe = std::optional<Array<T, Options...>>;
using Any = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

void need(bool fine, const char* text) {
  if (!fine) throw nb::value_error(text);
}

// A split: what it holds is looked at once, when it is made.
class Split {
 public:
  Split(const Any& x, const Any& y, const Maybe<const int32_t, nb::ndim<2>>& at, const Maybe<const bool, nb::ndim<2>>& asked, int64_t inputs,
        int64_t outputs, const std::string& readout)
      : x_(x), y_(y), at_(at), asked_(asked), outputs_(outputs) {
    need(x.ndim() >= 2 && x.shape(0) > 0 && x.shape(1) > 0, "x: (N, T, I) numbers or (N, T) symbols are needed.");
    n_ = int64_t(x.shape(0)), steps_ = int64_t(x.shape(1));
    e_.readout = readout == "last" ? unroll::Readout::last : readout == "every" ? unroll::Readout::every : unroll::Readout::some;
    need(readout == "last" || readout == "every" || readout == "some", "readout: last, every or some is needed.");
    need((e_.readout == unroll::Readout::some) == at.has_value(), "at: needed where some steps are read, and only there.");
    e_.S = e_.readout == unroll::Readout::last ? 1 : e_.readout == unroll::Readout::every ? steps_ : int64_t(at->shape(1));
    if (x.ndim() == 3) {
      need(int64_t(x.shape(2)) == inputs, "x: its last axis must be that of the inputs.");
      e_.numbers = x.data();
      number_ = number_of(x);
    } else {
      e_.symbols = {x.data(), int(x.itemsize())};
      need(x.ndim() == 2 && (x.dtype() == nb::dtype<uint8_t>() || x.dtype() == nb::dtype<uint16_t>() || x.dtype() == nb::dtype<int32_t>()),
           "x: symbols are uint8, uint16 or int32.");
      for (int64_t i = 0; i < n_ * steps_; ++i) need(e_.symbols.at(i) >= 0 && e_.symbols.at(i) < inputs, "x: a symbol is not one of the alphabet.");
    }
    need(y.ndim() >= 2 && int64_t(y.shape(0)) == n_, "y: as many sequences as x has are needed.");
    if (y.dtype() == nb::dtype<int32_t>()) {
      need(y.ndim() == 2 && int64_t(y.shape(1)) == e_.S, "y: classes are (N, S).");
      e_.classes = static_cast<const int32_t*>(y.data());
      for (int64_t i = 0; i < n_ * e_.S; ++i) need(e_.classes[i] < outputs, "y: a class is not one of the outputs.");
    } else {
      int64_t size = 1;
      for (std::size_t i = 0; i < y.ndim(); ++i) size *= int64_t(y.shape(i));
      need(size == n_ * e_.S * outputs && int64_t(y.shape(y.ndim() - 1)) == outputs, "y: numbers are (N, S, O).");
      if (!e_.numbers) number_ = number_of(y);
      need(number_of(y) == number_, "y: of one type with x.");
      e_.targets = y.data();
    }
    if (at) {
      need(int64_t(at->shape(0)) == n_, "at: (N, S) is needed.");
      e_.at = at->data();
      for (int64_t i = 0; i < n_ * e_.S; ++i)
        need(e_.at[i] >= 0 && e_.at[i] < steps_ && (i % e_.S == 0 || e_.at[i] > e_.at[i - 1]), "at: steps must rise, inside the sequence.");
    }
    if (asked) {
      need(int64_t(asked->shape(0)) == n_ && int64_t(asked->shape(1)) == e_.S, "asked: (N, S) is needed.");
      e_.asked = asked->data();
    }
    inputs_ = inputs;
  }
  const unroll::Examples& examples() const { return e_; }
  unroll::Shape shape(unroll::Cell cell, int64_t hidden) const {
    need(hidden > 0, "hidden: at least 1 is needed.");
    return {cell, steps_, inputs_, hidden, outputs_};
  }
  int64_t count() const { return n_; }
  // Symbols and classes go with either type.
  void check(Number number) const { need((!e_.numbers && !e_.targets) || number == number_, "weights: of one type with x and y."); }

  static Number number_of(const Any& a) {
    need(a.dtype() == nb::dtype<float>() || a.dtype() == nb::dtype<double>(), "numbers are float32 or float64.");
    return a.dtype() == nb::dtype<float>() ? Number::float32 : Number::float64;
  }

 private:
  Any x_, y_;
  Maybe<const int32_t, nb::ndim<2>> at_;
  Maybe<const bool, nb::ndim<2>> asked_;
  int64_t n_, steps_, inputs_, outputs_;
  Number number_ = Number::float32;
  unroll::Examples e_{};
};

struct Rule {
  unroll::Optimizer o;
};

Rule rule(const std::string& name, double beta1, double beta2, double epsilon, double alpha, double momentum, double weight_decay, double clip_norm,
          double clip_value) {
  const unroll::Rule found = name == "sgd" ? unroll::Rule::sgd : name == "rmsprop" ? unroll::Rule::rmsprop : name == "adam" ? unroll::Rule::adam : unroll::Rule::adamw;
  need(name == "sgd" || name == "rmsprop" || name == "adam" || name == "adamw", "rule: sgd, rmsprop, adam or adamw is needed.");
  return {{found, beta1, beta2, epsilon, alpha, momentum, weight_decay, clip_norm, clip_value, nullptr, nullptr, nullptr, nullptr}};
}

using Vector = nb::ndarray<nb::c_contig, nb::device::cpu, nb::ndim<1>>;

void* vector_of(const std::optional<Vector>& a, Number number, int64_t n, bool needed, const char* name) {
  if (a.has_value() != needed) throw nb::value_error((std::string(name) + (needed ? ": needed by this rule." : ": this rule has none.")).c_str());
  if (!a) return nullptr;
  if (Split::number_of(Any(*a)) != number || int64_t(a->shape(0)) != n)
    throw nb::value_error((std::string(name) + ": as long as the weights, and of their type, is needed.").c_str());
  return a->data();
}

// A call of either kind with what it computes on.
template <class Call>
Call call_of(const Split& split, Number number, const std::string& cell, int64_t hidden) {
  Call call{};
  call.shape = split.shape(calling::cell_named(cell), hidden);
  call.examples = split.examples();
  split.check(number);
  return call;
}

// What makes updates: an instruction set's kernels, or one instruction's for products of bfloat16.
struct Maker {
  const unroll::Kernels* whole = nullptr;
  const unroll::HalfKernels* half = nullptr;
  Maker(const std::string& isa, const std::string& products, Number number) {
    if (products == "float32") {
      whole = &calling::kernels(isa);
      return;
    }
    need(number == Number::float32, "weights: float32 is needed where products are of bfloat16.");
    half = &calling::half_kernels(products);
  }
  int64_t scratch(Number number, const unroll::UpdateCall& call) const { return half ? half->update_scratch(call) : whole->update_scratch(number, call); }
  void run(Number number, const unroll::UpdateCall& call, const unroll::Member& me) const {
    if (half)
      half->update(call, me);
    else
      whole->update(number, call, me);
  }
};

// Updates that are asked for: looked at once, when they are.
class Asked {
 public:
  Asked(const std::string& cell, int64_t hidden, const Split& split, const Rule& with, const Vector& weights, const Vector& gradient,
        const std::optional<Vector>& average, const std::optional<Vector>& square, const std::optional<Vector>& velocity,
        const Maybe<double, nb::ndim<1>>& powers, const Array<const int64_t, nb::ndim<1>>& order, int64_t batch,
        const Array<const double, nb::ndim<1>>& rates, double seconds, const Array<double, nb::ndim<1>>& losses,
        const Array<double, nb::ndim<1>>& norms, const Array<int64_t, nb::ndim<1>>& scored, const Array<int64_t, nb::ndim<1>>& done)
      : number(Split::number_of(Any(weights))),
        call(call_of<unroll::UpdateCall>(split, number, cell, hidden)),
        held_{split, weights, gradient, average, square, velocity, powers, order, rates, losses, norms, scored, done} {
    const int64_t n = unroll::Parts(call.shape).count;
    call.weights = vector_of(weights, number, n, true, "weights"), call.gradient = vector_of(gradient, number, n, true, "gradient");
    call.optimizer = with.o;
    unroll::Optimizer& o = call.optimizer;
    const bool adam = o.rule == unroll::Rule::adam || o.rule == unroll::Rule::adamw;
    o.average = vector_of(average, number, n, adam, "average");
    o.square = vector_of(square, number, n, adam || o.rule == unroll::Rule::rmsprop, "square");
    o.velocity = vector_of(velocity, number, n, o.momentum != 0, "velocity");
    need(powers.has_value() == adam && (!powers || powers->shape(0) == 2), "powers: two are needed by Adam, and none by others.");
    o.powers = powers ? powers->data() : nullptr;
    call.order = order.data(), call.sequences = int64_t(order.shape(0)), call.batch = batch;
    need(batch > 0, "batch: at least 1 is needed.");
    for (int64_t i = 0; i < call.sequences; ++i) need(call.order[i] >= 0 && call.order[i] < split.count(), "order: there is no such sequence.");
    const int64_t updates = (call.sequences + batch - 1) / batch;
    need(int64_t(rates.shape(0)) >= updates && int64_t(losses.shape(0)) >= updates && int64_t(norms.shape(0)) >= updates &&
             int64_t(scored.shape(0)) >= updates,
         "rates, losses, norms, scored: a number for each update is needed.");
    call.rates = rates.data(), call.seconds = seconds;
    call.losses = losses.data(), call.norms = norms.data(), call.scored = scored.data();
    need(done.shape(0) == 1, "done: one number is needed.");
    call.done = done.data();
  }
  Number number;
  unroll::UpdateCall call;

 private:
  struct Held {  // for as long as the pointers to it
    Split split;
    Vector weights, gradient;
    std::optional<Vector> average, square, velocity;
    Maybe<double, nb::ndim<1>> powers;
    Array<const int64_t, nb::ndim<1>> order;
    Array<const double, nb::ndim<1>> rates;
    Array<double, nb::ndim<1>> losses, norms;
    Array<int64_t, nb::ndim<1>> scored, done;
  } held_;
};

void update(const std::string& isa, const std::string& products, const Asked& asked) {
  const Maker maker(isa, products, asked.number);
  unroll::UpdateCall call = asked.call;
  const calling::Memory scratch(calling::bytes(asked.number) * std::size_t(maker.scratch(asked.number, call)));
  call.scratch = scratch.data;
  calling::run(1, [&](const unroll::Member& me) { maker.run(asked.number, call, me); });
}

void need_alike(const unroll::UpdateCall& a, const unroll::UpdateCall& b) {
  const unroll::Shape &s = a.shape, &t = b.shape;
  need(s.cell == t.cell && s.T == t.T && s.I == t.I && s.H == t.H && s.O == t.O, "cohort: all need one cell, and the same sizes.");
  const unroll::Examples &e = a.examples, &f = b.examples;
  need(e.readout == f.readout && e.S == f.S && !e.numbers == !f.numbers && !e.classes == !f.classes, "cohort: all need the same readout, and data of one kind.");
  const unroll::Optimizer &o = a.optimizer, &p = b.optimizer;
  need(o.rule == p.rule && !o.velocity == !p.velocity, "cohort: all need one optimizer.");
  need(a.sequences == b.sequences && a.batch == b.batch && a.seconds == b.seconds, "cohort: all need as many sequences, batches of one size, and one time.");
}

void update_cohort(const std::string& isa, const std::vector<const Asked*>& asked) {
  const unroll::Kernels& k = calling::kernels(isa);
  need(!asked.empty() && asked.size() <= std::size_t(unroll::kCohort), "cohort: 1 to 16 networks are needed.");
  std::vector<unroll::UpdateCall> updates;
  for (const Asked* one : asked) {
    need(one->number == Number::float32, "cohort: float32 is needed.");
    need(one->call.shape.H <= unroll::kCohortH, "cohort: at most 16 hidden units are possible.");
    for (const unroll::UpdateCall& other : updates) need(other.weights != one->call.weights, "cohort: each network needs its own weights.");
    updates.push_back(one->call);
    need_alike(updates.front(), one->call);
  }
  unroll::CohortCall call{updates.data(), int64_t(updates.size()), nullptr};
  const calling::Memory scratch(calling::bytes(Number::float32) * std::size_t(k.cohort_scratch(call)));
  call.scratch = scratch.data;
  calling::run(1, [&](const unroll::Member& me) { k.cohort(call, me); });
}

void evaluate(const std::string& isa, const std::string& cell_name, int64_t hidden, const Split& split, const Vector& weights, int64_t first,
              const Array<double, nb::ndim<1>>& losses, const Array<double, nb::ndim<1>>& furthest, const Array<int64_t, nb::ndim<1>>& scored,
              const Array<int64_t, nb::ndim<1>>& asked, const Array<int64_t, nb::ndim<1>>& right) {
  const unroll::Kernels& k = calling::kernels(isa);
  const Number number = Split::number_of(Any(weights));
  auto call = call_of<unroll::EvaluationCall>(split, number, cell_name, hidden);
  call.weights = vector_of(weights, number, unroll::Parts(call.shape).count, true, "weights");
  call.first = first, call.count = int64_t(losses.shape(0));
  need(first >= 0 && call.count > 0 && first + call.count <= split.count(), "first: there are no such sequences.");
  need(int64_t(furthest.shape(0)) == call.count && int64_t(scored.shape(0)) == call.count && int64_t(asked.shape(0)) == call.count && int64_t(right.shape(0)) == call.count,
       "losses, furthest, scored, asked, right: one number for each sequence is needed.");
  call.losses = losses.data(), call.furthest = furthest.data(), call.scored = scored.data(), call.asked = asked.data(), call.right = right.data();
  const calling::Memory scratch(calling::bytes(number) * std::size_t(k.evaluation_scratch(number, call)));
  call.scratch = scratch.data;
  calling::run(1, [&](const unroll::Member& me) { k.evaluate(number, call, me); });
}

using Rows = nb::ndarray<nb::c_contig, nb::device::cpu, nb::ndim<2>>;

void* rows_of(const Rows& a, Number number, int64_t rows, int64_t columns, const char* name) {
  if (Split::number_of(Any(a)) != number || int64_t(a.shape(0)) != rows || int64_t(a.shape(1)) != columns)
    throw nb::value_error((std::string(name) + ": a row for each sequence, of the weights' type, is needed.").c_str());
  return a.data();
}

void steps(const std::string& isa, const std::string& cell_name, const Vector& weights, const nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu, nb::ndim<3>>& x,
           const Rows& h, const std::optional<Rows>& c, const Rows& out) {
  const unroll::Kernels& k = calling::kernels(isa);
  const Number number = Split::number_of(Any(weights));
  unroll::StepsCall call{};
  call.rows = int64_t(x.shape(0));
  call.shape = {calling::cell_named(cell_name), int64_t(x.shape(1)), int64_t(x.shape(2)), int64_t(h.shape(1)), int64_t(out.shape(1))};
  need(call.rows > 0 && call.shape.T > 0 && call.shape.I > 0 && call.shape.H > 0 && call.shape.O > 0, "x, h, out: none may be empty.");
  need(Split::number_of(Any(x)) == number, "x: of the weights' type is needed.");
  call.weights = vector_of(weights, number, unroll::Parts(call.shape).count, true, "weights");
  call.x = x.data();
  call.h = rows_of(h, number, call.rows, call.shape.H, "h");
  need(c.has_value() == (call.shape.cell == unroll::Cell::lstm), "c: an LSTM has one, and no other cell.");
  call.c = c ? rows_of(*c, number, call.rows, call.shape.H, "c") : nullptr;
  call.out = rows_of(out, number, call.rows, call.shape.O, "out");
  const calling::Memory scratch(calling::bytes(number) * std::size_t(k.steps_scratch(number, call)));
  call.scratch = scratch.data;
  calling::run(1, [&](const unroll::Member& me) { k.steps(number, call, me); });
}

}  // namespace

void bind_updates(nb::module_& m) {
  nb::class_<Split>(m, "Split", "Sequences, targets, and which steps are read.")
      .def(nb::init<const Any&, const Any&, const Maybe<const int32_t, nb::ndim<2>>&, const Maybe<const bool, nb::ndim<2>>&, int64_t, int64_t,
                    const std::string&>(),
           nb::arg("x"), nb::arg("y"), nb::arg("at").none(), nb::arg("asked").none(), nb::arg("inputs"), nb::arg("outputs"), nb::arg("readout"));
  nb::class_<Rule>(m, "Rule", "An optimizer and the bounds on its gradient.");
  m.def("rule", &rule, nb::arg("name"), nb::arg("beta1"), nb::arg("beta2"), nb::arg("epsilon"), nb::arg("alpha"), nb::arg("momentum"),
        nb::arg("weight_decay"), nb::arg("clip_norm"), nb::arg("clip_value"), "An optimizer by its name.");
  nb::class_<Asked>(m, "Asked", "Updates that are asked for.")
      .def(nb::init<const std::string&, int64_t, const Split&, const Rule&, const Vector&, const Vector&, const std::optional<Vector>&,
                    const std::optional<Vector>&, const std::optional<Vector>&, const Maybe<double, nb::ndim<1>>&,
                    const Array<const int64_t, nb::ndim<1>>&, int64_t, const Array<const double, nb::ndim<1>>&, double,
                    const Array<double, nb::ndim<1>>&, const Array<double, nb::ndim<1>>&, const Array<int64_t, nb::ndim<1>>&,
                    const Array<int64_t, nb::ndim<1>>&>(),
           nb::arg("cell"), nb::arg("hidden"), nb::arg("split"), nb::arg("rule"), nb::arg("weights"), nb::arg("gradient"), nb::arg("average").none(),
           nb::arg("square").none(), nb::arg("velocity").none(), nb::arg("powers").none(), nb::arg("order"), nb::arg("batch"), nb::arg("rates"),
           nb::arg("seconds"), nb::arg("losses"), nb::arg("norms"), nb::arg("scored"), nb::arg("done"));
  m.def("update", &update, nb::arg("isa"), nb::arg("products"), nb::arg("asked"), "Make updates.");
  m.def("update_cohort", &update_cohort, nb::arg("isa"), nb::arg("asked"), "Make updates of several networks, each as it would alone.");
  m.def("evaluate", &evaluate, nb::arg("isa"), nb::arg("cell"), nb::arg("hidden"), nb::arg("split"), nb::arg("weights"), nb::arg("first"),
        nb::arg("losses"), nb::arg("furthest"), nb::arg("scored"), nb::arg("asked"), nb::arg("right"), "Sum up the losses of some sequences.");
  m.def("steps", &steps, nb::arg("isa"), nb::arg("cell"), nb::arg("weights"), nb::arg("x"), nb::arg("h"), nb::arg("c").none(), nb::arg("out"),
        "Go on from states, and read the last.");
}
