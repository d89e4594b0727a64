#include "dispatch.hpp"

#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(UNROLL_BF16)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
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

#if defined(UNROLL_BF16)
namespace amx_bf16 {
extern const HalfKernels kernels;
}
namespace avx512_bf16 {
extern const HalfKernels kernels;
}

namespace {

bool has_avx512_bf16() {
  unsigned a = 0, b, c, d;
  return kernels_for("v4") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

// The tile registers are there, the system saves them with a thread's state, and lets this process have them.
bool has_amx_bf16() {
#if defined(__linux__)
  constexpr unsigned long kTileState = 18, kAskFor = 0x1023;  // ARCH_REQ_XCOMP_PERM
  unsigned a, b, c, d = 0, saved = 0, more;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;  // may XCR0 be read?
  asm volatile("xgetbv" : "=a"(saved), "=d"(more) : "c"(0));
  return (saved >> 17 & 3) == 3 && has_avx512_bf16() && syscall(SYS_arch_prctl, kAskFor, kTileState) == 0;
#else
  return false;
#endif
}

}  // namespace

const HalfKernels* usable_half_kernels(int i) {
  static const bool has_amx = has_amx_bf16(), has_dot = has_avx512_bf16();
  const HalfKernels* const all[] = {has_amx ? &amx_bf16::kernels : nullptr, has_dot ? &avx512_bf16::kernels : nullptr};
  for (const HalfKernels* k : all)
    if (k && i-- == 0) return k;
  return nullptr;
}
#else
const HalfKernels* usable_half_kernels(int) { return nullptr; }
#endif

const HalfKernels* half_kernels_for(const char* instruction) {
  for (int i = 0; const HalfKernels* k = usable_half_kernels(i); ++i)
    if (std::strcmp(k->instruction, instruction) == 0) return k;
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
