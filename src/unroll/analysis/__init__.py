"""Frame in, frame out: what the results say, in numbers."""

from unroll.analysis.curves import curves, thinned
from unroll.analysis.memory import memory
from unroll.analysis.missing import missing
from unroll.analysis.parameters import parameters
from unroll.analysis.span import span
from unroll.analysis.summary import conditions
from unroll.analysis.timing import growth, timing

__all__ = ["conditions", "curves", "growth", "memory", "missing", "parameters", "span", "thinned", "timing"]
