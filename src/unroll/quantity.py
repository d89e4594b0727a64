"""Whatever number a trial stores, declared once: what it is called, along what it runs, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Quantity:
    """A number that a trial stores, or an array of them.

    ``name``: as in the store ("test_mse"); ``words``: as on an axis and in a sentence ("test MSE"). ``axes``: along
    what it runs, such as ("epoch",); none for one number per trial. ``unit``: "s", "steps", "nats", "bits"; "" without
    one. ``scale``: on which values differ: by their ratio where it is "log". ``better``: which values are, None where
    neither. ``time``: a measured time, which no digest covers. ``bounds``: the least and the largest possible value.
    """

    name: str
    words: str
    axes: tuple[str, ...] = ()
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    better: Literal["lower", "higher"] | None = None
    time: bool = False
    bounds: tuple[float | None, float | None] = (None, None)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without what is as it is by default."""
        default = asdict(Quantity("", ""))
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != default[name]
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Quantity:
        """Return the quantity that ``plain`` gave."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
        }
        return cls(**values)

    @property
    def label(self) -> str:
        """What an axis is named: the words with the unit."""
        return f"{self.words}, {self.unit}" if self.unit else self.words
