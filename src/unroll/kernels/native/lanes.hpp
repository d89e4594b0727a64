// A call's lanes, independent models, shared out between the members of its team.
#pragma once

#include "backward.hpp"
#include "forward.hpp"

namespace unroll {
namespace UNROLL_NS {

// Runs one lane after another: a member's own where there are enough lanes for all, else all of them, a part of each.
template <class Buffers, class C, class T, class Call, class Lane>
UNROLL_INLINE void over_lanes(const Layout<C, T>& l, const Call& call, const Member& me, Lane run_lane) {
  const bool apart = l.s.K >= me.count;
  Scratch<T> scratch{static_cast<T*>(call.scratch)};
  const Split whole{0, 1}, part{me.index, me.count};
  if (apart && me.index) {
    Scratch<T> size{nullptr};
    Buffers(l, size, whole);
    scratch.used = me.index * size.used;
  }
  Buffers b(l, scratch, apart ? whole : part);
  const Range lanes = apart ? part.of(l.s.K) : whole.of(l.s.K);
  Watch watch{me};
  for (int64_t lane = lanes.begin; lane < lanes.end; ++lane) {
    if (!apart && lane > lanes.begin && !meet(me)) return;  // what the lane before has packed is still read until then
    run_lane(l, call, lane, apart ? whole : part, b, watch);
    if (apart && !goes_on(me)) return;
  }
}

template <class C, class T>
void forward(const ForwardCall& call, const Member& me) {
  over_lanes<ForwardBuffers<C, T>>(Layout<C, T>(call.sizes), call, me, forward_lane<C, T>);
}

template <class C, class T>
void backward(const BackwardCall& call, const Member& me) {
  over_lanes<BackwardBuffers<C, T>>(Layout<C, T>(call.sizes), call, me, backward_lane<C, T>);
}

template <class C, class T>
int64_t scratch_size(const Sizes& sizes, bool backward, int members) {
  const Layout<C, T> l(sizes);
  const bool apart = sizes.K >= members;
  Scratch<T> scratch{nullptr};
  const Split split{0, apart ? 1 : members};
  if (backward)
    BackwardBuffers<C, T>(l, scratch, split);
  else
    ForwardBuffers<C, T>(l, scratch, split);
  return scratch.used * (apart ? members : 1);
}

}  // namespace UNROLL_NS
}  // namespace unroll
