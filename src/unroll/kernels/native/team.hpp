// The threads of one call: made for it, and gone after it.
//
// No thread outlives its call, so nothing is there to spin when idle, to be lost in a fork or to be fought over by two callers.
// Making and joining one costs a few hundredths of a millisecond; members_for gives a call as many members as that is little for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "call.hpp"

namespace unroll {

// How many threads a call gets of those that the caller allows. Never decides about a result's bits.
int members_for(Cell cell, Number number, const Sizes& sizes, bool backward, int allowed);

class Team {
 public:
  // `wants_stop` is asked in the calling thread, at most every twentieth of a second; true gives the call up.
  Team(int count, bool (*wants_stop)(void*), void* asker);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Runs `job` in every member at once, in the plain floating-point mode; the caller is the first. Back when all are done.
  // Where the system has no more threads, the caller does it alone.
  void run(void (*job)(void*, const Member&), void* work);

  bool given_up() const { return asked_to_stop_.load(std::memory_order_relaxed); }

 private:
  friend bool meet(const Member&);
  friend bool goes_on(const Member&);
  enum class Gate { shut, open, home };
  void member(int index, void (*job)(void*, const Member&), void* work);
  void set_gate(Gate gate);

  int count_;
  bool (*wants_stop_)(void*);
  void* asker_;
  long long next_look_;  // in nanoseconds
  std::atomic<bool> asked_to_stop_{false};
  std::mutex lock_;
  std::condition_variable changed_;
  Gate gate_ = Gate::shut;
  bool stops_ = false;  // agreed on at the last meeting
  std::atomic<int> arrived_{0};
  std::atomic<unsigned> meetings_{0};
};

}  // namespace unroll
