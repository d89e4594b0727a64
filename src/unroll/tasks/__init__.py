"""What is learned: families of sequences with a target. NumPy only."""

from unroll.tasks.base import Criterion, Dataset, Memory, Split, Task

__all__ = ["Criterion", "Dataset", "Memory", "Split", "Task"]
