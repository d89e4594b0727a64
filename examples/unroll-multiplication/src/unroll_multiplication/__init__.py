"""The multiplication problem and the minimal gated unit, for unroll."""
