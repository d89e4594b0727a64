// Losses of a block's outputs, and their gradients in place of them.
//
//   squares   (out - y)^2, mean over sequences, positions and outputs;   d/d out = 2 (out - y) / count
//   classes   -ln p of the right class, mean over scored positions;      d/d out = (p - [class]) / count,   p = e^(out - max) / sum
//
// In evaluations the outputs stay, and each sequence has its own sum. A NaN or an infinity among the outputs makes the loss NaN.
#pragma once

#include "../activation.hpp"
#include "positions.hpp"
#include "sums.hpp"

namespace unroll {
namespace UNROLL_NS {

// One block's outputs: [position][Op]. Behind those of classes stands minus infinity.
template <class T>
struct Outputs {
  T* out;
  int64_t O, Op;
  const Positions& positions;
  int64_t count;
  const int64_t* chosen;
};

template <class T>
void squares(const Outputs<T>& o, const Examples& e, double over, Tally& tally) {
  const T scale = T(2 / over);
  for (int64_t p = 0; p < o.count; ++p) {
    T* out = o.out + p * o.Op;
    const T* y = static_cast<const T*>(e.targets) + (o.chosen[o.positions.row(p)] * e.S + o.positions.place(p)) * o.O;
    for (int64_t j = 0; j < o.O; ++j) {
      const T off = out[j] - y[j];
      tally.add(double(off) * double(off));
      out[j] = off * scale;
    }
  }
}

// The sum of e^(out - max) over classes, which take the place of the outputs; the largest output.
template <class T>
double soften(T* out, int64_t O, int64_t Op, T& largest) {
  constexpr int W = kLanes<T>;
  Vec<T> most = load(out);
  for (int64_t j = W; j < Op; j += W) most = load(out + j) > most ? load(out + j) : most;
  alignas(kVectorBytes) T of[W];
  store(of, most);
#pragma GCC unroll 8
  for (int half = W / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) of[i] = of[i + half] > of[i] ? of[i + half] : of[i];
  largest = of[0];
  most = splat(largest);
  for (int64_t j = 0; j < Op; j += W) store(out + j, power_of_e(load(out + j) - most));
  Tally tally;
  int64_t j = 0;
  for (; j + 16 <= Op; j += 16)  // zeros behind the classes change no sum
    for (int i = 0; i < 16; ++i) tally.part[i] += double(out[j + i]);
  for (; j < O; ++j) tally.part[j % 16] += double(out[j]);
  return tally.total();
}

template <class T>
void classes(const Outputs<T>& o, const Examples& e, double over, Tally& tally) {
  constexpr int kTogether = 16;  // so many logarithms and quotients are computed side by side
  const double scale = 1 / over;
  int32_t right[kTogether];
  double sums[kTogether], logarithms[kTogether], shares[kTogether], below[kTogether];  // below: how far the right class lies under the largest
  for (int64_t first = 0; first < o.count; first += kTogether) {
    const int n = int(smaller(kTogether, o.count - first));
    for (int i = 0; i < n; ++i) {
      const int64_t p = first + i;
      T *out = o.out + p * o.Op, largest;
      right[i] = e.classes[o.chosen[o.positions.row(p)] * e.S + o.positions.place(p)];
      sums[i] = 1;
      if (right[i] < 0) continue;
      const T at_right = out[right[i]];
      sums[i] = soften(out, o.O, o.Op, largest);
      below[i] = double(at_right) - double(largest);
    }
    for (int i = n; i < kTogether; ++i) sums[i] = 1;
    for (int i = 0; i < kTogether; ++i) shares[i] = 1 / sums[i];
    for (int i = 0; i < kTogether; ++i) logarithms[i] = logarithm(sums[i]);
    for (int i = 0; i < n; ++i) {
      T* out = o.out + (first + i) * o.Op;
      if (right[i] < 0) {
        fill_zero(out, o.Op);
        continue;
      }
      tally.add(sums[i] >= 1 ? logarithms[i] - below[i] : __builtin_nan(""));
      const double share = shares[i];
      const T at_right = T((double(out[right[i]]) * share - 1.0) * scale);
      for (int64_t j = 0; j < o.Op; ++j) out[j] = T((double(out[j]) * share) * scale);
      out[right[i]] = at_right;
    }
  }
}

// Of evaluations: sums by row.
struct Counts {
  double *losses, *furthest;
  int64_t *scored, *asked, *right;
};

template <class T>
void count_squares(const Outputs<T>& o, const Examples& e, const Counts& to) {
  for (int64_t p = 0; p < o.count; ++p) {
    const int64_t row = o.positions.row(p);
    const T *out = o.out + p * o.Op, *y = static_cast<const T*>(e.targets) + (o.chosen[row] * e.S + o.positions.place(p)) * o.O;
    for (int64_t j = 0; j < o.O; ++j) {
      const double off = double(out[j]) - double(y[j]);
      to.losses[row] += off * off;
      if (__builtin_fabs(off) > to.furthest[row]) to.furthest[row] = __builtin_fabs(off);
    }
    to.scored[row] += o.O;
  }
}

template <class T>
void count_classes(const Outputs<T>& o, const Examples& e, const Counts& to) {
  for (int64_t row = 0; e.asked && row < o.positions.R; ++row)
    for (int64_t s = 0; s < e.S; ++s) to.asked[row] += e.asked[o.chosen[row] * e.S + s];
  for (int64_t p = 0; p < o.count; ++p) {
    const int64_t row = o.positions.row(p), place = o.chosen[row] * e.S + o.positions.place(p);
    const int32_t right = e.classes[place];
    if (right < 0) continue;
    T* out = o.out + p * o.Op;
    const T at_right = out[right];
    bool first = true;  // of equal ones the lowest class counts
    for (int64_t j = 0; j < o.O; ++j) first = first && (j < right ? out[j] < at_right : out[j] <= at_right);
    T largest;
    const double sum = soften(out, o.O, o.Op, largest);
    to.losses[row] += sum >= 1 ? logarithm(sum) - (double(at_right) - double(largest)) : __builtin_nan("");
    ++to.scored[row];
    if (!e.asked) ++to.asked[row];
    to.right[row] += first && (!e.asked || e.asked[place]);
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
