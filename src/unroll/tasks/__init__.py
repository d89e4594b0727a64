"""What is learned: families of sequences with a target. NumPy only."""

from unroll.declarations import Line
from unroll.tasks.base import Criterion, Dataset, Memory, Split, Task, Tolerance

__all__ = ["Criterion", "Dataset", "Line", "Memory", "Split", "Task", "Tolerance"]
