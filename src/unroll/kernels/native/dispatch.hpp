// Which instruction sets this binary holds and this processor runs.
#pragma once

#include "call.hpp"

namespace unroll {

// The kernels of a named instruction set ("v2", "v3", "v4", "neon"), or null where the binary lacks it or the processor does.
const Kernels* kernels_for(const char* isa);

// The i-th usable set, the fastest first; null past the last.
const Kernels* usable_kernels(int i);

// Flushes denormals in this thread for as long as it lives, and leaves the floating-point state as it was, flags included:
// a vanishing gradient would otherwise become denormal numbers, which cost two to seven times.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned long long before_;
};

unsigned long long float_mode();  // MXCSR or FPCR, for tests

}  // namespace unroll
