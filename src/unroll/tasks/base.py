"""The contract of a task. To add one: inherit from Task in a file of its own, and name it in ``unroll.registry``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.axes import Classes, Int64, Mask, Positions, Sequences, Targets, Tokens
from unroll.declarations import Line
from unroll.streams.base import Generator, Streams
from unroll.study.plug_in import PlugIn
from unroll.study.settings import LATER

MOST_SEQUENCES = 100_000_000
NOTHING = "·"
"""How a symbol is written that says nothing."""
Count = Annotated[int, Field(ge=1, le=MOST_SEQUENCES)]


@dataclass(frozen=True)
class Split:
    """Sequences with their targets.

    ``x``: float32 (N, T, I), or for a task of tokens the ids 0, ..., I - 1, uint8 or int32 (N, T). ``y``: for numbers
    float32, (N, O) where the readout is on the last step, (N, T, O) where it is on every step, (N, S, O) where it is on
    some; for classes int32 (N, S), -1 where a position is not scored, with S = 1, T or the number of those steps.
    ``at``: int32 (N, S), the step, from 0, of each score, rising in each row; None unless the readout is on some steps.
    ``asked``: bool (N, S), the positions of which an accuracy is told; None for all that are scored.

    A sequence that is shorter than others ends with zeros after its last score. Ids, classes and steps of other integer
    types become int32, and all is looked at before the first update: see ``unroll.training.splits``.
    """

    x: Sequences | Tokens
    y: Targets | Classes
    at: Positions | None = None
    asked: Mask | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """The three splits of a trial; validation may be empty (N = 0).

    ``dropped`` counts, by split, what was left out because another split holds the same. ``test_sequences``: the number
    of the sequence that each test example was cut from, (N,), so that examples of one sequence do not count as
    independent of each other; None where each was drawn by itself.
    """

    train: Split
    validation: Split
    test: Split
    dropped: Mapping[str, int] = field(default_factory=dict)
    test_sequences: Int64 | None = None


@dataclass(frozen=True)
class Criterion:
    """When a trial counts as solved: ``metric`` below ``below``, or above ``above``; exactly one of them is given."""

    metric: str
    below: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        if (self.below is None) == (self.above is None):
            raise ValueError(f"A criterion of {self.metric} needs either below or above. Give one of them.")

    def met(self, value: float) -> bool:
        """Say whether a value meets it; one that is no number does not."""
        return value < self.below if self.below is not None else value > (self.above or 0.0)


@dataclass(frozen=True)
class Memory:
    """How a loss is read as an amount that is remembered: ``most`` * (1 - loss / baseline), from 0 to ``most``.

    A perfect memory of a part of what is asked, and the best answer without any for the rest, has just that loss.
    """

    unit: Literal["steps", "symbols", "pairs", "bits"]
    most: float


@dataclass(frozen=True)
class Tolerance:
    """From which error on an answer counts as wrong, and the share that is wrong of those at the baseline."""

    error: float
    baseline: float


class Task(PlugIn):
    """A family of sequences with a target; its fields are the settings that ``[task]`` may hold.

    See PlugIn. ``train``, ``validation`` and ``test`` count the sequences of the splits. With ``fresh`` the training
    split is drawn anew for each epoch: ``train`` sequences an epoch, of which none is trained on twice but by chance.
    """

    noun = "task"
    draws: ClassVar[Literal["numpy", "python"]] = "numpy"
    """Whose generator gives the data under the protocol ``notebook``: NumPy's legacy one or Python's ``random``."""
    objective: ClassVar[str] = "mse"
    """What is minimised, by its name in ``unroll.registry``: "mse" for numbers, "cross_entropy" for classes."""

    pitfalls: ClassVar[tuple[str, ...]] = ()
    """What others' code and tables of this task do differently, a sentence each: what a comparison must know."""

    train: Count = 10_000
    validation: Annotated[int, Field(ge=0, le=MOST_SEQUENCES)] = 0
    test: Count = 2_000
    fresh: Annotated[bool, LATER] = False

    @model_validator(mode="after")
    def _anew(self) -> Self:
        if self.fresh and not self.apart:
            raise ValueError(
                f"the splits of {self.name} are drawn together, so that none can be drawn anew. Remove task.fresh"
            )
        return self

    @property
    def apart(self) -> bool:
        """Whether each split is drawn by itself, so that there can be one more: of an epoch, or of another length."""
        return type(self).dataset is Task.dataset

    @property
    @abstractmethod
    def inputs(self) -> int:
        """I, the number of inputs a step; of tokens the size of the alphabet."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """O, the number of outputs, or of classes."""

    @property
    @abstractmethod
    def readout(self) -> Literal["last", "every", "some"]:
        """Whether the targets belong to the last step, to every step, or to the steps ``Split.at``."""

    @property
    def solved(self) -> Criterion:
        """When a trial of this task counts as solved, of any length; where that depends on it: ``criterion``."""
        raise NotImplementedError(f"The task {self.name} is never solved: give it a property solved, or criterion.")

    def criterion(self, length: int) -> Criterion:
        """Return when a trial of this length counts as solved: ``solved``, unless a task has a bound of each length."""
        return self.solved

    @property
    def tokens(self) -> bool:
        """Whether the inputs are symbols, given by their ids, and not numbers."""
        return False

    def written(self, token: int) -> str:
        """Return how an input symbol is written where a sequence is shown: its id, unless a task has signs of its own.

        ``NOTHING`` stands for what says nothing.
        """
        return str(token)

    def written_answer(self, place: int) -> str:
        """Return how a class is written there."""
        return str(place)

    @abstractmethod
    def baseline(self, length: int) -> float:
        """Return the test loss of the best predictor that sees no input, but knows the length and the step."""

    def chance(self, length: int) -> float | None:
        """Return the accuracy of that predictor on what is asked; None where there is no accuracy."""
        return None

    @property
    def memoryless(self) -> bool:
        """Whether that is the best predictor with no memory too: one that sees the current input does no better.

        Where it does, texts say "sees no input" of the baseline, and a ``second`` line tells what it comes to.
        """
        return True

    def second(self, length: int) -> Line | None:
        """Return a second line to be compared with; None where the baseline is enough."""
        return None

    def tolerance(self, length: int) -> Tolerance | None:
        """Return from which error on the field calls an answer wrong; None where it does not count them."""
        return None

    def memory(self, length: int) -> Memory | None:
        """Return how a test loss is read as an amount that is remembered; None where no such law holds."""
        return None

    def total_steps(self, length: int) -> int:
        """Return how many steps the longest sequence has: the length, unless a task's own has another meaning."""
        return length

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw ``n`` sequences of ``length`` steps from a stream of their own: what a task writes, or ``dataset``."""
        raise NotImplementedError(f"The task {self.name} draws nothing: give it a method sequences, or dataset.")

    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Return the three splits for sequences of ``length`` steps.

        Draws from the streams ``data``, ``validation`` and ``test``, in this order, and from nothing else.
        """
        self.check_length(length)
        train = self.sequences(streams.generator("data"), self.train, length)
        validation = self.sequences(streams.generator("validation"), self.validation, length)
        test = self.sequences(streams.generator("test"), self.test, length)
        return Dataset(train, validation, test)

    def epoch(self, streams: Streams, number: int, length: int) -> Split:
        """Return the training split of an epoch, counted from 0, of a task that is ``fresh``.

        It is drawn from that epoch's own stream ``data``: that of epoch 0 is the one of ``dataset``.
        """
        return self.sequences(streams.generator("data", number), self.train, length)

    def check_length(self, length: int) -> None:
        """Raise ValueError, with the bound, where sequences of this length make no sense."""
        if length < 1:
            raise ValueError(f"a sequence cannot have {length} steps; at least 1")

    def check_data(self) -> None:
        """Raise DataError where the data that this task does not draw itself cannot be had here."""

    def examples(self, length: int) -> tuple[int, int, int]:
        """Return how many examples the three splits have: on average, where sequences are cut into several."""
        return self.train, self.validation, self.test

    def versions(self, length: int) -> Mapping[str, str]:
        """Return the versions, by name, of what gives the data beside the class itself, as far as settings use it.

        They are part of a trial's key, beside that of the task and of the model.
        """
        return {}

    def _repr_html_(self) -> str:
        """Show a sequence in a notebook; see ``unroll.tasks.picture``."""
        from unroll.tasks.picture import page

        return page(self)

    @property
    def notes(self) -> str:
        """What a table must state beside a result: the variant, where the field has several."""
        return ""
