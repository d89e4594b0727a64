"""The contract of a task. To add one: inherit from Task in a file of its own, and name it in ``unroll.registry``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.axes import Sequences, Targets
from unroll.streams.base import Streams

MOST_SEQUENCES = 100_000_000
Count = Annotated[int, Field(ge=1, le=MOST_SEQUENCES)]


@dataclass(frozen=True)
class Split:
    """Sequences with their targets.

    ``x``: float32 (N, T, I). ``y``: float32 (N, O) where the readout is on the last step, (N, T, O) where it is on
    every step.
    """

    x: Sequences
    y: Targets

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """The three splits of a trial; validation may be empty (N = 0).

    ``dropped`` counts, by split, what was left out because it occurs in training.
    """

    train: Split
    validation: Split
    test: Split
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Criterion:
    """When a trial counts as solved: ``metric`` below ``below``."""

    metric: str
    below: float


class Task(BaseModel, ABC):
    """A family of sequences with a target; its fields are the settings that ``[task]`` may hold.

    A task is a frozen pydantic model: types, bounds and defaults of its settings are declared on its fields and are
    checked before anything is trained. ``train``, ``validation`` and ``test`` count the sequences of the splits. The
    loss is the mean squared error. ``version`` changes whenever the same settings and streams would give other data.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )

    name: ClassVar[str]
    summary: ClassVar[str]
    version: ClassVar[str | None] = None
    sources: ClassVar[tuple[str, ...]] = ()
    """BibTeX entries."""
    tags: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[Literal["numpy", "python"]] = "numpy"
    """Whose generator gives the data under the protocol ``notebook``: NumPy's legacy one or Python's ``random``."""
    generates: ClassVar[bool] = False
    """Whether a trained network can go on alone, on its own output: a task of ``unroll.tasks.numbers``."""

    train: Count = 10_000
    validation: Annotated[int, Field(ge=0, le=MOST_SEQUENCES)] = 0
    test: Count = 2_000

    @property
    @abstractmethod
    def inputs(self) -> int:
        """I, the number of inputs a step."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """O, the number of outputs."""

    @property
    @abstractmethod
    def readout(self) -> Literal["last", "every"]:
        """Whether the target belongs to the last step or to every step."""

    @property
    @abstractmethod
    def solved(self) -> Criterion:
        """When a trial of this task counts as solved."""

    @abstractmethod
    def baseline(self, length: int) -> float:
        """Return the test loss of the best predictor that remembers nothing."""

    @abstractmethod
    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Return the three splits for sequences of ``length`` steps.

        Draws from the streams ``data``, ``validation`` and ``test``, in this order, and from nothing else.
        """

    def check_length(self, length: int) -> None:
        """Raise ValueError, with the bound, where sequences of this length make no sense."""
        if length < 1:
            raise ValueError(f"a sequence cannot have {length} steps; at least 1")

    def expected(self, sequences: int, length: int) -> int:
        """Return how many training examples so many sequences come to on average: themselves, unless they are cut."""
        return sequences

    @property
    def notes(self) -> str:
        """What a table must state beside a result: the variant, where the field has several."""
        return ""
