// What whole updates and evaluations are called with: a recurrent layer under a linear readout, its data, its optimizer.
//
// Axes as in ../call.hpp; N sequences of data, O outputs (or classes), S scored positions of a sequence. Buffers are contiguous, float32 or
// float64, all of one type, but where said.
#pragma once

#include "../call.hpp"

namespace unroll {

enum class Readout : int { last = 0, every = 1, some = 2 };
enum class Rule : int { sgd = 0, rmsprop = 1, adam = 2, adamw = 3 };

struct Shape {
  Cell cell;
  int64_t T, I, H, O;
};

// Where the parameters lie in the vector of all of them, in torch's order: w_ih, w_hh, b_ih, b_hh, then the readout's w (O, H) and b (O).
struct Parts {
  int64_t w_ih, w_hh, b_ih, b_hh, w_o, b_o, count;
  explicit Parts(const Shape& s) {
    const int64_t GH = gates_of(s.cell) * s.H;
    w_ih = 0;
    w_hh = w_ih + GH * s.I;
    b_ih = w_hh + GH * s.H;
    b_hh = b_ih + GH;
    w_o = b_hh + GH;
    b_o = w_o + s.O * s.H;
    count = b_o + s.O;
  }
};

struct Examples {
  const void* numbers;     // (N, T, I), or none
  Symbols symbols;         // (N, T), each below I; data is none where there are numbers
  Readout readout;
  int64_t S;               // 1 (last), T (every), or as `at` has it
  const int32_t* at;       // (N, S): the step of each position, rising in each row; of `some`
  const void* targets;     // (N, S, O) numbers, or none
  const int32_t* classes;  // (N, S), below 0 where not scored, or none
  const bool* asked;       // (N, S), or none: all that are scored. Of classes, for evaluations
};

struct Optimizer {
  Rule rule;
  double beta1, beta2, epsilon, alpha, momentum, weight_decay;
  double clip_norm, clip_value;  // infinite where there is no bound
  void *average, *square, *velocity;  // a number for each parameter: Adam's two, RMSprop's square, any rule's momentum; or none
  double* powers;  // of Adam: beta1^t and beta2^t after the updates that are done
};

struct UpdateCall {
  Shape shape;
  Examples examples;
  Optimizer optimizer;
  void *weights, *gradient;  // as Parts says
  const int64_t* order;      // numbers of the sequences, one batch after another
  int64_t sequences, batch;  // how many there are; the last batch may be smaller
  const double* rates;       // learning rate of each update
  double seconds;            // no update begins after so long
  double *losses, *norms;    // out, of each update, as numbers of the weights' type
  int64_t* done;             // out (1,): how many there have been so far
  int64_t* scored;           // out: what each update's loss is a mean over: sequences of numbers, positions of classes
  void* scratch;             // update_scratch numbers, aligned to 64 bytes
};

// Updates of several networks that are alike in all but what their pointers lead to and their rates: shape, readout, S, kind of data,
// optimizer, `sequences`, `batch`. Each comes to the bits that it has alone. Float32.
constexpr int kCohort = 16;       // of so many at most
constexpr int64_t kCohortH = 16;  // and so many hidden units at most, which are one group of any cell
struct CohortCall {
  const UpdateCall* updates;  // (count,); their scratch is not used, nor their gradients
  int64_t count;
  void* scratch;  // cohort_scratch numbers
};

struct EvaluationCall {
  Shape shape;
  Examples examples;
  const void* weights;
  int64_t first, count;    // which sequences
  double* losses;          // out (count,): the sum of each sequence's losses over its positions
  double* furthest;        // out (count,): of numbers the largest |out - y| of each sequence
  int64_t *scored, *asked, *right;  // out (count,): positions (numbers: S O), and of classes those asked and those right
  void* scratch;           // evaluation_scratch numbers
};

struct StepsCall {
  Shape shape;
  const void* weights;  // as Parts says
  int64_t rows;         // B sequences, each at its own state
  const void* x;        // (B, T, I)
  void *h, *c;          // in and out (B, H): the states; c of an LSTM, else none
  void* out;            // out (B, O): what is read of the last state
  void* scratch;        // steps_scratch numbers
};

}  // namespace unroll
