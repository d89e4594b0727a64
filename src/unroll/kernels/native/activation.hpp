// tanh and the logistic function on whole vectors, within 4 units in the last place of float32; NaN in, NaN out.
//
// Both rest on e^x = s (1 + p) with s a power of two: x = n ln 2 + r with n the nearest integer (ln 2 in two parts, Cody and
// Waite's, so that r is exact to the last bit), s = 2^n, and p = e^r - 1 = r q(r), where q is a minimax polynomial of degree 5
// on |r| <= ln(2)/2, fitted by Lawson's weights to a relative error of 2^-26. The polynomial starts at r, so p and
// e^x - 1 = s p + (s - 1) keep their relative accuracy near zero, which tanh needs.
//
// Each function takes several vectors and does each step for all of them before the next step: one activation is a chain of some
// 25 dependent instructions, and a processor's scheduler does not see far enough ahead to overlap two by itself.
//
// The quotient at the end is a division, which IEEE rounds alike everywhere; estimates of a reciprocal differ between makers.
#pragma once

#include "vec.hpp"

namespace unroll {
namespace UNROLL_NS {

#define UNROLL_EACH _Pragma("GCC unroll 32") for (int i = 0; i < N; ++i)

// e^x = s (1 + p) for |x| <= 88.
template <int N>
UNROLL_INLINE void exponential(const Vec<float> (&x)[N], Vec<float> (&s)[N], Vec<float> (&p)[N]) {
  // Adding 1.5 x 2^23 leaves round(x log2 e) in the low bits of the number; the 127 beside it is the exponent's bias, so one
  // shift by the 23 bits of the mantissa makes 2^n.
  constexpr float kMagic = 12582912.0f + 127.0f;
  Vec<float> m[N], n[N], r[N], q[N];
  UNROLL_EACH m[i] = fma<float>(x[i], splat(1.44269504f), splat(kMagic));
  UNROLL_EACH n[i] = m[i] - kMagic;
  UNROLL_EACH s[i] = (Vec<float>)((IntVec)m[i] << 23);
  UNROLL_EACH r[i] = fma<float>(n[i], splat(-0.693359375f), x[i]);
  UNROLL_EACH r[i] = fma<float>(n[i], splat(2.12194440e-4f), r[i]);
  UNROLL_EACH q[i] = fma<float>(r[i], splat(0.00138888729f), splat(0.00836914033f));
  UNROLL_EACH q[i] = fma<float>(q[i], r[i], splat(0.0416671373f));
  UNROLL_EACH q[i] = fma<float>(q[i], r[i], splat(0.166665062f));
  UNROLL_EACH q[i] = fma<float>(q[i], r[i], splat(0.49999997f));
  UNROLL_EACH q[i] = fma<float>(q[i], r[i], splat(1.0f));
  UNROLL_EACH p[i] = q[i] * r[i];
}

// The first `Logistic` vectors of z through 1 / (1 + e^-z), the others through tanh z, in place.
template <int Logistic, int N>
UNROLL_INLINE void squash(Vec<float> (&z)[N]) {
  Vec<float> x[N], s[N], p[N], over[N], under[N];
  // logistic: x = -z, 1 / (s p + s + 1). tanh: x = 2 z, (e^x - 1) / (e^x - 1 + 2). tanh(9.02) rounds to 1.
  UNROLL_EACH x[i] = i < Logistic ? -z[i] : z[i];
  UNROLL_EACH x[i] = at_least<float>(x[i], i < Logistic ? -88.0f : -9.1f);
  UNROLL_EACH x[i] = at_most<float>(x[i], i < Logistic ? 88.0f : 9.1f);
  UNROLL_EACH if (i >= Logistic) x[i] = x[i] + x[i];
  exponential<N>(x, s, p);
  UNROLL_EACH over[i] = fma<float>(s[i], p[i], i < Logistic ? s[i] : s[i] - 1.0f);
  UNROLL_EACH under[i] = over[i] + (i < Logistic ? 1.0f : 2.0f);
  // A logistic value below 2^-126 is 0: saturated gates are no denormal numbers.
  UNROLL_EACH z[i] = (i < Logistic ? splat(1.0f) : over[i]) / under[i];
  UNROLL_EACH if (i < Logistic) z[i] = under[i] > 0x1p126f ? Vec<float>{} : z[i];
}

// e^x for x <= 0; 0 below x = -87, where it comes near the smallest normal number.
UNROLL_INLINE Vec<float> power_of_e(Vec<float> x) {
  Vec<float> cut[1] = {at_least<float>(x, -87.0f)}, s[1], p[1];
  exponential<1>(cut, s, p);
  return x < -87.0f ? Vec<float>{} : fma<float>(s[0], p[0], s[0]);
}
UNROLL_INLINE Vec<double> power_of_e(Vec<double> x) {
  for (int j = 0; j < kLanes<double>; ++j) x[j] = __builtin_exp(x[j]);
  return x;
}

// Float64 is the oracle's precision: lane by lane through the C library.
template <int Logistic, int N>
UNROLL_INLINE void squash(Vec<double> (&z)[N]) {
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < kLanes<double>; ++j)
      z[i][j] = i < Logistic ? 1.0 / (1.0 + __builtin_exp(-z[i][j])) : __builtin_tanh(z[i][j]);
}

#undef UNROLL_EACH

}  // namespace UNROLL_NS
}  // namespace unroll
