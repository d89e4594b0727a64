"""The one door through which measures are asked about results: one that fails costs its own part and nothing else.

A measure may be a third party's: what it raises, and what it gives in place of what it promised, becomes a MeasureError
that names it. Whoever asks one measure by its name sees that error; whoever asks all of them (``everyone``) takes
``spared`` answers: the error is noted in ``source.faults``, from which each way out of the program tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from unroll.errors import MeasureError, StoreError
from unroll.measures.base import About, Figure, Measure, Place
from unroll.measures.installed import broken, known, measure
from unroll.wording import label

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source
    from unroll.plots.style import Drawing

T = TypeVar("T")
D = TypeVar("D")
Part: TypeAlias = Literal["table", "figure", "sentences", "class"]
FUNCTIONS = ("points", "draw", "describe", "caption")
"""What a figure has."""


class Faults:
    """The measures that failed while some results were read, each by its name and part."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], MeasureError] = {}

    def note(self, error: MeasureError) -> None:
        """Keep an error; of one measure and part the first one."""
        self._found.setdefault((error.measure, error.part), error)

    def of(self, *parts: Part) -> list[MeasureError]:
        """Return those of some parts, or all."""
        return [error for error in self._found.values() if not parts or error.part in parts]


def everyone(source: Source) -> Iterator[Asked]:
    """Yield all measures that are installed, in the order in which they are shown; broken ones are noted."""
    for name, reason in broken().items():
        source.faults.note(MeasureError(name, "class", reason))
    yield from (Asked(name, one, source) for name, one in known().items())


def layouts(source: Source, where: Place) -> Iterator[tuple[Asked, Layout]]:
    """Yield the tables of all measures, each with its measure; where one has failed, what stands in its place."""
    failed: tuple[Part, ...] = ("table", "figure") if where == "page" else ("table",)
    for one in everyone(source):
        found = (*one.spared(partial(one.layouts, where), ()), *one.gaps(*failed))
        yield from ((one, layout) for layout in found)


def asked(name: str, source: Source) -> Asked:
    """Return a measure by its name. Raises UnknownNameError, and PlugInError for one that is broken."""
    return Asked(name, measure(name), source)


class Asked:
    """A measure and the results that it is asked about. What fails raises MeasureError and nothing else."""

    def __init__(self, name: str, measure: Measure, source: Source):
        self.name, self.measure, self._source = name, measure, source

    def spared(self, answer: Callable[[], T], otherwise: D) -> T | D:
        """Return an answer of this measure; where it fails, note that in ``source.faults`` and return ``otherwise``."""
        try:
            return answer()
        except MeasureError as error:
            self._source.faults.note(error)
            return otherwise

    def table(self) -> pd.DataFrame:
        """Return its numbers."""
        return self._get("table", lambda: _frame(self.measure.table(self._source)))

    def has_numbers(self) -> bool:
        """See Measure."""
        return self._get("table", lambda: _is(bool, self.measure.has_numbers(self._source)))

    def layouts(self, where: Place) -> list[Layout]:
        """Return its tables; below the last, of one that looks at networks, where it has no number and why."""
        return self._get("table", lambda: self._layouts(where))

    def findings(self, about: About) -> list[Finding]:
        """See Measure."""
        from unroll.analysis.finding import Finding

        return self._get("sentences", lambda: _all(Finding, self.measure.findings(self._source, about)))

    def judges(self) -> list[str]:
        """See Measure."""
        return self._get("sentences", lambda: _all(str, self.measure.judges(self._source)))

    def covers(self) -> bool:
        """See Measure."""
        return self._get("figure", lambda: _is(bool, self.measure.covers(self._source)))

    def leads(self) -> int | None:
        """See Measure."""
        return self._get("figure", lambda: _is((int, type(None)), self.measure.leads(self._source)))

    def figure(self) -> Figure | None:
        """Return its figure, None where it has none."""
        return figure_of(self.name, self.measure)

    def points(self) -> pd.DataFrame:
        """Return what its figure is drawn from."""
        return self._get("figure", lambda: _frame(self._drawn().points(self._source)))

    def draw(self, points: pd.DataFrame) -> Drawing:
        """Return its figure of these points."""
        return self._get("figure", lambda: self._drawn().draw(points))

    def describe(self, points: pd.DataFrame) -> str:
        """Return the alternative text of its figure."""
        return self._get("figure", lambda: _is(str, self._drawn().describe(points)))

    def on_a_page(self) -> pd.DataFrame:
        """Return the points of its figure as a page shows it: empty where it does not, few where all were too many."""

        def few() -> pd.DataFrame:
            points = _frame(self._drawn().points(self._source))
            shown = len(points) and _is(bool, self.measure.shown(points, self._source))
            return _frame(self.measure.few(points)) if shown else points.iloc[:0]

        return self._get("figure", few)

    def captioned(self, points: pd.DataFrame, study: str) -> tuple[str, str]:
        """Return the title of its figure and how to read it, with what is left out; the study as a command names it."""

        def told() -> tuple[str, str]:
            caption = _is(str, self._drawn().caption(points)) + _is(str, self.measure.left_out(points, study))
            return _is(str, self.measure.heading(points)), caption

        return self._get("figure", told)

    def use(self, part: Part, how: Callable[[], T]) -> T:
        """Return what is made of its answers; what that raises is the measure's fault."""
        return self._get(part, how)

    def gaps(self, *parts: Part) -> list[Layout]:
        """Return what stands where a table or a figure would, had it not failed."""
        from unroll.layout import Layout

        title = self.measure.title or label(self.name)
        failed = (error for error in self._source.faults.of(*parts) if error.measure == self.name)
        return [Layout((), title, f"{error}.", name=self.name) for error in failed]

    def _drawn(self) -> Figure:
        figure = self.figure()
        if figure is None:
            raise TypeError("it has no figure")
        return figure

    def _layouts(self, where: Place) -> list[Layout]:
        from unroll.layout import Layout
        from unroll.measures.generic import gaps

        has = _is(bool, self.measure.has_numbers(self._source))
        found = _all(Layout, self.measure.layouts(self._source, where)) if has else []
        for layout in found:
            _check_texts(layout)
        if self.measure.when != "end":
            return found
        missing = gaps(self._source.examination(self.name), inapplicable=bool(found))
        if not missing:
            return found
        last = found[-1] if found else Layout((), self.measure.title or label(self.name), name=self.name)
        return [*found[:-1], replace(last, caption="\n".join(filter(None, (last.caption, missing))))]

    def _get(self, part: Part, answer: Callable[[], T]) -> T:
        return _get(self.name, part, answer)


def figure_of(name: str, measure: Measure) -> Figure | None:
    """Return the figure of a measure, None where it has none; raises MeasureError for one that is none."""
    return _get(name, "figure", lambda: _figure(measure.figure))


def _get(name: str, part: Part, answer: Callable[[], T]) -> T:
    try:
        return answer()
    except StoreError:  # that is not its fault
        raise
    except MeasureError as error:  # its own, or that of another which it asked
        raise error if error.measure == name else MeasureError(name, part, str(error)) from error
    except (Exception, SystemExit) as error:  # a third party's measure may raise whatever it likes
        raise MeasureError(name, part, _reason(error)) from error


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is(kind: type[T] | tuple[type[T], ...], value: Any) -> T:
    import numpy as np

    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, kind):
        names = [one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,))]
        raise TypeError(f"it gives {_named(value)} where {' or '.join(names)} is asked for")
    return value


def _named(value: object) -> str:
    return "None" if value is None else f"an object of {type(value).__name__}"


def _all(kind: type[T], values: Any) -> list[T]:
    return [_is(kind, one) for one in values]


def _frame(value: Any) -> pd.DataFrame:
    import pandas as pd

    return _is(pd.DataFrame, value)


def _figure(value: Any) -> Figure | None:
    missing = [name for name in FUNCTIONS if not callable(getattr(value, name, None))] if value is not None else []
    if missing:
        raise TypeError(f"its figure, {_named(value)}, has no function {missing[0]}")
    found: Figure | None = value
    return found


def _check_texts(layout: Layout) -> None:
    """Raise TypeError for a cell that is no text: rich has a class of its own for them."""
    for row in layout.rows:
        for cell in row.cells:
            if not isinstance(cell, str) and not hasattr(cell, "plain"):
                raise TypeError(f"a cell of its table holds {_named(cell)} where a text is asked for")
