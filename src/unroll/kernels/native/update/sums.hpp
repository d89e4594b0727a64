// Sums of many terms in float64, in one order: term j goes to partial sum j mod 16, and the sixteen are joined by halves.
#pragma once

#include "../vec.hpp"

namespace unroll {
namespace UNROLL_NS {

struct Tally {
  double part[16] = {};
  int64_t count = 0;
  UNROLL_INLINE void add(double term) { part[count++ % 16] += term; }
  double total() const {
    double left[16];
    for (int i = 0; i < 16; ++i) left[i] = part[i];
#pragma GCC unroll 8
    for (int half = 8; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < half; ++i) left[i] += left[i + half];
    return left[0];
  }
};

template <class T>
double sum_of_squares(const T* x, int64_t n) {
  Tally tally;
  int64_t j = 0;
  for (; j + 16 <= n; j += 16)
    for (int i = 0; i < 16; ++i) tally.part[i] += double(x[j + i]) * double(x[j + i]);
  for (; j < n; ++j) tally.part[j % 16] += double(x[j]) * double(x[j]);
  return tally.total();
}

// The natural logarithm of a finite x >= 1, within 2 units of float64's last place: x = 2^n m with m in [sqrt(1/2), sqrt(2)), and the series of
// 2 artanh((m - 1) / (m + 1)) by Horner's rule. Libraries differ in the last bit.
inline double logarithm(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, 8);
  int n = int(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
  double m;
  __builtin_memcpy(&m, &bits, 8);
  if (m > 1.4142135623730951) m *= 0.5, ++n;
  const double s = (m - 1) / (m + 1), ss = s * s;
  double q = 0;
  for (int k = 25; k >= 3; k -= 2) q = (q + 1.0 / k) * ss;
  return (2 * s * (1 + q) + n * 1.9082149292705877e-10) + n * 0.6931471803691238;  // ln 2 in two parts, the larger with zeros behind
}

}  // namespace UNROLL_NS
}  // namespace unroll
