#include "team.hpp"

#include <csignal>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "dispatch.hpp"

namespace unroll {
namespace {

constexpr long long kLook = 50'000'000;      // nanoseconds between two questions whether to stop
constexpr int64_t kWorkOfMember = 8 << 20;   // multiply-adds, about a fifth of a millisecond in float32: less is not worth a thread
constexpr int64_t kRowsOfMember = 4;         // fewer rows at a time leave the registers empty
constexpr int64_t kRowBlock = 64;            // rows that run together
constexpr int kSpins = 2000;                 // some 0.03 ms: a meeting is mostly shorter than going to sleep

long long now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

void pause() {
#if defined(__SSE2__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

double clock_seconds() { return double(now()) * 1e-9; }

int members_for(Cell cell, Number number, const Sizes& s, bool backward, int allowed) {
  const int64_t work = s.K * s.B * s.T * gates_of(cell) * s.H * (s.H + s.I) * (backward ? 2 : 1) * (number == Number::float64 ? 2 : 1);
  const int64_t rows = std::min(s.B, backward ? kRowBlock : s.B);
  const int64_t room = s.K >= allowed ? allowed : rows / kRowsOfMember;
  return int(std::max<int64_t>(1, std::min({int64_t(allowed), room, work / kWorkOfMember})));
}

Team::Team(int count, bool (*wants_stop)(void*), void* asker)
    : count_(count), wants_stop_(wants_stop), asker_(asker), next_look_(now() + kLook) {}

void Team::set_gate(Gate gate) {
  const std::lock_guard<std::mutex> held(lock_);
  gate_ = gate;
  changed_.notify_all();
}

void Team::member(int index, void (*job)(void*, const Member&), void* work) {
  {
    std::unique_lock<std::mutex> held(lock_);
    changed_.wait(held, [this] { return gate_ != Gate::shut; });
    if (gate_ == Gate::home) return;
  }
  const PlainMode plain;
  job(work, {this, index, count_});
}

void Team::run(void (*job)(void*, const Member&), void* work) {
  std::vector<std::thread> others;
  if (count_ > 1) {
    sigset_t all, before;  // signals are for the threads that the process had before
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      others.reserve(std::size_t(count_ - 1));
      for (int index = 1; index < count_; ++index) others.emplace_back(&Team::member, this, index, job, work);
      set_gate(Gate::open);
    } catch (...) {  // no more threads, or no memory for them
      set_gate(Gate::home);
      count_ = 1;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  {
    const PlainMode plain;
    job(work, {this, 0, count_});
  }
  for (std::thread& other : others) other.join();
}

bool goes_on(const Member& me) {
  Team& team = *me.team;
  if (me.index == 0 && team.wants_stop_ && !team.given_up() && now() >= team.next_look_) {
    if (team.wants_stop_(team.asker_)) team.asked_to_stop_.store(true, std::memory_order_relaxed);
    team.next_look_ = now() + kLook;
  }
  return !team.given_up();
}

// What was asked for is agreed on by the last to arrive, before the others go on: a member that read the wish itself might go
// home while another waits for it at the next meeting.
bool meet(const Member& me) {
  Team& team = *me.team;
  const unsigned meeting = team.meetings_.load(std::memory_order_acquire);
  if (team.arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == me.count) {
    team.arrived_.store(0, std::memory_order_relaxed);
    team.stops_ = team.given_up();
    const std::lock_guard<std::mutex> held(team.lock_);
    team.meetings_.store(meeting + 1, std::memory_order_release);
    team.changed_.notify_all();
  } else {
    const auto over = [&] { return team.meetings_.load(std::memory_order_acquire) != meeting; };
    for (int i = 0; i < kSpins && !over(); ++i) pause();
    if (!over()) {
      std::unique_lock<std::mutex> held(team.lock_);
      team.changed_.wait(held, over);
    }
  }
  return !team.stops_;
}

}  // namespace unroll
