"""Which figures a report has, and which are on its first screen: what each measure says of itself decides."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from unroll.measures.answering import answering, covered
from unroll.measures.installed import known
from unroll.report.source import ReportSource


@dataclass(frozen=True)
class Choice:
    """The points of each figure by its measure's name, the figure of each question, and that of the first screen.

    "" where a question, or the screen, has none.
    """

    tables: dict[str, pd.DataFrame]
    asked: tuple[tuple[str, str], ...]
    lead: str

    @property
    def first(self) -> tuple[str, ...]:
        """What is on the first screen."""
        return (*(name for _, name in self.asked if name), *([self.lead] if self.lead else []))


def choose(results: ReportSource) -> Choice:
    """Return what of a study's figures its report shows."""
    measures = known()
    tables: dict[str, pd.DataFrame] = {}
    for name, measure in measures.items():
        points = measure.figure.points(results) if measure.figure is not None else pd.DataFrame()
        if len(points) and measure.shown(points, results):
            tables[name] = measure.few(points)
    if covered(results):
        tables = {name: points for name, points in tables.items() if not measures[name].by_length}
    asked: list[tuple[str, str]] = []
    for question in results.study.questions:
        names = [measure.name for measure, _ in answering(question, measures)]
        taken = {name for _, name in asked}
        asked.append((question.text, next((name for name in names if name in tables and name not in taken), "")))
    ranks = {name: measures[name].leads(results) for name in tables}
    leading = [name for name, rank in sorted(ranks.items(), key=lambda item: item[1] or 0) if rank is not None]
    answered = any(name for _, name in asked)
    return Choice(tables, tuple(asked), "" if answered or not leading else leading[0])
