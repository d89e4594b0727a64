"""Models with a layer width that is given, or chosen to match a number of parameters."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from unroll.models.base import Model
from unroll.study.settings import none_word

WIDEST = 65_536


Wanted: TypeAlias = Annotated[Annotated[int, Field(ge=1, le=10**12)] | None, BeforeValidator(none_word)]


class Sized(Model):
    """A model with ``hidden`` units in each of ``layers`` layers.

    ``parameters`` (default "none") chooses ``hidden`` in its place: the width whose number of trained parameters comes
    nearest, the smaller of two that are equally near. So models of different kinds can be compared at one size.
    """

    hidden: Annotated[int, Field(ge=1, le=WIDEST)] = 64
    layers: Annotated[int, Field(ge=1, le=1_000)] = 1
    parameters: Wanted = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.parameters is not None and self.hidden != type(self).model_fields["hidden"].default:
            raise ValueError(
                f"model.parameters = {self.parameters} chooses hidden, and model.hidden = {self.hidden} is given too. "
                "Remove one of them"
            )
        return self

    @abstractmethod
    def count(self, hidden: int, inputs: int, outputs: int) -> int:
        """Return the number of trained parameters with so many units a layer."""

    def width(self, inputs: int, outputs: int) -> int:
        """Return the number of units a layer: ``hidden``, or what comes nearest to ``parameters``."""
        if self.parameters is None:
            return self.hidden
        wanted = self.parameters
        above = 1 + bisect_left(range(1, WIDEST), wanted, key=lambda hidden: self.count(hidden, inputs, outputs))
        near = (max(1, above - 1), above)
        return min(near, key=lambda hidden: abs(self.count(hidden, inputs, outputs) - wanted))
