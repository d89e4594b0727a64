"""The recurrences: which code computes a cell forward and backward."""

from unroll.kernels.pick import Pick, isas, pick

__all__ = ["Pick", "isas", "pick"]
