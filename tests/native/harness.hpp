// What the programs share that run kernels: buffers, a call with a team, the instruction sets that a command line names.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "dispatch.hpp"
#include "team.hpp"

namespace harness {

using unroll::Cell;
using unroll::Number;

inline const char* const kNames[] = {"tanh_rnn", "relu_rnn", "gru", "lstm"};
inline int failures = 0;

// Numbers of one type, aligned to 64 bytes, with nothing behind the last; all NaN at first.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t n) : size_(n) {
    if (posix_memalign(reinterpret_cast<void**>(&data_), 64, n ? n * sizeof(T) : 1) != 0) std::abort();
    for (std::size_t i = 0; i < n; ++i) data_[i] = std::numeric_limits<T>::quiet_NaN();
  }
  explicit Buffer(const std::vector<double>& from) : Buffer(from.size()) {
    for (std::size_t i = 0; i < size_; ++i) data_[i] = T(from[i]);
  }
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return size_ ? data_ : nullptr; }
  std::size_t size() const { return size_; }
  T operator[](std::size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

// Runs a kernel with a team, the scratch memory just as long as was asked for.
template <class T, class Call>
void run(const unroll::Kernels& kernels, void (*kernel)(Cell, Number, const Call&, const unroll::Member&), Cell cell, bool backward, int members, Call call) {
  const Number number = sizeof(T) == 4 ? Number::float32 : Number::float64;
  const Buffer<T> scratch(kernels.scratch_size(cell, number, call.sizes, backward, members));
  call.scratch = scratch.get();
  const unsigned long long mode = unroll::float_mode();
  const auto job = [&](const unroll::Member& me) { kernel(cell, number, call, me); };
  unroll::Team team(members, nullptr, nullptr);
  team.run([](void* work, const unroll::Member& me) { (*static_cast<decltype(job)*>(work))(me); }, const_cast<void*>(static_cast<const void*>(&job)));
  if (unroll::float_mode() == mode) return;
  ++failures;
  std::printf("WRONG %s: the floating-point mode is not as it was\n", kernels.isa);
}

// The sets that are named from the second word of a command line on; empty where one is not here.
inline std::vector<const unroll::Kernels*> sets_named(int count, char** words) {
  std::vector<const unroll::Kernels*> sets;
  for (int i = 2; i < count; ++i) {
    sets.push_back(unroll::kernels_for(words[i]));
    if (sets.back()) continue;
    std::fprintf(stderr, "%s: this binary or this processor does not have it.\n", words[i]);
    return {};
  }
  return sets;
}

}  // namespace harness
