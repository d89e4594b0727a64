"""The contract of an objective. To add one: inherit from Objective in a file, and name it in ``unroll.registry``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unroll.quantity import Quantity

if TYPE_CHECKING:
    from torch import Tensor

    from unroll.axes import Float64


class Objective(ABC):
    """A loss: the mean over the scored positions of a batch, and what else is counted of the same outputs.

    Outputs are (B, O), (B, T, O) or (B, S, O): for the last step, for every step, or for S steps of each sequence;
    targets are as the task's ``Split`` says. The module imports no torch before it computes: what an objective declares
    is read when a study is checked.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    score: ClassVar[Quantity]
    """The loss on the test split."""
    counted: ClassVar[tuple[Quantity, ...]] = ()
    """What else is told of the test split, by the names that ``counts`` gives with ``test_`` before them."""

    @property
    def kind(self) -> str:
        """What the loss is called in the names of metrics: "mse" of "test_mse"."""
        return self.score.name.removeprefix("test_")

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over all scored positions, a scalar with a gradient."""

    @abstractmethod
    def scored(self, targets: Tensor) -> int:
        """Return by what the mean loss of a batch is weighed in a mean over batches: its scored positions."""

    @abstractmethod
    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of each sequence over its scored positions, (B,), float64."""

    def counts(self, outputs: Tensor, targets: Tensor, asked: Tensor | None) -> dict[str, tuple[float, int]]:
        """Return what else is counted: by name a sum and how many it is over, so that batches add up.

        ``asked``: bool, of the shape of the targets; None where every scored position is asked.
        """
        return {}

    def unfit(self, targets: Any, outputs: tuple[int, ...]) -> str:
        """Return what is wrong with a split's targets, a NumPy array, and what to give instead; "" where nothing is.

        ``outputs``: the shape of what a network answers to the whole split. It is asked before anything is trained.
        """
        return ""

    @abstractmethod
    def constant(self, targets: Any, at: Any = None) -> Float64:
        """Return the loss of each sequence, (N,), under the best answer that looks at no input and knows the step.

        It is the best one for these very targets, a NumPy array, so that no predictor without memory can do better.
        """

    def means(self, sums: Mapping[str, tuple[float, int]]) -> dict[str, float]:
        """Return the means of summed ``counts``."""
        return {name: total / count for name, (total, count) in sums.items() if count}
