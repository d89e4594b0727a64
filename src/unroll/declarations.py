"""What a trial says of itself when it is planned, so that its results can be read where its plug-ins are missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from unroll.quantity import Quantity
from unroll.wording import metric_label

MSE = Quantity("test_mse", "test MSE", scale="log", better="lower", bounds=(0.0, None))
"""The test loss of numbers; also of every trial that is older than declarations."""


def wrong_beyond(error: float, baseline: float) -> Quantity:
    """Return the share of answers that are further off than ``error``; ``baseline`` is that share at the baseline."""
    words = f"off by more than {error:g} (baseline {baseline:.2f})"
    return Quantity("test_wrong", words, better="lower", bounds=(0.0, 1.0))


@dataclass(frozen=True)
class Amount:
    """How a loss is read as an amount that is remembered; see ``unroll.tasks.base.Memory``."""

    unit: str
    most: float


@dataclass(frozen=True)
class Line:
    """A second line beside the baseline: what somebody comes to who knows something, but not what the task asks for.

    ``name`` names it in a legend ("bag"), ``words`` say who it is: "who knows the values, but not their keys". ``loss``
    and, of classes, ``accuracy`` are as the baseline's and chance's.
    """

    name: str
    words: str
    loss: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Tested:
    """A further length at which a trial is tested, with the loss and the accuracy of the best answer without memory."""

    length: int
    baseline: float
    chance: float | None = None


@dataclass(frozen=True)
class Declared:
    """What the reading side asks of a trial, by its role and not by its name.

    ``score``: the loss on the test split, by which models are compared. ``quantities``: what else a trial stores, by
    name. ``above``: the value that the criterion's metric must exceed, None where it must be below
    ``solved_below``. ``chance``: the accuracy at the baseline. ``memory``: how the score is read as an
    amount. ``tested``: the further lengths at which it is tested. ``memoryless``: whether no predictor with no
    memory is better than the baseline, which sees no input; ``second``: a second line to compare with. ``files``:
    where a trial's users' files lay, by the setting, see ``unroll.study.Trial.files``.
    """

    score: Quantity = MSE
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    above: float | None = None
    chance: float | None = None
    memory: Amount | None = None
    tested: tuple[Tested, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    memoryless: bool = True
    second: Line | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "score": self.score.plain(),
            "quantities": [quantity.plain() for quantity in self.quantities.values()],
            **({} if self.above is None else {"above": self.above}),
            **({} if self.chance is None else {"chance": self.chance}),
            **({} if self.memory is None else {"memory": {"unit": self.memory.unit, "most": self.memory.most}}),
            **({"tested": [asdict(one) for one in self.tested]} if self.tested else {}),
            **({"files": dict(self.files)} if self.files else {}),
            **({} if self.memoryless else {"memoryless": False}),
            **({} if self.second is None else {"second": asdict(self.second)}),
        }

    @classmethod
    def of(cls, text: str) -> Declared:
        """Return what ``plain`` gave, from its JSON."""
        return _read(text)

    @property
    def validation(self) -> str:
        """The name of the same loss on the validation split."""
        return f"validation_{self.score.name.removeprefix('test_')}"

    def counts(self, metric: str) -> bool:
        """Say whether a metric is the score, or counted with it on the same outputs."""
        return metric == self.score.name or metric in self.quantities

    def criterion(self, metric: str, below: float) -> str:
        """Return when a trial is solved, in words: "test MSE < 0.01"."""
        bound = f"< {below:g}" if self.above is None else f"> {self.above:g}"
        return f"{self.words(metric)} {bound}"

    def words(self, name: str) -> str:
        """Return how a metric is named in a sentence, by its own name where nobody has declared it."""
        if name == self.score.name:
            return self.score.words
        return self.quantities[name].words if name in self.quantities else metric_label(name)


@lru_cache(maxsize=1024)
def _read(text: str) -> Declared:
    plain = json.loads(text)
    memory = plain.get("memory")
    return Declared(
        score=Quantity.of(plain["score"]),
        quantities={quantity.name: quantity for quantity in map(Quantity.of, plain["quantities"])},
        above=plain.get("above"),
        chance=plain.get("chance"),
        memory=None if memory is None else Amount(str(memory["unit"]), float(memory["most"])),
        tested=tuple(Tested(**one) for one in plain.get("tested", ())),
        files=plain.get("files", {}),
        memoryless=plain.get("memoryless", True),
        second=Line(**plain["second"]) if "second" in plain else None,
    )
