// The Python module `unroll.kernels._native`: checks every argument, then runs a kernel without the GIL.
//
// Nothing is written before all checks have passed. Wrong kinds of arguments (dtype, device, read-only) raise TypeError; wrong
// shapes, strides and overlaps raise ValueError; both name the argument, what is needed and what came. A signal's handler that
// raises (Ctrl-C) ends a call within a tenth of a second, and its exception comes out; the outputs are then worth nothing.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "call.hpp"
#include "calling.hpp"
#include "update/bindings.hpp"

namespace nb = nanobind;
using calling::bad_type;
using calling::bad_value;
using calling::cell_named;
using calling::kernels;
using calling::Memory;
using unroll::Cell;
using unroll::Number;

namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

// Looks at each argument once; remembers where inputs and outputs lie, so that overlaps are found before the kernel runs.
class Arguments {
 public:
  Number number() const { return number_; }

  // The lane axis may be left out, of all arguments together. x and w_hh come first: x fixes the number type, and both together the sizes. (A DLPack capsule can be opened only once.)
  unroll::Sizes sizes(nb::handle x, nb::handle w_hh) {
    x_ = array<nb::ro>(x, "x", "a CPU array");
    w_hh_ = array<nb::ro>(w_hh, "w_hh", "a CPU array");
    if (x_.dtype() == nb::dtype<float>())
      number_ = Number::float32;
    else if (x_.dtype() == nb::dtype<double>())
      number_ = Number::float64;
    else
      bad_type("x: float32 or float64 is needed.");
    laned_ = x_.ndim() != 3;
    const std::vector<int64_t> s = whole(x_, "x", 4), w = whole(w_hh_, "w_hh", 3);
    return {s[0], s[1], s[2], s[3], w[2]};
  }
  const void* x(std::initializer_list<int64_t> shape) { return in(x_, "x", shape); }
  const void* w_hh(std::initializer_list<int64_t> shape) { return in(w_hh_, "w_hh", shape); }

  const void* in(nb::handle h, const char* name, std::initializer_list<int64_t> shape, bool may_be_none = false) {
    if (h.is_none()) {
      if (!may_be_none) bad_type(std::string(name) + ": an array is needed, None came.");
      return nullptr;
    }
    return in(array<nb::ro>(h, name, "a CPU array"), name, shape);
  }

  void* out(nb::handle h, const char* name, std::initializer_list<int64_t> shape, bool may_be_none = false) {
    if (h.is_none()) {
      if (!may_be_none) bad_type(std::string(name) + ": an array is needed, None came.");
      return nullptr;
    }
    nb::ndarray<> a = array<>(h, name, "a writable CPU array");
    check(a, name, shape);
    held_out_.push_back(a);
    outputs_.push_back({name, static_cast<const char*>(a.data()), a.nbytes()});
    return a.data();
  }

  // (K, B) int64, each from 1 to T and never rising along B.
  const int64_t* lengths(nb::handle h, const unroll::Sizes& s) {
    if (h.is_none()) return nullptr;
    nb::ndarray<nb::ro> a = array<nb::ro>(h, "lengths", "a CPU array");
    if (a.dtype() != nb::dtype<int64_t>()) bad_type("lengths: int64 is needed.");
    check_shape(a, "lengths", {s.K, s.B});
    const int64_t* data = static_cast<const int64_t*>(a.data());
    for (int64_t k = 0; k < s.K; ++k)
      for (int64_t b = 0; b < s.B; ++b) {
        const int64_t n = data[k * s.B + b];
        if (n < 1 || n > s.T || (b && n > data[k * s.B + b - 1]))
          bad_value("lengths: from 1 to T and never rising is needed; number " + std::to_string(b) + " is " + std::to_string(n) + ".");
      }
    held_.push_back(a);
    inputs_.push_back({"lengths", static_cast<const char*>(a.data()), a.nbytes()});
    return data;
  }

  void refuse_overlaps() const {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      for (const Range& other : inputs_) refuse(outputs_[i], other);
      for (std::size_t j = i + 1; j < outputs_.size(); ++j) refuse(outputs_[i], outputs_[j]);
    }
  }

 private:
  struct Range {
    const char* name;
    const char* data;
    std::size_t bytes;
  };

  template <class... Options>
  static nb::ndarray<Options...> array(nb::handle h, const char* name, const char* needed) {
    nb::ndarray<Options...> a;
    if (!nb::try_cast(h, a) || a.device_type() != nb::device::cpu::value)
      bad_type(std::string(name) + ": " + needed + " is needed, " + nb::type_name(h.type()).c_str() + " came.");
    return a;
  }

  const void* in(const nb::ndarray<nb::ro>& a, const char* name, std::initializer_list<int64_t> shape) {
    check(a, name, shape);
    held_.push_back(a);
    inputs_.push_back({name, static_cast<const char*>(a.data()), a.nbytes()});
    return a.data();
  }

  // The shape with the lane axis, 1 where it was left out.
  template <class Array>
  std::vector<int64_t> shape_of(const Array& a) const {
    std::vector<int64_t> shape;
    if (!laned_) shape.push_back(1);
    for (std::size_t i = 0; i < a.ndim(); ++i) shape.push_back(int64_t(a.shape(i)));
    return shape;
  }

  std::vector<int64_t> whole(const nb::ndarray<nb::ro>& a, const char* name, std::size_t rank) const {
    const std::vector<int64_t> shape = shape_of(a);
    if (shape.size() != rank)
      bad_value(std::string(name) + ": " + std::to_string(rank) + " axes are needed (the first, of lanes, may be left out of all), " +
                std::to_string(a.ndim()) + " came.");
    for (int64_t n : shape)
      if (n < 1) bad_value(std::string(name) + ": no axis may be empty, " + shape_text(shape) + " came.");
    return shape;
  }

  template <class Array>
  void check(const Array& a, const char* name, std::initializer_list<int64_t> shape) const {
    const bool single = number_ == Number::float32;
    if (a.dtype() != (single ? nb::dtype<float>() : nb::dtype<double>()))
      bad_type(std::string(name) + ": " + (single ? "float32" : "float64") + " is needed, as x has.");
    check_shape(a, name, shape);
  }

  template <class Array>
  void check_shape(const Array& a, const char* name, std::initializer_list<int64_t> shape) const {
    const std::vector<int64_t> needed(shape), came = shape_of(a);
    if (came != needed)
      bad_value(std::string(name) + ": shape " + shape_text(needed) + " is needed, " + shape_text(came) + " came (lanes first).");
    int64_t stride = 1;
    for (std::size_t i = a.ndim(); i-- > 0; stride *= int64_t(a.shape(i)))
      if (a.shape(i) > 1 && a.stride(i) != stride) bad_value(std::string(name) + ": must be contiguous.");
  }

  static void refuse(const Range& a, const Range& b) {
    if (a.bytes && b.bytes && a.data < b.data + b.bytes && b.data < a.data + a.bytes)
      bad_value(std::string(a.name) + " and " + b.name + " share memory.");
  }

  Number number_ = Number::float32;
  bool laned_ = true;
  nb::ndarray<nb::ro> x_, w_hh_;
  std::vector<Range> inputs_, outputs_;
  // An array that came as a DLPack capsule belongs to us alone: without these it would be freed before the kernel runs.
  std::vector<nb::ndarray<nb::ro>> held_;
  std::vector<nb::ndarray<>> held_out_;
};

void refuse_misaligned(const void* saved) {
  if (reinterpret_cast<std::uintptr_t>(saved) % 64) bad_value("saved: must be aligned to 64 bytes; use take_saved.");
}

// Takes scratch memory, and runs a kernel in as many threads as pay.
template <class Call>
void run(const unroll::Kernels& k, void (*kernel)(Cell, Number, const Call&, const unroll::Member&), Cell cell, Number number, Call call,
         bool backward, int threads) {
  if (threads < 1) bad_value("threads: at least 1 is needed, " + std::to_string(threads) + " came.");
  const int members = unroll::members_for(cell, number, call.sizes, backward, threads);
  const Memory scratch(calling::bytes(number) * std::size_t(k.scratch_size(cell, number, call.sizes, backward, members)));
  call.scratch = scratch.data;
  calling::run(members, [&](const unroll::Member& me) { kernel(cell, number, call, me); });
}

void forward(const std::string& cell_name, const std::string& isa, nb::handle x, nb::handle w_ih, nb::handle w_hh, nb::handle b_ih,
             nb::handle b_hh, nb::handle h0, nb::handle c0, nb::handle lengths, nb::handle y, nb::handle h_n, nb::handle c_n, nb::handle saved, int threads) {
  const unroll::Kernels& k = kernels(isa);
  const Cell cell = cell_named(cell_name);
  const bool lstm = cell == Cell::lstm;
  Arguments a;
  const auto s = a.sizes(x, w_hh);
  const int64_t GH = unroll::gates_of(cell) * s.H;
  unroll::ForwardCall call{};
  call.sizes = s;
  call.x = a.x({s.K, s.B, s.T, s.I});
  call.w_ih = a.in(w_ih, "w_ih", {s.K, GH, s.I});
  call.w_hh = a.w_hh({s.K, GH, s.H});
  call.b_ih = a.in(b_ih, "b_ih", {s.K, GH}, true);
  call.b_hh = a.in(b_hh, "b_hh", {s.K, GH}, true);
  call.h0 = a.in(h0, "h0", {s.K, s.B, s.H}, true);
  if (!lstm && !(c0.is_none() && c_n.is_none())) bad_type("c0, c_n: only the LSTM has a cell state.");
  call.c0 = a.in(c0, "c0", {s.K, s.B, s.H}, true);
  call.lengths = a.lengths(lengths, s);
  call.y = a.out(y, "y", {s.K, s.B, s.T, s.H}, true);
  call.h_n = a.out(h_n, "h_n", {s.K, s.B, s.H});
  call.c_n = a.out(c_n, "c_n", {s.K, s.B, s.H}, !lstm);
  call.saved = a.out(saved, "saved", {s.K, unroll::saved_size(cell, s)}, true);
  refuse_misaligned(call.saved);
  a.refuse_overlaps();
  run(k, k.forward, cell, a.number(), call, false, threads);
}

void backward(const std::string& cell_name, const std::string& isa, nb::handle x, nb::handle w_ih, nb::handle w_hh,
              nb::handle lengths, nb::handle saved, nb::handle dy, nb::handle dh_n, nb::handle dc_n, nb::handle dx, nb::handle dw_ih, nb::handle dw_hh,
              nb::handle db_ih, nb::handle db_hh, nb::handle dh0, nb::handle dc0, int threads) {
  const unroll::Kernels& k = kernels(isa);
  const Cell cell = cell_named(cell_name);
  const bool lstm = cell == Cell::lstm;
  Arguments a;
  const auto s = a.sizes(x, w_hh);
  const int64_t GH = unroll::gates_of(cell) * s.H;
  unroll::BackwardCall call{};
  call.sizes = s;
  call.x = a.x({s.K, s.B, s.T, s.I});
  call.w_ih = a.in(w_ih, "w_ih", {s.K, GH, s.I});
  call.w_hh = a.w_hh({s.K, GH, s.H});
  if (!lstm && !(dc_n.is_none() && dc0.is_none())) bad_type("dc_n, dc0: only the LSTM has a cell state.");
  call.lengths = a.lengths(lengths, s);
  call.saved = a.in(saved, "saved", {s.K, unroll::saved_size(cell, s)});
  refuse_misaligned(call.saved);
  call.dy = a.in(dy, "dy", {s.K, s.B, s.T, s.H}, true);
  call.dh_n = a.in(dh_n, "dh_n", {s.K, s.B, s.H}, true);
  call.dc_n = a.in(dc_n, "dc_n", {s.K, s.B, s.H}, true);
  call.dx = a.out(dx, "dx", {s.K, s.B, s.T, s.I}, true);
  call.dw_ih = a.out(dw_ih, "dw_ih", {s.K, GH, s.I});
  call.dw_hh = a.out(dw_hh, "dw_hh", {s.K, GH, s.H});
  call.db_ih = a.out(db_ih, "db_ih", {s.K, GH}, true);
  call.db_hh = a.out(db_hh, "db_hh", {s.K, GH}, true);
  call.dh0 = a.out(dh0, "dh0", {s.K, s.B, s.H}, true);
  call.dc0 = a.out(dc0, "dc0", {s.K, s.B, s.H}, true);
  a.refuse_overlaps();
  run(k, k.backward, cell, a.number(), call, true, threads);
}

// A (K, saved_size) tensor, or (saved_size,) for K = 0, which is one lane without its axis, on a kept block, which returns to the unused ones when the tensor dies.
template <class T>
nb::object saved_tensor(int64_t K, int64_t n, bool laned) {
  struct Owner {
    void* block;
    std::size_t bytes;
  };
  const std::size_t bytes = std::size_t(K) * std::size_t(n) * sizeof(T);
  void* block = unroll::take_block(bytes);
  if (!block) throw std::bad_alloc();
  nb::capsule owner(new Owner{block, bytes}, [](void* p) noexcept {
    Owner* o = static_cast<Owner*>(p);
    unroll::give_block(o->block, o->bytes);
    delete o;
  });
  if (!laned) return nb::cast(nb::ndarray<nb::pytorch, T>(block, {std::size_t(n)}, owner));
  return nb::cast(nb::ndarray<nb::pytorch, T>(block, {std::size_t(K), std::size_t(n)}, owner));
}

nb::object take_saved(const std::string& cell_name, int64_t K, int64_t B, int64_t T, int64_t H, bool single) {
  const bool laned = K != 0;
  if (!laned) K = 1;
  if (K < 1 || B < 1 || T < 1 || H < 1) bad_value("take_saved: sizes must be at least 1.");
  const int64_t n = unroll::saved_size(cell_named(cell_name), {K, B, T, 1, H});
  return single ? saved_tensor<float>(K, n, laned) : saved_tensor<double>(K, n, laned);
}

void activate(const std::string& isa, const std::string& function, nb::ndarray<nb::ro, float, nb::ndim<1>, nb::c_contig> x,
              nb::ndarray<float, nb::ndim<1>, nb::c_contig> y) {
  if (x.shape(0) != y.shape(0)) bad_value("x and y must be of one length.");
  if (function != "logistic" && function != "tanh") bad_value("function: logistic or tanh is needed.");
  const unroll::Kernels& k = kernels(isa);
  nb::gil_scoped_release released;
  unroll::PlainMode plain;
  k.activate(function == "tanh" ? 1 : 0, static_cast<const float*>(x.data()), static_cast<float*>(y.data()), int64_t(x.shape(0)));
}

void half_product(const std::string& instruction, nb::ndarray<nb::ro, float, nb::ndim<2>, nb::c_contig> a,
                  nb::ndarray<nb::ro, float, nb::ndim<2>, nb::c_contig> b, nb::ndarray<float, nb::ndim<2>, nb::c_contig> c) {
  const int64_t rows = int64_t(a.shape(0)), k = int64_t(a.shape(1)), columns = int64_t(b.shape(1));
  if (int64_t(b.shape(0)) != k || int64_t(c.shape(0)) != rows || int64_t(c.shape(1)) != columns || columns % 16) bad_value("a, b, c: (rows, k), (k, columns) and (rows, columns) are needed, columns in blocks of 16.");
  const unroll::HalfKernels& kernels = calling::half_kernels(instruction);
  const Memory scratch(sizeof(float) * std::size_t(kernels.multiply_scratch(rows, columns, k))), sums(c.nbytes());
  std::memcpy(sums.data, c.data(), c.nbytes());  // to where it is aligned
  const nb::gil_scoped_release released;
  const unroll::PlainMode plain;
  kernels.multiply(rows, columns, k, static_cast<const float*>(a.data()), static_cast<const float*>(b.data()), static_cast<float*>(sums.data), scratch.data);
  std::memcpy(c.data(), sums.data, c.nbytes());
}

nb::list half_instructions() {
  nb::list names;
  for (int i = 0; const unroll::HalfKernels* k = unroll::usable_half_kernels(i); ++i) names.append(k->instruction);
  return names;
}

nb::list isas() {
  nb::list names;
  for (int i = 0; const unroll::Kernels* k = unroll::usable_kernels(i); ++i) names.append(k->isa);
  return names;
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Recurrent kernels in C++; see call.hpp for every buffer.";
  m.def("isas", &isas, "Instruction sets that this binary and this processor both have, the fastest first.");
  m.def("half_instructions", &half_instructions,
        "Instructions for products of bfloat16 that this binary and this processor both have, the fastest first. Asks the system for AMX.");
  m.def("half_product", &half_product, nb::arg("instruction"), nb::arg("a"), nb::arg("b"), nb::arg("c"), "c += a b; for tests.");
  m.def("forward", &forward, nb::arg("cell"), nb::arg("isa"), nb::arg("x").none(), nb::arg("w_ih").none(), nb::arg("w_hh").none(),
        nb::arg("b_ih").none(), nb::arg("b_hh").none(), nb::arg("h0").none(), nb::arg("c0").none(), nb::arg("lengths").none(), nb::arg("y").none(),
        nb::arg("h_n").none(), nb::arg("c_n").none(), nb::arg("saved").none(), nb::arg("threads") = 1, "Run a layer over all steps.");
  m.def("backward", &backward, nb::arg("cell"), nb::arg("isa"), nb::arg("x").none(), nb::arg("w_ih").none(), nb::arg("w_hh").none(),
        nb::arg("lengths").none(), nb::arg("saved").none(), nb::arg("dy").none(), nb::arg("dh_n").none(), nb::arg("dc_n").none(),
        nb::arg("dx").none(), nb::arg("dw_ih").none(), nb::arg("dw_hh").none(), nb::arg("db_ih").none(), nb::arg("db_hh").none(),
        nb::arg("dh0").none(), nb::arg("dc0").none(), nb::arg("threads") = 1, "Run backward through time.");
  m.def("take_saved", &take_saved, nb::arg("cell"), nb::arg("K"), nb::arg("B"), nb::arg("T"), nb::arg("H"), nb::arg("single"),
        "A tensor for what forward saves.");
  m.def("activate", &activate, nb::arg("isa"), nb::arg("function"), nb::arg("x"), nb::arg("y"), "tanh or logistic; for tests.");
  m.def("multiply_adds", [](const std::string& isa, int64_t rounds) {
    const unroll::Kernels& k = kernels(isa);
    nb::gil_scoped_release released;
    return k.multiply_adds(rounds);
  }, nb::arg("isa"), nb::arg("rounds"), "Independent FMAs; returns the number of operations. For benchmarks.");
  m.def("float_mode", [] { return unroll::float_mode(); }, "MXCSR or FPCR of this thread.");
  m.def("empty_blocks", [] { unroll::empty_blocks(); }, "Give unused blocks back to the system.");
  bind_updates(m);
  m.def("spoil_blocks", [] { unroll::spoil_blocks(); }, "Fill unused blocks with NaN. For tests.");
  m.def("unused_bytes", [] { return unroll::unused_bytes(); }, "Bytes kept for later calls.");
}
