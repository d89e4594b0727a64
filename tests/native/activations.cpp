// tanh and the logistic function over float32 against long double: at most 4 units in the last place, NaN in, NaN out,
// infinities right, tanh never beyond 1.
//
//     activations STRIDE ISA...   every STRIDE-th float32 of either sign; with 1 all 2^32 of them
//
// The right value is tanhl or expl where the function bends. Below 2^-6 it is the Taylor series in double, whose remainder is
// below 2^-47 of it; where the function has come to its limit (|x| >= 10 for tanh, 88 for the logistic function) it is the limit,
// which is within 0.07 units (tanh) and 2^-126 (logistic). A right value below the smallest normal number may come out as anything
// from zero to that number, since the kernels cut what is smaller.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace {

constexpr double kSmallestNormal = 0x1p-126, kUnits = 4.0;
constexpr double kLimit = 1 - 0x1p-54;  // 1, seen from below, where the unit is half as large
constexpr int64_t kBlock = 1 << 15;
constexpr uint32_t kInfinity = 0x7f800000, kSign = 0x80000000;
const char* const kNames[] = {"logistic", "tanh"};

double series(int function, double x) {
  const double xx = x * x;
  if (function == 1) return x * (1 + xx * (-1.0 / 3 + xx * (2.0 / 15 - xx * 17.0 / 315)));
  return 0.5 + x * (0.25 + xx * (-1.0 / 48 + xx / 480));
}

// A right value, and how many units the distance of 1 is there.
struct Right {
  double value, per_one;
};

Right with_unit(double value) {
  // From zero up to the smallest normal number is right. So it is for tanh of that number, which is less by too little for a double.
  if (std::fabs(value) <= kSmallestNormal) return {0.0, kUnits / kSmallestNormal};
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  bits &= 0x7ff0000000000000;
  double power;
  std::memcpy(&power, &bits, 8);
  return {value, 0x1p23 / power};
}

// The right values at x >= 0 and at -x.
void right(int function, float x, Right& above, Right& below) {
  if (x < 0x1p-6f) {
    above = with_unit(series(function, x)), below = with_unit(series(function, -double(x)));
  } else if (function == 1) {
    above = with_unit(x < 10.0f ? double(tanhl(x)) : kLimit), below = {-above.value, above.per_one};
  } else if (x < 88.0f) {
    const long double e = expl(-static_cast<long double>(x));
    above = with_unit(double(1 / (1 + e))), below = with_unit(double(e / (1 + e)));
  } else {
    above = with_unit(kLimit), below = with_unit(0.0);
  }
}

struct Worst {
  double units = 0;
  float x = 0, got = 0;
  void see(double seen, float at, float value) {
    if (std::isnan(seen)) seen = INFINITY;
    if (seen > units) units = seen, x = at, got = value;
  }
};

std::mutex lock;
int64_t wrong_nans = 0;

void one_thread(int function, uint32_t stride, const std::vector<const unroll::Kernels*>& all, std::atomic<int64_t>& next, std::vector<Worst>& worst) {
  std::vector<float> x(kBlock), y(kBlock);
  std::vector<Right> above(kBlock), below(kBlock);
  const float least = function == 1 ? -1.0f : 0.0f;
  std::vector<Worst> mine(all.size());
  int64_t nans = 0;
  for (int64_t first; (first = next.fetch_add(kBlock * stride)) < int64_t(kSign);) {
    int64_t n = 0;
    for (int64_t bits = first; n < kBlock && bits < int64_t(kSign); bits += stride, ++n) {
      const uint32_t pattern = uint32_t(bits);
      std::memcpy(&x[n], &pattern, 4);
      if (pattern <= kInfinity) right(function, x[n], above[n], below[n]);
    }
    const int64_t numbers = std::count_if(x.begin(), x.begin() + n, [](float v) { return !std::isnan(v); });  // NaN come last
    for (const Right* wanted : {above.data(), below.data()}) {
      if (wanted == below.data())
        for (int64_t i = 0; i < n; ++i) x[i] = -x[i];
      for (std::size_t k = 0; k < all.size(); ++k) {
        {
          const unroll::PlainMode plain;
          all[k]->activate(function, x.data(), y.data(), n);
        }
        for (int64_t i = 0; i < numbers; ++i) {
          const double units = std::fabs(double(y[i]) - wanted[i].value) * wanted[i].per_one;
          if (!(units <= mine[k].units)) mine[k].see(units, x[i], y[i]);
          if (!(y[i] >= least && y[i] <= 1.0f)) mine[k].see(INFINITY, x[i], y[i]);
        }
        for (int64_t i = numbers; i < n; ++i) nans += !std::isnan(y[i]);
      }
    }
  }
  const std::lock_guard<std::mutex> held(lock);
  wrong_nans += nans;
  for (std::size_t k = 0; k < all.size(); ++k) worst[k].see(mine[k].units, mine[k].x, mine[k].got);
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return std::fprintf(stderr, "activations STRIDE ISA...\n"), 2;
  const uint32_t stride = uint32_t(std::strtoul(words[1], nullptr, 10));
  const std::vector<const unroll::Kernels*> all = harness::sets_named(count, words);
  if (all.empty()) return 2;
  bool fine = stride > 0;
  for (const int function : {0, 1}) {
    std::atomic<int64_t> next{0};
    std::vector<Worst> worst(all.size());
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { one_thread(function, stride, all, next, worst); });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t k = 0; k < all.size(); ++k) {
      std::printf("%s on %s: at most %.3f units in the last place, at %.9g (%.9g)\n", kNames[function], all[k]->isa, worst[k].units,
                  double(worst[k].x), double(worst[k].got));
      fine = fine && worst[k].units <= kUnits;
    }
  }
  if (wrong_nans) std::printf("%lld NaN did not come out as NaN\n", static_cast<long long>(wrong_nans));
  return fine && !wrong_nans ? 0 : 1;
}
