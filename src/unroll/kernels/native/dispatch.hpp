// Which instruction sets this binary holds and this processor runs.
#pragma once

#include "call.hpp"

namespace unroll {

// The kernels of a named instruction set ("v2", "v3", "v4", "neon"), or null where the binary lacks it or the processor does.
const Kernels* kernels_for(const char* isa);

// The i-th usable set, the fastest first; null past the last.
const Kernels* usable_kernels(int i);

// The same of instructions for products of bfloat16 ("amx_bf16", "avx512_bf16").
const HalfKernels* half_kernels_for(const char* instruction);
const HalfKernels* usable_half_kernels(int i);

unsigned long long float_mode();  // MXCSR or FPCR of this thread

// Sets this thread's floating-point mode for as long as it lives, and leaves the state as it was, flags included.
class FloatMode {
 public:
  explicit FloatMode(unsigned long long mode);
  ~FloatMode();
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  unsigned long long before_;
};

// Arithmetic as IEEE 754 has it, whatever mode the caller is in: to nearest, and small numbers are not flushed, which processors do
// not do alike (some before they round, some after). The kernels cut them where they arise; see vec.hpp.
class PlainMode : FloatMode {
 public:
  PlainMode();
};

}  // namespace unroll
