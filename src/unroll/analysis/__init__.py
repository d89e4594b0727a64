"""Frame in, frame out: what the results say, in numbers."""

from unroll.analysis.summary import conditions

__all__ = ["conditions"]
