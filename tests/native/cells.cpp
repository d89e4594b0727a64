// Every cell forward and backward on odd sizes against plain.hpp, in float32 and float64, with one thread and with several.
//
//     cells                names the instruction sets that run here, the fastest first
//     cells few ISA...     one size in sixty, small ones: where a processor is only pretended
//     cells some ISA...    a third of the sizes
//     cells all ISA...     every size
//
// All buffers that a kernel writes are full of NaN before, and are as long as they must be and no longer: what is read before it
// is written comes out, and a sanitizer sees what lies past an end.
//
// Planted and found, on NEON too: see tests/kernels/test_values.py.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "harness.hpp"
#include "plain.hpp"

namespace {

using harness::Buffer;
using harness::failures;
using harness::kNames;
using harness::run;
using plain::Inputs;
using plain::Numbers;
using plain::Outputs;
using unroll::Cell;
using unroll::Number;
using unroll::Sizes;

struct Case {
  Cell cell;
  Sizes sizes;
  bool biased, started, lengths, every;
};

Numbers draw(std::mt19937& random, int64_t n, double scale) {
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Numbers out(n);
  for (double& number : out) number = double(float(scale) * uniform(random));
  return out;
}

Inputs inputs_of(const Case& c) {
  const Sizes& s = c.sizes;
  const int64_t GH = plain::gates(c.cell) * s.H;
  const double scale = 1 / std::sqrt(double(s.H + s.I));
  std::mt19937 random(unsigned(s.B * 1000003 + s.T * 10007 + s.I * 101 + s.H + int(c.cell)));
  Inputs in;
  in.x = draw(random, s.K * s.B * s.T * s.I, 2.0);
  in.w_ih = draw(random, s.K * GH * s.I, scale), in.w_hh = draw(random, s.K * GH * s.H, scale);
  if (c.biased) in.b_ih = draw(random, s.K * GH, scale), in.b_hh = draw(random, s.K * GH, scale);
  if (c.started) in.h0 = draw(random, s.K * s.B * s.H, 1.0);
  if (c.started && c.cell == Cell::lstm) in.c0 = draw(random, s.K * s.B * s.H, 1.0);
  if (c.every) in.dy = draw(random, s.K * s.B * s.T * s.H, 1.0);
  in.dh_n = draw(random, s.K * s.B * s.H, 1.0);
  if (c.cell == Cell::lstm) in.dc_n = draw(random, s.K * s.B * s.H, 1.0);
  if (c.lengths)
    for (int64_t lane = 0; lane < s.K; ++lane)
      for (int64_t b = 0; b < s.B; ++b) in.lengths.push_back(s.T - (s.T - 1) * b / s.B);
  return in;
}

template <class T>
void compare(const Case& c, const char* isa, const char* name, const Buffer<T>& got, const Numbers& right, double allowed) {
  // What comes in is of size 1: less than 0.05 is left of it by cancelling, and of a sum of n such terms less than 0.05 sqrt(n).
  const bool sum = name[0] == 'd' && (name[1] == 'w' || name[1] == 'b');
  double largest = 0.05 * (sum ? std::sqrt(double(c.sizes.T * c.sizes.B)) : 1), worst = 0;
  for (double number : right) largest = std::max(largest, std::fabs(number));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double wrong = std::fabs(double(got[i]) - right[i]) / largest;
    if (!(wrong <= worst)) worst = wrong;  // a NaN stays
  }
  if (worst <= allowed) return;
  ++failures;
  std::printf("WRONG %s %s float%d K=%d B=%d T=%d I=%d H=%d biased=%d started=%d lengths=%d every=%d: %s off by %.3g of the largest, %.3g allowed\n",
              isa, kNames[int(c.cell)], int(8 * sizeof(T)), int(c.sizes.K), int(c.sizes.B), int(c.sizes.T), int(c.sizes.I), int(c.sizes.H),
              c.biased, c.started, c.lengths, c.every, name, worst, allowed);
}

// One case with one, two, three and seven threads: right, and of the same bits.
template <class T>
void check(const unroll::Kernels& kernels, const Case& c, const Inputs& in, const Outputs& right) {
  const Sizes& s = c.sizes;
  const bool lstm = c.cell == Cell::lstm;
  const int64_t GH = plain::gates(c.cell) * s.H, states = s.K * s.B * s.H;
  const int64_t* lengths = in.lengths.empty() ? nullptr : in.lengths.data();
  const Buffer<T> x(in.x), w_ih(in.w_ih), w_hh(in.w_hh), b_ih(in.b_ih), b_hh(in.b_hh), h0(in.h0), c0(in.c0);
  const Buffer<T> dy(in.dy), dh_n(in.dh_n), dc_n(in.dc_n);
  std::vector<std::vector<char>> bits;
  for (const int members : {1, 2, 3, 7}) {
    const Buffer<T> y(c.every ? states * s.T : 0), h_n(states), c_n(lstm ? states : 0), saved(s.K * unroll::saved_size(c.cell, s));
    run<T, unroll::ForwardCall>(kernels, kernels.forward, c.cell, false, members,
                                {s, x.get(), w_ih.get(), w_hh.get(), b_ih.get(), b_hh.get(), h0.get(), c0.get(), lengths, y.get(), h_n.get(),
                                 c_n.get(), saved.get(), nullptr});
    const Buffer<T> dx(in.x.size()), dw_ih(s.K * GH * s.I), dw_hh(s.K * GH * s.H), db_ih(in.b_ih.size()), db_hh(in.b_hh.size());
    const Buffer<T> dh0(in.h0.size()), dc0(in.c0.size());
    run<T, unroll::BackwardCall>(kernels, kernels.backward, c.cell, true, members,
                                 {s, x.get(), w_ih.get(), w_hh.get(), lengths, saved.get(), dy.get(), dh_n.get(), dc_n.get(), dx.get(),
                                  dw_ih.get(), dw_hh.get(), db_ih.get(), db_hh.get(), dh0.get(), dc0.get(), nullptr});
    // A sum of n roundings in float32 may be off by about sqrt(n) units; T steps of a contracting recurrence add up likewise.
    const double allowed = (sizeof(T) == 4 ? 0x1p-24 : 0x1p-53) * (64 + 4 * std::sqrt(double(s.T * s.B)));
    const Buffer<T>* const got[] = {&y, &h_n, &c_n, &dx, &dw_ih, &dw_hh, &db_ih, &db_hh, &dh0, &dc0};
    const Numbers* const wanted[] = {&right.y, &right.h_n, &right.c_n, &right.dx, &right.dw_ih, &right.dw_hh, &right.db_ih, &right.db_hh, &right.dh0, &right.dc0};
    const char* const names[] = {"y", "h_n", "c_n", "dx", "dw_ih", "dw_hh", "db_ih", "db_hh", "dh0", "dc0"};
    std::vector<char> all;
    for (int i = 0; i < 10; ++i) {
      if (members == 1) compare(c, kernels.isa, names[i], *got[i], *wanted[i], allowed);
      const char* first = reinterpret_cast<const char*>(got[i]->get());
      all.insert(all.end(), first, first + got[i]->size() * sizeof(T));
    }
    bits.push_back(std::move(all));
    if (bits.back() == bits.front()) continue;
    ++failures;
    std::printf("WRONG %s %s float%d K=%d B=%d T=%d I=%d H=%d: other bits with %d threads\n", kernels.isa, kNames[int(c.cell)],
                int(8 * sizeof(T)), int(s.K), int(s.B), int(s.T), int(s.I), int(s.H), members);
  }
}

// The last state alone, nothing kept: what a forward pass without a gradient does. And a NaN that goes in comes out.
void check_forward_alone(const unroll::Kernels& kernels, Cell cell) {
  const Case c{cell, {1, 9, 21, 2, 19}, true, true, false, false};
  Inputs in = inputs_of(c);
  for (const bool poisoned : {false, true}) {
    if (poisoned) in.x[0] = std::numeric_limits<double>::quiet_NaN();
    const Outputs right = plain::run(cell, c.sizes, in);
    const Buffer<float> x(in.x), w_ih(in.w_ih), w_hh(in.w_hh), b_ih(in.b_ih), b_hh(in.b_hh), h0(in.h0), c0(in.c0);
    const Buffer<float> h_n(right.h_n.size()), c_n(in.c0.size());
    run<float, unroll::ForwardCall>(kernels, kernels.forward, cell, false, 2,
                                    {c.sizes, x.get(), w_ih.get(), w_hh.get(), b_ih.get(), b_hh.get(), h0.get(), c0.get(), nullptr, nullptr,
                                     h_n.get(), c_n.get(), nullptr, nullptr});
    if (!poisoned) {
      compare(c, kernels.isa, "h_n alone", h_n, right.h_n, 1e-5);
      continue;
    }
    for (std::size_t i = 0; i < h_n.size(); ++i)
      if (std::isnan(h_n[i]) != (i < std::size_t(c.sizes.H)))
        return void(++failures), void(std::printf("WRONG %s %s: a NaN in the first sequence does not show there alone\n", kernels.isa, kNames[int(cell)]));
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    for (int i = 0; const unroll::Kernels* k = unroll::usable_kernels(i); ++i) std::printf("%s%s", i ? " " : "", k->isa);
    std::printf("\n");
    return 0;
  }
  const bool all = std::strcmp(words[1], "all") == 0, few = std::strcmp(words[1], "few") == 0;
  const std::vector<const unroll::Kernels*> sets = harness::sets_named(count, words);
  if (sets.empty()) return 2;
  int cases = 0, place = 0;
  for (const Cell cell : {Cell::tanh_rnn, Cell::relu_rnn, Cell::gru, Cell::lstm}) {
    for (const int64_t B : {1, 5, 16, 17, 64, 65})
      for (const int64_t T : {1, 2, 3, 7, 34})
        for (const int64_t I : {1, 2, 3, 64})
          for (const int64_t H : {1, 3, 16, 17, 64, 100, 128}) {
            // What may be left out turns with the place: each size meets another mixture.
            ++place;
            if (!all && (place % (few ? 61 : 3) || B * T * H * (H + I) > (few ? 500000 : 2000000))) continue;
            const int64_t K = place % 5 ? 1 : 3;
            if (K > 1 && B * T * H > 20000) continue;
            const Case c{cell, {K, B, T, I, H}, place % 4 != 1, place % 7 != 2, place % 5 < 2, place % 11 > 3};
            const Inputs in = inputs_of(c);
            const Outputs right = plain::run(cell, c.sizes, in);
            for (const unroll::Kernels* kernels : sets) {
              check<float>(*kernels, c, in, right);
              check<double>(*kernels, c, in, right);
            }
            ++cases;
          }
    for (const unroll::Kernels* kernels : sets) check_forward_alone(*kernels, cell);
  }
  std::printf("%d cases in float32 and float64, with 1, 2, 3 and 7 threads, on", cases);
  for (const unroll::Kernels* kernels : sets) std::printf(" %s", kernels->isa);
  std::printf(": %d wrong\n", failures);
  return failures ? 1 : 0;
}
