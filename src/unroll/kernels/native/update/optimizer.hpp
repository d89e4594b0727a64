// The optimizers of torch.optim, number by number: SGD with momentum, RMSprop, Adam, AdamW, and the bounds on the gradient.
//
// With g the gradient (bounded; plus the decay times w, but for AdamW), eta the learning rate and t the count of updates:
//
//   sgd       v = momentum v + g;                        w -= eta v        (without momentum v = g)
//   rmsprop   s = alpha s + (1 - alpha) g^2;             w -= eta g / (sqrt(s) + epsilon)
//             with momentum: v = momentum v + g / (sqrt(s) + epsilon), w -= eta v
//   adam      m += (1 - beta1) (g - m), s = beta2 s + (1 - beta2) g^2;
//             w -= eta / (1 - beta1^t) m / (sqrt(s) / sqrt(1 - beta2^t) + epsilon)
//   adamw     the same after w *= 1 - eta decay
//
// beta^t is a product of t factors, one after another. What an update hands to the next is cut (vec.hpp), s below 2^-111.
//
// Sources: as torch.optim names them. D. P. Kingma, J. Ba, Adam: A method for stochastic optimization, ICLR 2015. I. Loshchilov, F. Hutter,
// Decoupled weight decay regularization, ICLR 2019.
#pragma once

#include "../vec.hpp"
#include "call.hpp"

namespace unroll {
namespace UNROLL_NS {

// Up to a vector of numbers from anywhere; zeros behind them.
template <class T>
UNROLL_INLINE Vec<T> some(const T* from, int64_t n) {
  Vec<T> v{};
  if (n >= kLanes<T>)
    __builtin_memcpy(&v, from, sizeof v);
  else
    for (int64_t i = 0; i < n; ++i) v[i] = from[i];
  return v;
}
template <class T>
UNROLL_INLINE void put(Vec<T> v, T* to, int64_t n) {
  if (n >= kLanes<T>)
    __builtin_memcpy(to, &v, sizeof v);
  else
    for (int64_t i = 0; i < n; ++i) to[i] = v[i];
}

// The numbers of one step, as vectors.
template <class T>
struct Step {
  Vec<T> clip, low, high, decay, keep, rate, epsilon, momentum, beta1, one_less_beta1, beta2, one_less_beta2, root_of_bias;
  bool clips;

  Step(const Optimizer& o, double norm, double rate_of_step) {
    clips = norm > o.clip_norm;
    clip = splat(clips ? T(o.clip_norm / norm) : T(1));
    low = splat(T(-o.clip_value)), high = splat(T(o.clip_value));
    decay = splat(o.rule == Rule::adamw ? T(0) : T(o.weight_decay));
    keep = splat(o.rule == Rule::adamw ? T(1 - rate_of_step * o.weight_decay) : T(1));
    const bool adam = o.rule == Rule::adam || o.rule == Rule::adamw;
    rate = splat(T(adam ? -(rate_of_step / (1 - o.powers[0])) : -rate_of_step));
    root_of_bias = splat(T(adam ? __builtin_sqrt(1 - o.powers[1]) : 1));
    epsilon = splat(T(o.epsilon)), momentum = splat(T(o.momentum));
    const double kept = adam ? o.beta2 : o.alpha;
    beta1 = splat(T(o.beta1)), one_less_beta1 = splat(T(1 - o.beta1)), beta2 = splat(T(kept)), one_less_beta2 = splat(T(1 - kept));
  }
  // One lane's numbers from another step. What is not clipped is multiplied by 1.
  void take(int lane, const Step& from) {
    clips = clips || from.clips;
    clip[lane] = from.clip[lane], low[lane] = from.low[lane], high[lane] = from.high[lane], decay[lane] = from.decay[lane], keep[lane] = from.keep[lane];
    rate[lane] = from.rate[lane], epsilon[lane] = from.epsilon[lane], momentum[lane] = from.momentum[lane], root_of_bias[lane] = from.root_of_bias[lane];
    beta1[lane] = from.beta1[lane], one_less_beta1[lane] = from.one_less_beta1[lane];
    beta2[lane] = from.beta2[lane], one_less_beta2[lane] = from.one_less_beta2[lane];
  }
};

// The weights x after a step with the gradient g; average, square and velocity, those that the rule has, after it.
template <class T, Rule rule, bool Momentum>
UNROLL_INLINE Vec<T> stepped(const Step<T>& s, Vec<T> x, Vec<T> g, Vec<T>& average, Vec<T>& square, Vec<T>& velocity) {
  if (s.clips) g = g * s.clip;
  g = g < s.low ? s.low : g > s.high ? s.high : g;
  x = x * s.keep;
  g = fma<T>(x, s.decay, g);
  Vec<T> change = g;
  if constexpr (rule == Rule::adam || rule == Rule::adamw) {
    average = cut<T>(fma<T>(g - average, s.one_less_beta1, average));
    square = cut_square<T>(fma<T>(g * g, s.one_less_beta2, square * s.beta2));
    change = average / (root<T>(square) / s.root_of_bias + s.epsilon);
  }
  if constexpr (rule == Rule::rmsprop) {
    square = cut_square<T>(fma<T>(g * g, s.one_less_beta2, square * s.beta2));
    change = g / (root<T>(square) + s.epsilon);
  }
  if constexpr (Momentum) velocity = change = cut<T>(fma<T>(velocity, s.momentum, change));
  return fma<T>(change, s.rate, x);
}

template <class T, Rule rule, bool Momentum>
void step_all(const Step<T>& s, const Optimizer& o, T* w, const T* gradient, int64_t count) {
  constexpr bool kAverage = rule == Rule::adam || rule == Rule::adamw, kSquare = kAverage || rule == Rule::rmsprop;
  T *const average = static_cast<T*>(o.average), *const square = static_cast<T*>(o.square), *const velocity = static_cast<T*>(o.velocity);
  for (int64_t i = 0; i < count; i += kLanes<T>) {
    const int64_t n = count - i;
    Vec<T> a{}, q{}, v{};
    if constexpr (kAverage) a = some(average + i, n);
    if constexpr (kSquare) q = some(square + i, n);
    if constexpr (Momentum) v = some(velocity + i, n);
    put(stepped<T, rule, Momentum>(s, some(w + i, n), some(gradient + i, n), a, q, v), w + i, n);
    if constexpr (kAverage) put(a, average + i, n);
    if constexpr (kSquare) put(q, square + i, n);
    if constexpr (Momentum) put(v, velocity + i, n);
  }
}

template <auto Value>
struct Fixed {
  static constexpr auto value = Value;
};

// Runs `job` with the rule of an optimizer, and whether it has momentum, as constants.
template <class Job>
UNROLL_INLINE void with_rule(const Optimizer& o, Job job) {
  switch (o.rule) {
    case Rule::sgd: return o.velocity ? job(Fixed<Rule::sgd>{}, Fixed<true>{}) : job(Fixed<Rule::sgd>{}, Fixed<false>{});
    case Rule::rmsprop: return o.velocity ? job(Fixed<Rule::rmsprop>{}, Fixed<true>{}) : job(Fixed<Rule::rmsprop>{}, Fixed<false>{});
    default: return job(Fixed<Rule::adam>{}, Fixed<false>{});
  }
}

UNROLL_INLINE void count_powers(const Optimizer& o) {
  if (o.powers) o.powers[0] *= o.beta1, o.powers[1] *= o.beta2;
}

template <class T>
void step(const Optimizer& o, double norm, double rate, T* w, const T* gradient, int64_t count) {
  count_powers(o);
  const Step<T> s(o, norm, rate);
  with_rule(o, [&](auto rule, auto momentum) { step_all<T, decltype(rule)::value, decltype(momentum)::value>(s, o, w, gradient, count); });
}

}  // namespace UNROLL_NS
}  // namespace unroll
