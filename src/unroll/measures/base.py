"""The contract of a measure. To add one: inherit from Measure in a file of its own, and name it in ``unroll.registry``.

A measure is what is asked of a trial: how its loss falls, how far ahead it is right, how its gradients fade. A folder
of this room holds one: its facts in ``__init__.py``, and beside them only what it needs. ``compute.py`` may import
torch, training and models, and is imported when it is called; ``table.py``, ``figure.py`` and ``sentences.py`` may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from unroll.study.plug_in import PlugIn

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.axes import Float32
    from unroll.layout import Layout
    from unroll.measures.source import Source
    from unroll.models.base import Model
    from unroll.models.network import Network
    from unroll.plots.style import Drawing
    from unroll.quantity import Quantity
    from unroll.store import NamedArray
    from unroll.streams import Generator
    from unroll.study import Trial
    from unroll.tasks import Task


Place: TypeAlias = Literal["page", "terminal"]


class DoesNotApplyError(Exception):
    """What ``compute`` raises of a trial that has nothing to be measured; its message says why, as a sentence.

    It is no failure: the reason is stored, and stands where the number would.
    """


class Figure(Protocol):
    """A figure: a module of these functions, or anything that has them."""

    def points(self, source: Source, /) -> pd.DataFrame:
        """Return what is drawn, one frame; empty where the study has no data for it."""
        ...

    def draw(self, points: pd.DataFrame, /) -> Drawing:
        """Return the figure."""
        ...

    def describe(self, points: pd.DataFrame, /) -> str:
        """Return what it shows, in words: its alternative text."""
        ...

    def caption(self, points: pd.DataFrame, /) -> str:
        """Return how to read it."""
        ...


@dataclass(frozen=True)
class Found:
    """What a measure found in a trained network: single numbers, and arrays along named axes, float64.

    Infinity is a number; NaN is none: in an array it says that there is none at a place, and a measure that has no
    number to tell at all raises ValueError with the reason, or DoesNotApplyError.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NamedArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """What belongs to a trial itself: final values, curves by horizon (steps ahead, from 1), counts of sequences."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    histories: Mapping[str, Float32] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)
    """How many sequences each regime has."""


@dataclass(frozen=True)
class About:
    """What sentences are asked about: a task, a model and a factor of the study; "" where it is all of them.

    ``asked``: whether a question names the measure. Of what others say anyway it says nothing otherwise.
    """

    task: str = ""
    model: str = ""
    factor: str = ""
    asked: bool = False

    def only(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of that task and model."""
        for name, wanted in (("task", self.task), ("model", self.model)):
            table = table[table[name] == wanted] if wanted else table
        return table


class Measure(PlugIn):
    """What is asked of a trial; see PlugIn for its facts.

    ``when`` its numbers come to be: "training", the training loop records them; "end", they are computed from the
    trained network, once; "read", they follow from other numbers when results are read, and nothing is stored.
    """

    noun = "measure"
    when: ClassVar[Literal["training", "end", "read"]] = "read"
    needs: ClassVar[str] = "a complete trial"
    """What a study must have for it: "a complete trial of delayed recall"."""
    rows: ClassVar[str] = ""
    """What its table is called in JSON and as a method of the results, where that is not its name."""
    of_factors: ClassVar[bool] = False
    """Whether its ``findings`` say what ``about.factor`` does: it answers questions that name a factor."""
    section: ClassVar[str] = "Measured"
    """The heading under which a report shows it."""
    by_length: ClassVar[bool] = False
    """Whether its figure runs over lengths: a report leaves it out where another ``covers`` the same."""
    nested: ClassVar[bool] = True
    """Whether ``unroll show --json`` lists its rows in the row of their condition."""
    place: ClassVar[int] = 1000
    """Where it stands among the others, ascending. Those of unroll are hundreds apart."""

    def why_not(self, task: Task, model: Model) -> str:
        """Return why it cannot be measured of such trials, as a sentence; "" where it can."""
        return ""

    def quantities(self, task: Task, length: int) -> tuple[Quantity, ...]:
        """Return what it stores of a trial; nothing of a measure that is read from other numbers."""
        return ()

    def compute(self, trial: Trial, task: Task, network: Network, generator: Generator) -> Found:
        """Return what it finds in a trained network, of a measure that is computed at the "end".

        ``network``: a copy of its own, on the CPU, in float64 and evaluation mode. ``generator``: its stream, the same
        numbers each time, whatever the trial's protocol; nothing else may be drawn from. What it raises is stored as
        the reason why there is no number, and costs the trial nothing: DoesNotApplyError where there is nothing to be
        measured, anything else as a failure.
        """
        raise NotImplementedError(f"The measure {self.name} is computed at the end: give it a method compute.")

    def record(self, trial: Trial, task: Task, network: Network) -> Recorded:
        """Return what is recorded of the trained network as part of the trial itself; nothing by default.

        Only unroll's own measures of "training" are asked: what they give is under the trial's digest, which must not
        depend on what else is installed.
        """
        return Recorded()

    def table(self, source: Source) -> pd.DataFrame:
        """Return its numbers of a study: by default over seeds, by the shape of what it stores.

        Of one that stores nothing and gives none, it is what its figure is drawn from.
        """
        if self.when == "end":
            from unroll.measures.generic import table

            return table(self, source)
        if self.figure is None:
            raise NotImplementedError(f"The measure {self.name} has no table: give it a method table, or a figure.")
        return self.figure.points(source)

    @property
    def figure(self) -> Figure | None:
        """Its figure: by default that of the shape of what it stores, None of a measure that stores nothing."""
        if self.when == "end":
            from unroll.measures.generic import Generic

            return Generic(self)
        return None

    def has_numbers(self, source: Source) -> bool:
        """Say whether a study may have anything of it to show: of one that looks at networks, whether it has looked."""
        return self.when != "end" or bool(source.examination(self.name)["value"].notna().any())

    def heading(self, points: pd.DataFrame) -> str:
        """Return the title of its figure."""
        return str(self.told()["title"])

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say whether a report shows its figure of these points, which are some; by default it does."""
        return True

    def few(self, points: pd.DataFrame) -> pd.DataFrame:
        """Return the points for a page that cannot hold all; by default all."""
        return points

    def left_out(self, points: pd.DataFrame, study: str) -> str:
        """Return what ``few`` has left out and how to see it, with the study as a command names it; "" for nothing."""
        return ""

    def leads(self, source: Source) -> int | None:
        """Return its rank among the figures of a first screen, the lowest is taken; None for one that never is."""
        return None

    def covers(self, source: Source) -> bool:
        """Say whether its figure tells of all trials at once which lengths are solved."""
        return False

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """Yield its tables for a page, or for a terminal: by default its ``table``, where it has one of its own."""
        from unroll.analysis.sheets import plain
        from unroll.measures.generic import layout

        if type(self).table is not Measure.table:
            frame = source.measure(self.name)
            yield from [plain(self.name, self.heading(frame), "", frame)] if len(frame) else []
        elif self.when == "end":
            yield from filter(None, (layout(self, source),))

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield what is to be said of it; nothing by default.

        ``about.model`` is that of a question, else the study's only one, "" where there are several.
        """
        yield from ()

    def judges(self, source: Source) -> frozenset[str]:
        """Return the tasks that are judged by it, and not by their test loss; none by default."""
        return frozenset()
