"""The recurrences: which code computes a cell forward and backward."""

from unroll.kernels.pick import Pick, pick

__all__ = ["Pick", "pick"]
