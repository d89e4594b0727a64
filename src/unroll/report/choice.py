"""Which figures a report has, and which are on its first screen: what each measure says of itself decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from unroll.measures.answering import answering, covered
from unroll.measures.asking import Asked, everyone
from unroll.report.source import ReportSource


@dataclass(frozen=True)
class Shown:
    """A figure of a page: its element's name, its measure as it is asked, and its points."""

    name: str
    asked: Asked
    points: pd.DataFrame


@dataclass(frozen=True)
class Choice:
    """The figures of a page by their names, those of each question, and that of the first screen.

    A figure that shows the whole study has its measure's name. ``lead`` is "" where the screen has none.
    """

    figures: dict[str, Shown]
    asked: tuple[tuple[str, tuple[str, ...]], ...]
    lead: str

    @property
    def first(self) -> tuple[str, ...]:
        """What is on the first screen."""
        return (*(name for _, names in self.asked for name in names), *([self.lead] if self.lead else []))


def choose(results: ReportSource) -> Choice:
    """Return what of a study's figures its report shows."""
    measures = list(everyone(results))
    figures = {one.name: Shown(one.name, one, points) for one in measures if len(points := _points(one))}
    if covered(results):
        figures = {name: shown for name, shown in figures.items() if not shown.asked.measure.by_length}
    ranks = {name: shown.asked.spared(shown.asked.leads, None) for name, shown in figures.items()}
    leading = [name for name, rank in sorted(ranks.items(), key=lambda item: item[1] or 0) if rank is not None]
    asked, further = _of_questions(results, measures, figures)
    answered = any(names for _, names in asked)
    return Choice({**figures, **further}, asked, "" if answered or not leading else leading[0])


def _points(one: Asked) -> pd.DataFrame:
    """Return the points of a measure's figure on a page; empty where it shows none."""
    nothing = pd.DataFrame()
    return one.spared(lambda: one.on_a_page() if one.figure() is not None else nothing, nothing)


def _of_questions(
    results: ReportSource, measures: Sequence[Asked], whole: dict[str, Shown]
) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], dict[str, Shown]]:
    """Return the figures of each question, none twice: of the whole study, or of the part that a question is about."""
    told: set[tuple[str, str, str]] = set()
    asked: list[tuple[str, tuple[str, ...]]] = []
    further: dict[str, Shown] = {}
    for number, question in enumerate(results.study.questions, 1):
        part = results.only(question.task, question.model)
        names: list[str] = []
        for one, _ in answering(question, measures, results).measures:
            about = (one.name, question.task, question.model) if part is not results else (one.name, "", "")
            if one.name not in whole or about in told:
                continue
            shown = whole[one.name]
            if part is not results:
                mine = Asked(one.name, one.measure, part)
                shown = Shown(f"{one.name}-{number}", mine, _points(mine))
                further |= {shown.name: shown} if len(shown.points) else {}
            told.add(about)
            names += [shown.name] if len(shown.points) else []
        asked.append((question.text, tuple(names)))
    return tuple(asked), further
