// Parts of a call's scratch memory, and what is done with rows of numbers.
#pragma once

#include "share.hpp"

namespace unroll {
namespace UNROLL_NS {

template <class T>
UNROLL_INLINE void fill_zero(T* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = T(0);
}
template <class T>
UNROLL_INLINE void copy(const T* from, T* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}
template <class T>
UNROLL_INLINE void add(const T* from, T* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] += from[i];
}

// Hands out parts of the scratch buffer, each aligned to 64 bytes; with no buffer it only counts.
template <class T>
struct Scratch {
  T* base;
  int64_t used = 0;
  T* take(int64_t n) {
    T* p = base ? base + used : nullptr;
    used += padded(n);
    return p;
  }
  // One part for each member; the member's own.
  T* take(int64_t n, Split split) {
    T* p = take(padded(n) * split.count);
    return p ? p + padded(n) * split.index : nullptr;
  }
};

}  // namespace UNROLL_NS
}  // namespace unroll
