"""The flip-flop language and the minimal gated unit, for unroll."""
