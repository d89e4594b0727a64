"""The questions of a study, answered by the measures that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from unroll.analysis.finding import Finding
from unroll.measures.base import About, Measure
from unroll.measures.installed import known
from unroll.measures.source import Source
from unroll.study.questions import Question
from unroll.wording import listed

UNTESTED = "These are counts and medians of what was seen: no test separates them."


def answers(source: Source) -> Iterator[Finding]:
    """Yield the answers to each question of a study, in its order, and after them what no question asked for."""
    measures = known()
    for question in source.study.questions:
        yield from _answer(source, question, measures)
    named = {name for question in source.study.questions for name in question.by}
    models = list(dict.fromkeys(source.trials()["model"]))
    only = models[0] if len(models) == 1 else ""
    for name, measure in measures.items():
        if name not in named:
            yield from measure.findings(source, About(model=only))


def answering(question: Question, measures: dict[str, Measure]) -> list[tuple[Measure, str]]:
    """Return the measures that answer a question, each with the factor that it is asked about, "" where with none."""
    found: list[tuple[Measure, str]] = []
    for name in question.by:
        if name in measures:
            found.append((measures[name], ""))
        else:
            found += [(measure, name) for measure in measures.values() if measure.of_factors]
    return found


def _answer(source: Source, question: Question, measures: dict[str, Measure]) -> Iterator[Finding]:
    asked = answering(question, measures)
    found = [
        finding
        for measure, factor in asked
        for finding in measure.findings(source, About(question.task, question.model, factor))
    ]
    if not any(finding.kind == "found" for finding in found):
        found.append(Finding("not_shown", _unanswered(source, asked)))
    elif not any(finding.compares for finding in found):
        found.append(Finding("not_shown", UNTESTED))
    yield from (replace(finding, question=question.text) for finding in found)


def _unanswered(source: Source, asked: Sequence[tuple[Measure, str]]) -> str:
    """Return why no sentence answers a question: from the numbers of its measures none follows, or they have none."""
    for measure, factor in asked:
        if not measure.has_numbers(source):
            continue
        rows = source.measure(measure.name)
        if len(rows[rows["factor"] == factor] if factor and "factor" in rows else rows):
            return "No sentence that answers it follows from these results: see the tables."
    needs = listed(list(dict.fromkeys(measure.needs for measure, _ in asked)), "or")
    return f"Nothing here answers it{f': that needs {needs}' if needs else ''}."


def covered(source: Source) -> bool:
    """Say whether a measure's figure tells of all trials at once which lengths are solved."""
    return any(measure.covers(source) for measure in known().values())


def judged(source: Source) -> frozenset[str]:
    """Return the tasks that are judged by a measure, and not by their test loss."""
    return frozenset(task for measure in known().values() for task in measure.judges(source))
