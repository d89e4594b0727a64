// The four cells in plain double, forward and backward, one sequence at a time: the formulas as they are written in the cells'
// READMEs, and their derivatives by hand. Shares nothing with the kernels but the description of a call.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "call.hpp"

namespace plain {

using unroll::Cell;
using unroll::Sizes;
using Numbers = std::vector<double>;

inline int gates(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

// Everything that goes in, lane by lane in the order of call.hpp; an empty vector where a call has none.
struct Inputs {
  Numbers x, w_ih, w_hh, b_ih, b_hh, h0, c0;
  std::vector<int64_t> lengths;
  Numbers dy, dh_n, dc_n;
};

struct Outputs {
  Numbers y, h_n, c_n, dx, dw_ih, dw_hh, db_ih, db_hh, dh0, dc0;
};

inline double logistic(double z) { return 1.0 / (1.0 + std::exp(-z)); }

// What one step keeps: the gates after their functions, the recurrent term of the GRU's n, states before and after.
struct Step {
  Numbers gate, hn, h_prev, c_prev, h, c;
};

// matrix (rows, n) times v, plus bias or none.
inline Numbers times(const double* matrix, int64_t rows, int64_t n, const double* v, const double* bias) {
  Numbers out(rows);
  for (int64_t r = 0; r < rows; ++r) {
    double sum = bias ? bias[r] : 0.0;
    for (int64_t j = 0; j < n; ++j) sum += matrix[r * n + j] * v[j];
    out[r] = sum;
  }
  return out;
}

// grad += d outer v; into += matrix' d.
inline void back_through(const double* matrix, int64_t rows, int64_t n, const double* d, const double* v, double* grad, double* into) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j) {
      grad[r * n + j] += d[r] * v[j];
      into[j] += matrix[r * n + j] * d[r];
    }
}

inline Step step(Cell cell, int64_t H, const Numbers& zx, const Numbers& zh, const Numbers& h_prev, const Numbers& c_prev) {
  Step s{Numbers(gates(cell) * H), Numbers(H), h_prev, c_prev, Numbers(H), c_prev};
  for (int64_t j = 0; j < H; ++j) {
    const auto sum = [&](int gate) { return zx[gate * H + j] + zh[gate * H + j]; };
    switch (cell) {
      case Cell::tanh_rnn: s.h[j] = std::tanh(sum(0)); break;
      case Cell::relu_rnn: s.h[j] = sum(0) > 0 ? sum(0) : 0.0; break;
      case Cell::gru: {
        const double r = logistic(sum(0)), u = logistic(sum(1));
        s.hn[j] = zh[2 * H + j];
        const double n = std::tanh(zx[2 * H + j] + r * s.hn[j]);
        s.gate[j] = r, s.gate[H + j] = u, s.gate[2 * H + j] = n;
        s.h[j] = (1 - u) * n + u * h_prev[j];
        break;
      }
      case Cell::lstm: {
        const double i = logistic(sum(0)), f = logistic(sum(1)), g = std::tanh(sum(2)), o = logistic(sum(3));
        s.gate[j] = i, s.gate[H + j] = f, s.gate[2 * H + j] = g, s.gate[3 * H + j] = o;
        s.c[j] = f * c_prev[j] + i * g;
        s.h[j] = o * std::tanh(s.c[j]);
        break;
      }
    }
  }
  return s;
}

// From the gradients at a step's h and c: those at its two sums (zx, zh), and dh, dc at the states before, less what goes
// through the recurrent matrix.
inline void step_back(Cell cell, int64_t H, const Step& s, Numbers& dh, Numbers& dc, Numbers& dzx, Numbers& dzh) {
  for (int64_t j = 0; j < H; ++j) {
    switch (cell) {
      case Cell::tanh_rnn: dzx[j] = dzh[j] = dh[j] * (1 - s.h[j] * s.h[j]), dh[j] = 0; break;
      case Cell::relu_rnn: dzx[j] = dzh[j] = s.h[j] > 0 ? dh[j] : 0.0, dh[j] = 0; break;
      case Cell::gru: {
        const double r = s.gate[j], u = s.gate[H + j], n = s.gate[2 * H + j];
        const double dn = dh[j] * (1 - u) * (1 - n * n), du = dh[j] * (s.h_prev[j] - n) * u * (1 - u), dr = dn * s.hn[j] * r * (1 - r);
        dzx[j] = dzh[j] = dr, dzx[H + j] = dzh[H + j] = du, dzx[2 * H + j] = dn, dzh[2 * H + j] = dn * r;
        dh[j] *= u;
        break;
      }
      case Cell::lstm: {
        const double i = s.gate[j], f = s.gate[H + j], g = s.gate[2 * H + j], o = s.gate[3 * H + j], th = std::tanh(s.c[j]);
        const double dcj = dc[j] + dh[j] * o * (1 - th * th);
        const double d[4] = {dcj * g * i * (1 - i), dcj * s.c_prev[j] * f * (1 - f), dcj * i * (1 - g * g), dh[j] * th * o * (1 - o)};
        for (int gate = 0; gate < 4; ++gate) dzx[gate * H + j] = dzh[gate * H + j] = d[gate];
        dc[j] = dcj * f, dh[j] = 0;
        break;
      }
    }
  }
}

// All values and gradients, for the sum of the outputs weighted by dy, dh_n and dc_n.
inline Outputs run(Cell cell, const Sizes& s, const Inputs& in) {
  const int64_t H = s.H, I = s.I, GH = gates(cell) * H;
  Outputs out;
  out.y.assign(s.K * s.B * s.T * H, 0.0), out.dx.assign(s.K * s.B * s.T * I, 0.0);
  out.h_n.assign(s.K * s.B * H, 0.0), out.c_n = out.dh0 = out.dc0 = out.h_n;
  out.dw_ih.assign(s.K * GH * I, 0.0), out.dw_hh.assign(s.K * GH * H, 0.0);
  out.db_ih.assign(s.K * GH, 0.0), out.db_hh = out.db_ih;
  for (int64_t lane = 0; lane < s.K; ++lane)
    for (int64_t b = 0; b < s.B; ++b) {
      const int64_t row = lane * s.B + b, length = in.lengths.empty() ? s.T : in.lengths[row];
      const double *w_ih = &in.w_ih[lane * GH * I], *w_hh = &in.w_hh[lane * GH * H];
      const double* b_ih = in.b_ih.empty() ? nullptr : &in.b_ih[lane * GH];
      const double* b_hh = in.b_hh.empty() ? nullptr : &in.b_hh[lane * GH];
      Numbers h(H), c(H);
      if (!in.h0.empty()) h.assign(&in.h0[row * H], &in.h0[row * H] + H);
      if (!in.c0.empty()) c.assign(&in.c0[row * H], &in.c0[row * H] + H);
      std::vector<Step> steps;
      for (int64_t t = 0; t < length; ++t) {
        const Numbers zx = times(w_ih, GH, I, &in.x[(row * s.T + t) * I], b_ih), zh = times(w_hh, GH, H, h.data(), b_hh);
        steps.push_back(step(cell, H, zx, zh, h, c));
        h = steps.back().h, c = steps.back().c;
        for (int64_t j = 0; j < H; ++j) out.y[(row * s.T + t) * H + j] = h[j];
      }
      Numbers dh(H), dc(H), dzx(GH), dzh(GH);
      for (int64_t j = 0; j < H; ++j) {
        out.h_n[row * H + j] = h[j], out.c_n[row * H + j] = c[j];
        if (!in.dh_n.empty()) dh[j] = in.dh_n[row * H + j];
        if (!in.dc_n.empty()) dc[j] = in.dc_n[row * H + j];
      }
      for (int64_t t = length - 1; t >= 0; --t) {
        if (!in.dy.empty())
          for (int64_t j = 0; j < H; ++j) dh[j] += in.dy[(row * s.T + t) * H + j];
        step_back(cell, H, steps[t], dh, dc, dzx, dzh);
        back_through(w_hh, GH, H, dzh.data(), steps[t].h_prev.data(), &out.dw_hh[lane * GH * H], dh.data());
        back_through(w_ih, GH, I, dzx.data(), &in.x[(row * s.T + t) * I], &out.dw_ih[lane * GH * I], &out.dx[(row * s.T + t) * I]);
        for (int64_t g = 0; g < GH; ++g) out.db_ih[lane * GH + g] += dzx[g], out.db_hh[lane * GH + g] += dzh[g];
      }
      for (int64_t j = 0; j < H; ++j) out.dh0[row * H + j] = dh[j], out.dc0[row * H + j] = dc[j];
    }
  return out;
}

}  // namespace plain
