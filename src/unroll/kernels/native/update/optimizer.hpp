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
};

template <class T, Rule rule, bool Momentum>
void step_all(const Step<T>& s, T* w, T* gradient, T* average, T* square, T* velocity, int64_t count) {
  constexpr int W = kLanes<T>;
  for (int64_t i = 0; i < count; i += W) {
    const int64_t n = count - i;
    Vec<T> g = some(gradient + i, n), x = some(w + i, n);
    if (s.clips) g = g * s.clip;
    g = g < s.low ? s.low : g > s.high ? s.high : g;
    x = x * s.keep;
    g = fma<T>(x, s.decay, g);
    Vec<T> change = g;
    if constexpr (rule == Rule::adam || rule == Rule::adamw) {
      const Vec<T> m = some(average + i, n), moved = cut<T>(fma<T>(g - m, s.one_less_beta1, m));
      const Vec<T> v = cut_square<T>(fma<T>(g * g, s.one_less_beta2, some(square + i, n) * s.beta2));
      put(moved, average + i, n), put(v, square + i, n);
      change = moved / (root<T>(v) / s.root_of_bias + s.epsilon);
    }
    if constexpr (rule == Rule::rmsprop) {
      const Vec<T> v = cut_square<T>(fma<T>(g * g, s.one_less_beta2, some(square + i, n) * s.beta2));
      put(v, square + i, n);
      change = g / (root<T>(v) + s.epsilon);
    }
    if constexpr (Momentum) {
      change = cut<T>(fma<T>(some(velocity + i, n), s.momentum, change));
      put(change, velocity + i, n);
    }
    put(fma<T>(change, s.rate, x), w + i, n);
  }
}

template <class T>
void step(const Optimizer& o, double norm, double rate, T* w, T* gradient, int64_t count) {
  T *average = static_cast<T*>(o.average), *square = static_cast<T*>(o.square), *velocity = static_cast<T*>(o.velocity);
  if (o.powers) o.powers[0] *= o.beta1, o.powers[1] *= o.beta2;
  const Step<T> s(o, norm, rate);
  switch (o.rule) {
    case Rule::sgd:
      return velocity ? step_all<T, Rule::sgd, true>(s, w, gradient, average, square, velocity, count)
                      : step_all<T, Rule::sgd, false>(s, w, gradient, average, square, velocity, count);
    case Rule::rmsprop:
      return velocity ? step_all<T, Rule::rmsprop, true>(s, w, gradient, average, square, velocity, count)
                      : step_all<T, Rule::rmsprop, false>(s, w, gradient, average, square, velocity, count);
    default: return step_all<T, Rule::adam, false>(s, w, gradient, average, square, velocity, count);
  }
}

}  // namespace UNROLL_NS
}  // namespace unroll
