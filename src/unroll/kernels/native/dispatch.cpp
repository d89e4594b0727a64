#include "dispatch.hpp"

#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace unroll {

#if defined(UNROLL_X86)
namespace v2 {
extern const Kernels kernels;
}
namespace v3 {
extern const Kernels kernels;
}
namespace v4 {
extern const Kernels kernels;
}
#else
namespace neon {
extern const Kernels kernels;
}
#endif

const Kernels* usable_kernels(int i) {
#if defined(UNROLL_X86)
  static const bool has_v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  static const bool has_v3 = has_v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  static const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                             __builtin_cpu_supports("avx512vl");
  const Kernels* const all[] = {has_v4 ? &v4::kernels : nullptr, has_v3 ? &v3::kernels : nullptr,
                                has_v2 ? &v2::kernels : nullptr};
#else
  const Kernels* const all[] = {&neon::kernels};
#endif
  for (const Kernels* k : all)
    if (k && i-- == 0) return k;
  return nullptr;
}

const Kernels* kernels_for(const char* isa) {
  for (int i = 0; const Kernels* k = usable_kernels(i); ++i)
    if (std::strcmp(k->isa, isa) == 0) return k;
  return nullptr;
}

#if defined(__SSE2__)
unsigned long long float_mode() { return _mm_getcsr(); }
static void set_float_mode(unsigned long long mode) { _mm_setcsr(static_cast<unsigned>(mode)); }
static constexpr unsigned long long kPlain = 0x1f80;  // every exception masked
#elif defined(__aarch64__)
unsigned long long float_mode() {
  unsigned long long mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static void set_float_mode(unsigned long long mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
static constexpr unsigned long long kPlain = 0;
#else
unsigned long long float_mode() { return 0; }
static void set_float_mode(unsigned long long) {}
static constexpr unsigned long long kPlain = 0;
#endif

FloatMode::FloatMode(unsigned long long mode) : before_(float_mode()) { set_float_mode(mode); }
FloatMode::~FloatMode() { set_float_mode(before_); }
PlainMode::PlainMode() : FloatMode(kPlain) {}

}  // namespace unroll
