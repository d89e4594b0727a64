// What the kernels are called with: every buffer, its shape, its role and its life.
//
// Axes: K lanes (independent models), B sequences, T steps, I inputs, H hidden, G gates of a cell (tanh RNN 1, GRU 3, LSTM 4).
// All public buffers are contiguous in the order written, float32 or float64, all of one type. The caller owns all of them;
// a kernel keeps no pointer after it returns. Null where "or none" is said.
#pragma once

#include <cstdint>

namespace unroll {

enum class Cell : int { tanh_rnn = 0, relu_rnn = 1, gru = 2, lstm = 3 };
enum class Number : int { float32 = 0, float64 = 1 };

struct Sizes {
  int64_t K, B, T, I, H;
};

// Symbols of 1, 2 or 4 bytes: uint8, uint16 or int32.
struct Symbols {
  const void* data;
  int bytes;
  int64_t at(int64_t i) const {
    return bytes == 1 ? static_cast<const uint8_t*>(data)[i] : bytes == 2 ? static_cast<const uint16_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
};

struct ForwardCall {
  Sizes sizes;
  const void* x;     // (K, B, T, I)
  const void* w_ih;  // (K, G*H, I)  rows in torch's gate order: LSTM i f g o, GRU r z n
  const void* w_hh;  // (K, G*H, H)
  const void* b_ih;  // (K, G*H) or none
  const void* b_hh;  // (K, G*H) or none
  const void* h0;    // (K, B, H) or none, which is zero
  const void* c0;    // (K, B, H) or none; LSTM
  const int64_t* lengths;  // (K, B), from 1 to T, never rising along B, or none where all are T; a state stays after its length
  void* y;           // out (K, B, T, H), all states, zero past a length; or none where only the last is wanted
  void* h_n;         // out (K, B, H)
  void* c_n;         // out (K, B, H); LSTM
  void* saved;       // out (K, saved_size) for backward, aligned to 64 bytes, or none where no gradient is wanted
  void* scratch;     // scratch_size numbers, aligned to 64 bytes, for the time of the call
};

struct BackwardCall {
  Sizes sizes;
  const void* x;      // (K, B, T, I)
  const void* w_ih;   // (K, G*H, I)
  const void* w_hh;   // (K, G*H, H)
  const int64_t* lengths;  // (K, B) or none, as in the forward call
  const void* saved;  // (K, saved_size) from the forward call; only read, so a graph can be walked twice
  const void* dy;     // (K, B, T, H), or none where no gradient comes in through the steps' states
  const void* dh_n;   // (K, B, H) or none
  const void* dc_n;   // (K, B, H) or none; LSTM
  void* dx;           // out (K, B, T, I) or none
  void* dw_ih;        // out (K, G*H, I)
  void* dw_hh;        // out (K, G*H, H)
  void* db_ih;        // out (K, G*H) or none
  void* db_hh;        // out (K, G*H) or none
  void* dh0;          // out (K, B, H) or none
  void* dc0;          // out (K, B, H) or none; LSTM
  void* scratch;      // as above
};

// Hidden units lie in blocks of 16 inside, padded to whole ones, whatever the vector's length: neither sizes, nor the order of what
// is kept, nor the order of sums depend on the instruction set.
constexpr int kBlock = 16;
inline int64_t padded(int64_t n) { return (n + kBlock - 1) / kBlock * kBlock; }

inline int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

// Numbers kept of one lane for backward: the states of T + 1 times, and of each time the gates (LSTM: i f g o and the cell
// state before; GRU: r z n and the recurrent term of n; tanh and ReLU: nothing, the state says it all).
inline int64_t saved_size(Cell cell, const Sizes& s) {
  const int64_t gates = cell == Cell::lstm ? 5 : cell == Cell::gru ? 4 : 0;
  return s.B * padded(s.H) * ((s.T + 1) + s.T * gates);
}

// A call is computed by the members of a team: threads that all run the same kernel, each its own part. See team.hpp.
class Team;
struct Member {
  Team* team;
  int index, count;  // from 0 on; of how many
};

// Waits until all members are here. False where the call is given up: then every member is told so, at this meeting.
bool meet(const Member&);

// False where the call is to be given up. The first member also looks, at times, whether somebody wants that.
bool goes_on(const Member&);

// Seconds of a clock that only goes forward.
double clock_seconds();

struct UpdateCall;      // update/call.hpp
struct CohortCall;
struct EvaluationCall;
struct StepsCall;

// What one instruction set's library offers.
struct Kernels {
  const char* isa;
  int lanes;  // float32 numbers in a vector
  void (*forward)(Cell, Number, const ForwardCall&, const Member&);
  void (*backward)(Cell, Number, const BackwardCall&, const Member&);
  int64_t (*scratch_size)(Cell, Number, const Sizes&, bool backward, int members);  // in numbers
  void (*update)(Number, const UpdateCall&, const Member&);
  void (*evaluate)(Number, const EvaluationCall&, const Member&);
  int64_t (*update_scratch)(Number, const UpdateCall&);  // in numbers
  int64_t (*evaluation_scratch)(Number, const EvaluationCall&);
  void (*steps)(Number, const StepsCall&, const Member&);
  int64_t (*steps_scratch)(Number, const StepsCall&);
  void (*cohort)(const CohortCall&, const Member&);  // float32
  int64_t (*cohort_scratch)(const CohortCall&);
  void (*activate)(int function, const float* x, float* y, int64_t count);  // 0 logistic, 1 tanh; for tests
  double (*multiply_adds)(int64_t rounds);  // rounds of independent FMAs; returns how many floating-point operations that was
};

// What updates offer whose recurrence's products are of bfloat16, with float32 sums, by one instruction for them.
struct HalfKernels {
  const char* instruction;
  void (*update)(const UpdateCall&, const Member&);
  int64_t (*update_scratch)(const UpdateCall&);
  // C (rows, columns) += A (rows, k) B (k, columns), columns in whole blocks of 16, in memory as much as multiply_scratch says; for tests.
  void (*multiply)(int64_t rows, int64_t columns, int64_t k, const float* a, const float* b, float* c, void* scratch);
  int64_t (*multiply_scratch)(int64_t rows, int64_t columns, int64_t k);
};

}  // namespace unroll
