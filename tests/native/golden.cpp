// The bits of each cell, forward and backward, against digests that are committed: the same on every processor with fused
// multiply-adds, whoever made it, whatever its vectors' length, the compiler and the number of threads.
//
//     golden FILE ISA...      compares with the digests in FILE
//     golden FILE             writes FILE anew, by the fastest set: for a new version of the kernels (NUMERICS in kernels/pick.py)
//
// A line of FILE is a case and its digest; tests/kernels/test_golden.py reads the same lines, and computes the same through Python.
#include <sstream>
#include <string>

#include "exact.hpp"

namespace {

using harness::Buffer;
using harness::Digest;
using harness::kNames;
using harness::Stream;
using unroll::Cell;
using unroll::Sizes;

struct Case {
  int cell;
  int64_t B, T, I, H;
  int weights, inputs;  // powers of two that weights and inputs are scaled by
  bool biased, every, lengths;  // every: gradients at each step, not at the last state alone; lengths: sequences that end early
};

std::string text(const Case& c) {
  std::ostringstream out;
  out << kNames[c.cell] << ' ' << c.B << ' ' << c.T << ' ' << c.I << ' ' << c.H << ' ' << c.weights << ' ' << c.inputs << ' ' << c.biased
      << ' ' << c.every << ' ' << c.lengths;
  return out.str();
}

uint64_t digest_of(const Case& c, const unroll::Kernels& kernels, int members) {
  const Cell cell = Cell(c.cell);
  const bool lstm = cell == Cell::lstm;
  const Sizes s{1, c.B, c.T, c.I, c.H};
  const int64_t GH = unroll::gates_of(cell) * c.H, BH = c.B * c.H;
  const Buffer<float> x(c.B * c.T * c.I), w_ih(GH * c.I), w_hh(GH * c.H), b_ih(c.biased ? GH : 0), b_hh(b_ih.size()), h0(BH), c0(lstm ? BH : 0);
  const Buffer<float> dy(c.every ? BH * c.T : 0), dh_n(BH), dc_n(lstm ? BH : 0);
  Stream stream;
  stream.fill(x, c.inputs);
  for (const Buffer<float>* w : {&w_ih, &w_hh, &b_ih, &b_hh}) stream.fill(*w, c.weights);
  for (const Buffer<float>* state : {&h0, &c0, &dy, &dh_n, &dc_n}) stream.fill(*state, 0);
  std::vector<int64_t> ends;
  for (int64_t b = 0; c.lengths && b < c.B; ++b) ends.push_back(c.T - (c.T - 1) * b / c.B);
  const int64_t* lengths = c.lengths ? ends.data() : nullptr;

  const Buffer<float> y(c.every ? BH * c.T : 0), h_n(BH), c_n(lstm ? BH : 0), saved(unroll::saved_size(cell, s));
  const Buffer<float> dx(x.size()), dw_ih(w_ih.size()), dw_hh(w_hh.size()), db_ih(b_ih.size()), db_hh(b_ih.size()), dh0(BH), dc0(lstm ? BH : 0);
  harness::run<float, unroll::ForwardCall>(kernels, kernels.forward, cell, false, members,
                                           {s, x.get(), w_ih.get(), w_hh.get(), b_ih.get(), b_hh.get(), h0.get(), c0.get(), lengths, y.get(),
                                            h_n.get(), c_n.get(), saved.get(), nullptr});
  harness::run<float, unroll::BackwardCall>(kernels, kernels.backward, cell, true, members,
                                            {s, x.get(), w_ih.get(), w_hh.get(), lengths, saved.get(), dy.get(), dh_n.get(), dc_n.get(), dx.get(),
                                             dw_ih.get(), dw_hh.get(), db_ih.get(), db_hh.get(), dh0.get(), dc0.get(), nullptr});
  Digest digest;
  for (const Buffer<float>* out : {&y, &h_n, &c_n, &dx, &dw_ih, &dw_hh, &db_ih, &db_hh, &dh0, &dc0}) digest.add(*out);
  return digest.sum;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (int cell = 0; cell < 4; ++cell) {
    all.push_back({cell, 5, 7, 3, 9, 0, 1, true, true, true});         // less than a block of units
    all.push_back({cell, 66, 21, 2, 70, -2, 1, true, true, false});    // two blocks of rows; more than a group of the simple cell
    all.push_back({cell, 17, 40, 19, 33, -1, 1, true, false, true});   // wide inputs
    all.push_back({cell, 16, 30, 2, 20, 2, 6, true, false, false});    // saturated gates, or states that grow
    all.push_back({cell, 6, 300, 2, 18, -1, -118, false, true, false});  // states that vanish; weight gradients that are denormal
    all.push_back({cell, 8, 500, 2, 16, -2, 0, true, false, false});   // gradients that vanish
  }
  return all;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<Case> all = cases();
  return harness::golden(count, words, all.size(), {1, 2, 3, 7}, [&](std::size_t i) { return text(all[i]); },
                         [&](std::size_t i, const unroll::Kernels& kernels, int members) { return digest_of(all[i], kernels, members); });
}
