// What the doors to Python share: names, scratch memory, and a call without the GIL.
#pragma once

#include <nanobind/nanobind.h>

#include <new>
#include <string>

#include "dispatch.hpp"
#include "memory.hpp"
#include "team.hpp"

namespace calling {

struct Memory {  // scratch for the time of a call
  explicit Memory(std::size_t size) : bytes(size), data(unroll::take_block(size)) {
    if (!data) throw std::bad_alloc();
  }
  ~Memory() { unroll::give_block(data, bytes); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::size_t bytes;
  void* data;
};

[[noreturn]] inline void bad_value(const std::string& text) { throw nanobind::value_error(text.c_str()); }
[[noreturn]] inline void bad_type(const std::string& text) { throw nanobind::type_error(text.c_str()); }

inline std::size_t bytes(unroll::Number number) { return number == unroll::Number::float32 ? 4 : 8; }

inline const unroll::Kernels& kernels(const std::string& isa) {
  const unroll::Kernels* found = unroll::kernels_for(isa.c_str());
  if (!found) bad_value("isa \"" + isa + "\": this binary or this processor does not have it.");
  return *found;
}

inline const unroll::HalfKernels& half_kernels(const std::string& instruction) {
  const unroll::HalfKernels* found = unroll::half_kernels_for(instruction.c_str());
  if (!found) bad_value("instruction \"" + instruction + "\": this binary or this processor does not have it.");
  return *found;
}

inline unroll::Cell cell_named(const std::string& name) {
  if (name == "tanh_rnn") return unroll::Cell::tanh_rnn;
  if (name == "relu_rnn") return unroll::Cell::relu_rnn;
  if (name == "gru") return unroll::Cell::gru;
  if (name == "lstm") return unroll::Cell::lstm;
  bad_value("cell \"" + name + "\": tanh_rnn, relu_rnn, gru or lstm is needed.");
}

// Runs signal handlers that wait, in the caller's floating-point mode; true where one raised.
inline bool raised_by_signal(void* callers_mode) {
  const nanobind::gil_scoped_acquire held;
  const unroll::FloatMode found(*static_cast<const unsigned long long*>(callers_mode));
  return PyErr_CheckSignals() != 0;
}

// Leaves the GIL, and runs a job in so many members; what a signal's handler raises comes out.
template <class Job>
void run(int members, Job job) {
  unsigned long long mode = unroll::float_mode();
  unroll::Team team(members, raised_by_signal, &mode);
  {
    const nanobind::gil_scoped_release released;
    team.run([](void* p, const unroll::Member& me) { (*static_cast<Job*>(p))(me); }, &job);
  }
  if (team.given_up()) throw nanobind::python_error();
}

}  // namespace calling
