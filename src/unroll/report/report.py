"""``report(results)``: from a study's results to one page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from unroll.citation import software
from unroll.inert import inert
from unroll.measures import Measure
from unroll.measures.asking import everyone, layouts
from unroll.plots.files import to_svg
from unroll.report import facts, tables
from unroll.report.choice import Choice, Shown, choose
from unroll.report.inline_svg import Styles, inline
from unroll.report.source import ReportSource
from unroll.store import State, Store, TrialRecord
from unroll.study.saved import saved
from unroll.wording import powers


@dataclass(frozen=True)
class Figure:
    """A drawn figure: its element, title and caption."""

    name: str
    title: str
    caption: str
    svg: Markup


def report(results: ReportSource) -> str:
    """Return a study's report as the text of one HTML file.

    It needs no network and no script, works while trials are missing, and says which are. The same store gives the same
    text. ``results`` is ``unroll.results(study)``.
    """
    results = results.frozen()
    styles = Styles()
    choice = choose(results)
    figures = list(_figures(choice, _study(results), styles))
    sections = _sections(results, choice)
    shown = {name for _, parts in sections for name, _ in parts}
    context = _context(results, [one.measure for one in everyone(results) if one.name in shown])
    css = "\n".join([_text("report.css"), styles.css()])
    pages = Environment(
        autoescape=True,
        finalize=_inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_text),
    )
    pages.filters["powers"] = powers
    return pages.get_template("report.html.j2").render(
        **context,
        faults=[str(error) for error in results.faults.of("sentences", "class")],
        asked=choice.asked,
        lead=choice.lead,
        first=choice.first,
        figures={figure.name: figure for figure in figures},
        sections=sections,
        css=Markup(css),  # noqa: S704 - ours, and the names of classes
        hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
    )


def _context(results: ReportSource, measures: Sequence[Measure]) -> dict[str, Any]:
    with Store.open(results.path) as store:
        records = store.trials([trial.key for trial in results.planned])
    states = results.trials()["state"].value_counts()
    return {
        "study": results.study,
        "notice": results.notice,
        "damage": results.damage,
        "progress": _progress(states),
        "findings": results.findings(),
        "missing": tables.on_a_page(missing) if (missing := tables.missing(results)) is not None else None,
        "design": facts.design(results.study, results.planned),
        "settings": facts.settings(results.planned),
        "machine": facts.machine(records),
        "same": facts.same(records),
        "effort": _effort(records),
        "saved": saved(results.study),
        "sources": facts.sources(_plugins(results), measures, software(version("unroll-lab"))),
        "version": version("unroll-lab"),
    }


def _plugins(results: ReportSource) -> Iterator[Mapping[str, Any]]:
    """Yield the facts of the study's tasks, then of its models, in alphabetical order."""
    for kind in ("task", "model"):
        for name in sorted({getattr(trial, kind) for trial in results.planned}):
            yield results.told.facts(kind, name)


def _figures(choice: Choice, study: str, styles: Styles) -> Iterator[Figure]:
    for shown in choice.figures.values():
        figure = shown.asked.spared(partial(shown.asked.use, "figure", partial(_figure, shown, study, styles)), None)
        if figure is not None:
            yield figure


def _figure(shown: Shown, study: str, styles: Styles) -> Figure:
    one, points = shown.asked, shown.points
    drawn = to_svg(one.draw(points), transparent=True)
    svg = inline(drawn, shown.name, one.describe(points), styles)
    return Figure(shown.name, *one.captioned(points, study), Markup(svg))  # noqa: S704 - serialised, so escaped


def _study(results: ReportSource) -> str:
    """Return a study as a command names it, with its overrides."""
    return saved(results.study).command("plot").removeprefix("unroll plot ")


def _sections(results: ReportSource, choice: Choice) -> list[tuple[str, list[tuple[str, list[tables.Table]]]]]:
    """Return each section that has anything: its heading, and of each of its measures the name and the tables.

    Where a table or a figure has failed, what is told of that.
    """
    found: dict[str, list[tuple[str, list[tables.Table]]]] = {}
    pages: dict[str, list[tables.Table]] = {}
    for one, layout in layouts(results, "page"):
        pages.setdefault(one.name, []).append(tables.on_a_page(layout))
    for one in everyone(results):
        if one.name in pages or one.name in choice.figures:
            found.setdefault(one.measure.section, []).append((one.name, pages.get(one.name, [])))
    return list(found.items())


def _progress(states: pd.Series[int]) -> dict[str, int]:
    counts = {state: int(states.get(state, 0)) for state in State}
    return {
        "all": sum(counts.values()),
        "complete": counts[State.complete],
        "failed": counts[State.failed],
        "damaged": counts[State.damaged],
        "waiting": counts[State.waiting] + counts[State.running],
    }


def _effort(records: list[TrialRecord]) -> dict[str, str] | None:
    done = [record for record in records if record.seconds is not None and record.finished_at is not None]
    if not done:
        return None
    days = sorted(str(record.finished_at)[:10] for record in done)
    seconds = round(sum(record.seconds or 0.0 for record in done))
    return {"time": str(timedelta(seconds=seconds)), "first": days[0], "last": days[-1]}


def _inert(value: Any) -> Any:
    """The page's door: whatever the template puts into it; only what was serialised before passes as it is."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(name: str) -> str:
    return (files("unroll") / "report" / name).read_text(encoding="utf-8")
