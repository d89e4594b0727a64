"""A split as tensors, a batch of it, and what a network answers to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from unroll.models.network import Network
from unroll.tasks import Split


@dataclass(frozen=True)
class Examples:
    """The tensors of a split, see ``unroll.tasks.Split``; ``alphabet`` is the number of symbols, 0 without tokens.

    Of a split whose trial is trained on a GPU, ``copy`` is what was moved there.
    """

    x: Tensor
    y: Tensor
    at: Tensor | None
    asked: Tensor | None
    alphabet: int
    copy: Examples | None = None

    @classmethod
    def of(cls, split: Split, alphabet: int) -> Examples:
        """Return a split's tensors, which share its memory."""
        at, asked = (None if array is None else _tensor(array) for array in (split.at, split.asked))
        return cls(_tensor(split.x), _tensor(split.y), at, asked, alphabet)

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def cache(self) -> dict[str, Any]:
        """What is made of these examples once, and forgotten with them."""
        return {}

    def take(self, rows: Tensor) -> Examples:
        """Return the sequences with these numbers."""
        at, asked = (None if one is None else one.index_select(0, rows) for one in (self.at, self.asked))
        return Examples(self.x.index_select(0, rows), self.y.index_select(0, rows), at, asked, self.alphabet)

    def part(self, first: int, size: int) -> Examples:
        """Return up to ``size`` sequences from the one with the number ``first`` on."""
        chosen = slice(first, first + size)
        at, asked = (None if one is None else one[chosen] for one in (self.at, self.asked))
        return Examples(self.x[chosen], self.y[chosen], at, asked, self.alphabet)

    def placed(self, device: torch.device) -> Examples:
        """Return the same with a copy on a device; itself where it is there."""
        if self.x.device == device:
            return self
        at, asked = (None if one is None else one.to(device) for one in (self.at, self.asked))
        return replace(self, copy=Examples(self.x.to(device), self.y.to(device), at, asked, self.alphabet))

    @property
    def there(self) -> Examples:
        """These examples where their trial is trained."""
        return self if self.copy is None else self.copy

    def inputs(self) -> Tensor:
        """Return what a network is given, float32 (B, T, I): numbers as they are, a symbol as a one among zeros."""
        return one_hot(self.x.long(), self.alphabet).float() if self.alphabet else self.x

    def answers(self, network: Network) -> Tensor:
        """Return a network's outputs for the last step, every step, or the steps that are scored."""
        outputs: Tensor = network(self.inputs())
        if self.at is None:
            return outputs
        steps = self.at.long().unsqueeze(-1).expand(-1, -1, outputs.shape[-1])
        return outputs.gather(1, steps)


def readout_of(readout: Literal["last", "every", "some"]) -> Literal["last", "every"]:
    """Return which outputs a network makes for a task's readout: those of some steps are chosen from all."""
    return "every" if readout == "some" else readout


def _tensor(array: NDArray[Any]) -> Tensor:
    """Return a tensor on an array's memory; on a copy of one that may not be written to, such as one row for all."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())
