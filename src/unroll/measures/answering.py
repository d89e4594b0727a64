"""The questions of a study, answered by the measures that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from unroll.analysis.finding import Finding
from unroll.errors import MeasureError
from unroll.inert import clipped
from unroll.measures.asking import Asked, everyone
from unroll.measures.base import About
from unroll.measures.source import Source
from unroll.study.questions import Question
from unroll.wording import listed

UNTESTED = "These are counts and medians of what was seen: no test separates them."


@dataclass(frozen=True)
class Answering:
    """What answers a question: measures, each with the factor that it is asked about, "" where with none.

    ``missing``: names that are neither a measure here nor a factor of the study.
    """

    measures: tuple[tuple[Asked, str], ...]
    missing: tuple[str, ...]


def answers(source: Source) -> Iterator[Finding]:
    """Yield the answers to each question of a study, in its order, and after them what no question asked for."""
    yield from to_questions(source)
    named = {name for question in source.study.questions for name in question.by}
    only = source.models[0] if len(source.models) == 1 else ""
    for one in everyone(source):
        if one.name not in named:
            yield from one.spared(partial(one.findings, About(model=only)), ())


def to_questions(source: Source) -> Iterator[Finding]:
    """Yield the answers to each question of a study, in its order."""
    measures = list(everyone(source))
    for question in source.study.questions:
        yield from _answer(source, question, measures)


def answering(question: Question, measures: Sequence[Asked], source: Source) -> Answering:
    """Return what answers a question."""
    by_name = {one.name: one for one in measures}
    factors = source.study.values()
    found: list[tuple[Asked, str]] = []
    for name in question.by:
        if name in by_name:
            found.append((by_name[name], ""))
        elif name in factors:
            found += [(one, name) for one in measures if one.measure.of_factors]
    missing = [name for name in question.by if name not in by_name and name not in factors]
    return Answering(tuple(found), tuple(missing))


def _answer(source: Source, question: Question, measures: Sequence[Asked]) -> Iterator[Finding]:
    asked = answering(question, measures, source)
    found = [
        finding
        for one, factor in asked.measures
        for finding in _said(source, one, About(question.task, question.model, factor, asked=True))
    ]
    if any(finding.compares for finding in found):
        pass
    elif any(finding.kind == "found" for finding in found):
        found.append(Finding("not_shown", UNTESTED))
    elif asked.measures:
        found.append(Finding("not_shown", _unanswered(source, asked)))
    if asked.missing:
        found.append(Finding("not_shown", _missing(asked.missing)))
    yield from (replace(finding, question=question.text) for finding in found)


def _said(source: Source, one: Asked, about: About) -> list[Finding]:
    """Return what a measure says of a question; where it fails, or the table that its sentences rest on, just that."""
    try:
        return one.findings(about)
    except MeasureError as error:
        source.faults.note(error)
        return [Finding("not_shown", f"{error}.")]


def _missing(names: Sequence[str]) -> str:
    quoted = listed([f'"{clipped(name)}"' for name in names], "or")
    return f"Nothing here answers by {quoted}: neither a measure that can be used here nor a factor of this study."


def _unanswered(source: Source, asked: Answering) -> str:
    """Return why no sentence answers a question: from the numbers of its measures none follows, or they have none."""
    for one, factor in asked.measures:
        if not one.spared(one.has_numbers, False):
            continue
        rows = one.spared(one.table, None)
        if rows is not None and len(rows[rows["factor"] == factor] if factor and "factor" in rows else rows):
            return "No sentence that answers it follows from these results: see the tables."
    needs = listed(list(dict.fromkeys(one.measure.needs for one, _ in asked.measures)), "or")
    return f"Nothing here answers it{f': that needs {needs}' if needs else ''}."


def covered(source: Source) -> bool:
    """Say whether a measure's figure tells of all trials at once which lengths are solved."""
    return any(one.spared(one.covers, False) for one in everyone(source))


def judged(source: Source) -> frozenset[str]:
    """Return the tasks that are judged by a measure, and not by their test loss."""
    return frozenset(task for one in everyone(source) for task in one.spared(one.judges, ()))
