"""One trial, trained: no file, no print, no global state."""

from unroll.training.checkpoint import Checkpoint
from unroll.training.loop import Progress, Training, train
from unroll.training.network import build_network, count_parameters
from unroll.training.numerics import computing, numerics, single_thread
from unroll.training.result import Result

__all__ = [
    "Checkpoint",
    "Progress",
    "Result",
    "Training",
    "build_network",
    "computing",
    "count_parameters",
    "numerics",
    "single_thread",
    "train",
]
