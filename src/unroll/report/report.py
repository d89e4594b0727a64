"""``report(results)``: from a study's results to one page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from unroll.analysis.answers import STEP
from unroll.citation import software
from unroll.inert import inert
from unroll.measures.figures import figure
from unroll.measures.horizons.table import REGIMES
from unroll.plots.files import to_svg
from unroll.report import facts, tables
from unroll.report.choice import Choice, choose
from unroll.report.inline_svg import Styles, inline
from unroll.report.source import ReportSource
from unroll.store import State, Store, TrialRecord
from unroll.study.saved import saved
from unroll.wording import powers

SEQUENCES = {
    "horizons": ("Error by horizon", "Relative error of the model fed its own predictions; medians over trials."),
    "traps": ("Traps", "worth: the error with every trap on, divided by this one."),
    "window_lag": ("Window and lag", "unexplained: test MSE divided by the baseline's, median over the seeds."),
}
"""Tables of number-sequence studies, with their titles and notes."""
HORIZONS = (1, 2, 4, 8, 16, 32, 64)
"""Steps ahead in the table; only ``STEP``, at which models are judged, where that would be too many rows."""


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
        **_context(results),
        lead=choice.lead,
        lengths=choice.lengths,
        figures={figure.name: figure for figure in figures},
        css=Markup(css),  # noqa: S704 - ours, and the names of classes
        hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
    )


def _context(results: ReportSource) -> dict[str, Any]:
    with Store.open(results.path) as store:
        planned = store.study_by_digest(results.study.digest)
        records = store.trials([trial.key for trial in results.planned])
    states = results.trials()["state"].value_counts()
    return {
        "study": results.study,
        "notice": results.notice,
        "damage": results.damage,
        "progress": _progress(states),
        "findings": results.findings(),
        "tables": {table.name: table for table in _tables(results)},
        "design": facts.design(results.study, results.planned),
        "settings": facts.settings(results.planned),
        "machine": facts.machine(records),
        "effort": _effort(records),
        "saved": saved(results.study),
        "sources": facts.sources(planned.plugins if planned else {}, software(version("unroll-lab"))),
        "version": version("unroll-lab"),
    }


def _figures(choice: Choice, study: str, styles: Styles) -> Iterator[Figure]:
    for name, table in choice.tables.items():
        kind = figure(name)
        drawn = to_svg(kind.draw(table), transparent=True)
        svg = inline(drawn, name, kind.describe(table), styles)
        caption = kind.caption(table) + choice.left_out(name, study)
        yield Figure(name, choice.title(name), caption, Markup(svg))  # noqa: S704 - serialised, so escaped


def _study(results: ReportSource) -> str:
    """Return a study as a command names it, with its overrides."""
    return saved(results.study).command("plot").removeprefix("unroll plot ")


def _tables(results: ReportSource) -> Iterator[tables.Table]:
    found = (
        *(tables.loss, tables.solved, tables.span, tables.memory, tables.growth),
        *(tables.early_stopping, tables.comparison, tables.effects, tables.missing),
    )
    yield from (table for table in (make(results) for make in found) if table is not None)
    for name, (title, note) in SEQUENCES.items():
        frame = results.measure(name)
        if name == "horizons" and len(frame):
            shown = frame["horizon"].isin(HORIZONS)
            frame = frame[shown] if shown.sum() <= tables.MOST_ROWS else frame[frame["horizon"] == STEP]
        if "regime" in frame:
            frame = frame.assign(regime=frame["regime"].map(lambda regime: REGIMES.get(regime, regime)))
        if len(frame):
            yield tables.plain(name, title, note, frame)


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
