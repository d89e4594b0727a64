"""Frame in, frame out: what the results say, in numbers."""

from unroll.analysis.generation import generation
from unroll.analysis.horizons import horizons
from unroll.analysis.summary import conditions
from unroll.analysis.traps import traps
from unroll.analysis.window_lag import window_lag

__all__ = ["conditions", "generation", "horizons", "traps", "window_lag"]
