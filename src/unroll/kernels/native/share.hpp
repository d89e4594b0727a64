// How the work of a call is shared out between its members, and how often they look whether it goes on.
#pragma once

#include "call.hpp"
#include "vec.hpp"

namespace unroll {
namespace UNROLL_NS {

constexpr int64_t kWatchWork = 1 << 22;  // multiply-adds between two looks at whether the call goes on: 0.1 ms or so

UNROLL_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
UNROLL_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// From begin on, before end.
struct Range {
  int64_t begin, end;
  UNROLL_INLINE int64_t size() const { return end - begin; }
  // What of it lies in a piece of `n` that starts at `start`, counted from there.
  UNROLL_INLINE Range within(int64_t start, int64_t n) const {
    const int64_t from = smaller(larger(begin - start, 0), n);
    return {from, larger(smaller(end - start, n), from)};
  }
};

// How what is inside one lane is shared out.
struct Split {
  int64_t index, count;
  UNROLL_INLINE Range of(int64_t n) const { return {n * index / count, n * (index + 1) / count}; }
};

// Looks from time to time whether the call goes on.
struct Watch {
  const Member& me;
  int64_t work = 0;
  UNROLL_INLINE bool goes_on(int64_t more) {
    if ((work += more) < kWatchWork) return true;
    work = 0;
    return unroll::goes_on(me);
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
