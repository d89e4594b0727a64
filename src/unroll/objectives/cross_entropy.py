"""The cross-entropy in nats, for targets that are classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unroll.exact import logarithm
from unroll.objectives.base import Objective
from unroll.quantity import Quantity

if TYPE_CHECKING:
    from torch import Tensor

    from unroll.axes import Float64

UNSCORED = -1
"""The target of a position that is not scored."""


class CrossEntropy(Objective):
    r"""The mean of :math:`-\ln p` of the right class over scored positions, in nats.

    The last axis of the outputs holds a logit for each class; targets are integers, (B, S), -1 where a position is not
    scored. Counted beside it: ``accuracy``, the share of asked positions where the right class has the largest logit
    (of equal ones the lowest class counts), and ``sequence_accuracy``, the share of sequences in which every asked
    position is right.
    """

    name = "cross_entropy"
    version = "1"
    score = Quantity("test_nats", "test cross-entropy", unit="nats", scale="log", better="lower", bounds=(0.0, None))
    counted = (
        Quantity("test_accuracy", "test accuracy", better="higher", bounds=(0.0, 1.0)),
        Quantity("test_sequence_accuracy", "whole sequences right", better="higher", bounds=(0.0, 1.0)),
    )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See Objective."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(_rows(outputs), targets.flatten().long(), ignore_index=UNSCORED)

    def scored(self, targets: Tensor) -> int:
        """Positions with a class."""
        return int((targets != UNSCORED).sum())

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See Objective."""
        from torch.nn.functional import cross_entropy

        rows = _rows(outputs).double()
        losses = cross_entropy(rows, targets.flatten().long(), ignore_index=UNSCORED, reduction="none")
        return losses.view(targets.shape).sum(1) / (targets != UNSCORED).sum(1)

    def counts(self, outputs: Tensor, targets: Tensor, asked: Tensor | None) -> dict[str, tuple[float, int]]:
        """See Objective."""
        asked = targets != UNSCORED if asked is None else asked
        guessed = _rows(outputs).argmax(dim=1).view(targets.shape)
        right = guessed == targets
        whole = (right | ~asked).all(dim=1)
        return {
            "accuracy": (float((right & asked).sum()), int(asked.sum())),
            "sequence_accuracy": (float(whole.sum()), len(whole)),
        }

    def unfit(self, targets: Any, outputs: tuple[int, ...]) -> str:
        """See Objective: whole numbers, a class or -1 for each step; in each sequence one that is a class."""
        classes, shape = outputs[-1], outputs[:-1] if len(outputs) > 2 else (*outputs[:1], 1)
        if targets.dtype.kind not in "iu" or targets.shape != shape:
            return f"y is {targets.dtype}, {targets.shape}. Give classes as whole numbers, {shape}."
        if not UNSCORED <= int(targets.min()) <= int(targets.max()) < classes:
            row, place = np.argwhere((targets < UNSCORED) | (targets >= classes))[0]
            return (
                f"the class {targets[row, place]} of sequence {row + 1}, position {place + 1}, is none of its "
                f"{classes}. Give 0 to {classes - 1}, or {UNSCORED} where a position is not scored."
            )
        unscored = np.flatnonzero((targets == UNSCORED).all(axis=1))
        if len(unscored):
            return (
                f"sequence {unscored[0] + 1} has no position that is scored. Give each at least one class that is not "
                f"{UNSCORED}."
            )
        return ""

    def constant(self, targets: Any, at: Any = None) -> Float64:
        """Under the shares of the classes at each step, of all sequences: -ln of the right one's."""
        y = np.asarray(targets, dtype=np.int64)
        steps = np.broadcast_to(np.arange(y.shape[1]), y.shape) if at is None else np.asarray(at, dtype=np.int64)
        scored = y != UNSCORED
        shape = int(steps.max()) + 1, int(y.max()) + 1
        found = np.ravel_multi_index((steps[scored], y[scored]), shape)
        shares = np.bincount(found, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
        losses = -logarithm(shares)[steps, y]  # the class -1 is read from the last, and left out below
        return np.asarray(np.where(scored, losses, 0.0).sum(axis=1) / scored.sum(axis=1), dtype=np.float64)


def _rows(outputs: Tensor) -> Tensor:
    """Return outputs as (positions, classes)."""
    return outputs.flatten(0, -2) if outputs.ndim > 2 else outputs
