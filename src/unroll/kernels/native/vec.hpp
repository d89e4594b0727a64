// Vectors of the widest kind that the instruction set has, through the vector extensions of GCC and Clang.
//
// This file is compiled once per instruction set. Everything in it lives in UNROLL_NS, a namespace named after the set, and
// no template of the standard library is used: the linker keeps one copy of each inline function, and a copy compiled for
// AVX-512 must never be the one that an older processor runs.
#pragma once

#include <cstdint>

#if defined(__AVX__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define UNROLL_INLINE inline __attribute__((always_inline))

namespace unroll {
namespace UNROLL_NS {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kAccumulators = 24;  // of 32 registers
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
constexpr int kAccumulators = 12;  // of 16
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16;
constexpr int kAccumulators = 24;  // of 32
#else
constexpr int kVectorBytes = 16;
constexpr int kAccumulators = 8;  // of 16; without FMA the products need registers too
#endif

#if defined(__FMA__) || defined(__aarch64__)
constexpr bool kFused = true;  // a * b + c is rounded once
#else
constexpr bool kFused = false;
#endif

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(kVectorBytes), may_alias));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
constexpr int kLanes = kVectorBytes / int(sizeof(T));

typedef int32_t IntVec __attribute__((vector_size(kVectorBytes), may_alias));

template <class T>
UNROLL_INLINE Vec<T> load(const T* p) {  // p is aligned to a vector
  return *reinterpret_cast<const Vec<T>*>(p);
}
template <class T>
UNROLL_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<Vec<T>*>(p) = v;
}

// Past the caches, where a vector is a whole line of them: a part of a line would be written to memory as often as it has parts.
// Another thread sees it after a fence.
template <class T>
UNROLL_INLINE void store_past_caches(T* p, Vec<T> v) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(p), (__m512i)v);
#else
  store(p, v);
#endif
}
UNROLL_INLINE void fence_past_caches() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}
template <class T>
UNROLL_INLINE Vec<T> splat(T x) {
  return x - Vec<T>{};  // x - 0 keeps the sign of a zero; 0 + x would not
}

// Clamps that let NaN through: a NaN compares false and stays. x86's min and max return their second operand where either
// is NaN, so x comes second.
template <class T>
UNROLL_INLINE Vec<T> at_least(Vec<T> x, T low) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return (Vec<T>)_mm512_max_ps((__m512)splat<T>(low), (__m512)x);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4) return (Vec<T>)_mm256_max_ps((__m256)splat<T>(low), (__m256)x);
#endif
  return x < low ? splat<T>(low) : x;
}
template <class T>
UNROLL_INLINE Vec<T> at_most(Vec<T> x, T high) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return (Vec<T>)_mm512_min_ps((__m512)splat<T>(high), (__m512)x);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4) return (Vec<T>)_mm256_min_ps((__m256)splat<T>(high), (__m256)x);
#endif
  return x > high ? splat<T>(high) : x;
}

// a b + c, rounded once where the set is fused. Every multiply-add of the kernels is written with it: the library is compiled with
// -ffp-contract=off, so no compiler decides which ones are.
template <class T>
UNROLL_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
  else
    return (Vec<T>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
  else
    return (Vec<T>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
  else
    return (Vec<T>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

template <class T>
UNROLL_INLINE Vec<T> root(Vec<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_sqrt_ps((__m512)x);
  else
    return (Vec<T>)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm256_sqrt_ps((__m256)x);
  else
    return (Vec<T>)_mm256_sqrt_pd((__m256d)x);
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)vsqrtq_f32((float32x4_t)x);
  else
    return (Vec<T>)vsqrtq_f64((float64x2_t)x);
#else
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm_sqrt_ps((__m128)x);
  else
    return (Vec<T>)_mm_sqrt_pd((__m128d)x);
#endif
}

// float32 below 2^-95 (three bits of its exponent are then 0) becomes 0, and NaN stays: what vanishes from step to step ends
// here, by a compare, long before it is a denormal number, which would cost a hundred cycles. Squares below 2^-111 likewise.
template <class T, int32_t Bits = 0x70000000>
UNROLL_INLINE Vec<T> cut(Vec<T> x) {
  if constexpr (sizeof(T) != 4)
    return x;
  else
    return ((IntVec)x & Bits) == 0 ? Vec<T>{} : x;
}
template <class T>
UNROLL_INLINE Vec<T> cut_square(Vec<T> x) {
  return cut<T, 0x78000000>(x);
}

}  // namespace UNROLL_NS
}  // namespace unroll
