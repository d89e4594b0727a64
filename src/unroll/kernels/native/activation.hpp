// tanh and the logistic function on whole vectors, within 4 units in the last place of float32; NaN in, NaN out.
//
// Both rest on e^x = s (1 + p) with s a power of two: x = n ln 2 + r with n the nearest integer (ln 2 in two parts, Cody and
// Waite's, so that r is exact to the last bit), s = 2^n, and p = e^r - 1 = r q(r), where q is a minimax polynomial of degree 5
// on |r| <= ln(2)/2, fitted by Lawson's weights to a relative error of 2^-26. The polynomial starts at r, so p and
// e^x - 1 = s p + (s - 1) keep their relative accuracy near zero, which tanh needs.
//
// The kernels run with denormals flushed: a logistic value below 2^-126 is 0.
#pragma once

#include "vec.hpp"

namespace unroll {
namespace UNROLL_NS {

struct PowerAndRest {
  Vec<float> s, p;
};

UNROLL_INLINE PowerAndRest exponential(Vec<float> x) {  // |x| <= 88
  // Adding 1.5 x 2^23 leaves round(x log2 e) in the low bits of the number; the 127 beside it is the exponent's bias, so one
  // shift by the 23 bits of the mantissa makes 2^n.
  constexpr float kMagic = 12582912.0f + 127.0f;
  const Vec<float> m = x * 1.44269504f + kMagic;
  const Vec<float> n = m - kMagic;
  Vec<float> r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Vec<float> q = r * 0.00138888729f + 0.00836914033f;
  q = q * r + 0.0416671373f;
  q = q * r + 0.166665062f;
  q = q * r + 0.49999997f;
  q = q * r + 1.0f;
  return {(Vec<float>)((IntVec)m << 23), q * r};
}

UNROLL_INLINE Vec<float> logistic(Vec<float> x) {
  const PowerAndRest e = exponential(at_most<float>(at_least<float>(-x, -88.0f), 88.0f));
  return reciprocal((e.s * e.p + e.s) + 1.0f);
}

UNROLL_INLINE Vec<float> tanh(Vec<float> x) {
  const Vec<float> y = at_most<float>(at_least<float>(x, -9.1f), 9.1f);  // tanh(9.02) rounds to 1
  const PowerAndRest e = exponential(y + y);
  const Vec<float> minus_one = e.s * e.p + (e.s - 1.0f);
  return quotient(minus_one, minus_one + 2.0f);
}

// Float64 is the oracle's precision: lane by lane through the C library.
UNROLL_INLINE Vec<double> logistic(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = 1.0 / (1.0 + __builtin_exp(-x[i]));
  return x;
}
UNROLL_INLINE Vec<double> tanh(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_tanh(x[i]);
  return x;
}

}  // namespace UNROLL_NS
}  // namespace unroll
