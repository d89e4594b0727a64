"""What commands print: tables for people, JSON for programs; always on stdout."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from unroll.inert import inert
from unroll.layout import LISTED, Layout, figures, heading, prose
from unroll.wording import MISSING, level, loss_words, number, short_names, variants

if TYPE_CHECKING:
    import pandas as pd

    from unroll.reading import Results

WIDE = 200
"""Columns of output that is not a terminal, at least."""


def say(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Write text to stdout, or to stderr: the one door for all that commands say, behind which text is inert."""
    stream = sys.stderr if err else stdout()
    if stream is None:  # it is closed
        return
    try:
        stream.write(inert(text) + end)
        stream.flush()
    except OSError:
        if not err:
            raise
        to_nowhere(stream)  # nobody reads what is said beside the output: no reason to end


def stdout() -> TextIO:
    """Return stdout; OSError where it is closed, so that nobody takes what cannot be written for written."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sys.stdout


def to_nowhere(stream: TextIO | None) -> None:
    """Let a stream that cannot be written write to /dev/null: what it still holds then troubles nobody at the end."""
    if stream is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def print_json(value: Any) -> None:
    """Print data as JSON: see ``unroll.exporters.json``. Where stdout is not Unicode, it is JSON in ASCII."""
    from unroll.exporters.json import dumps

    say(dumps(value, ascii_only=not (getattr(sys.stdout, "encoding", None) or "utf").lower().startswith("utf")))


def print_table(table: Layout) -> None:
    """Print a table as wide as the terminal; where there is none, as wide as it takes to leave nothing out."""
    from unroll.terminal import Terminal

    terminal = Terminal(width=None if stdout().isatty() else max(WIDE, table.least))
    terminal.print(*table.parts(terminal.width), "", sep="\n")


def columns() -> int:
    """Return how wide the output is."""
    from unroll.terminal import Terminal

    return Terminal(width=None if stdout().isatty() else WIDE).width


def printed(table: Layout) -> str:
    """Return a table as it is printed where there is no terminal."""
    from unroll.terminal import Terminal

    terminal = Terminal(width=max(WIDE, table.least), force_terminal=False, no_color=True)
    with terminal.capture() as capture:
        terminal.print(*table.parts(terminal.width), sep="\n")
    return "\n".join(line.rstrip() for line in capture.get().strip("\n").splitlines())


def print_paragraphs(title: str, paragraphs: Iterable[tuple[str, bool]]) -> None:
    """Print a title and paragraphs as wide as the terminal; those that are formulas indented and whole."""
    from unroll.layout import INDENT, broken, wide

    width = columns()
    lines = broken(title, width)
    before: bool | None = None
    for text, formula in paragraphs:
        lines += [] if formula and before else [""]
        whole = formula and wide(text) + INDENT <= width
        room = width - INDENT if formula else width
        lines += [f"{' ' * INDENT if formula else ''}{line}" for line in ([text] if whole else broken(text, room))]
        before = formula
    say("\n".join(lines) + "\n")


def facts_table(title: str, facts: Iterable[tuple[str, str]]) -> Layout:
    """Return a table of facts, each with its name."""
    table = Layout((heading("fact"), prose("")), title=title, header=False)
    for name, value in facts:
        table.add(name, value)
    return table


def conditions_table(results: Results) -> Layout:
    """Return the table of a study's conditions, with the facts without which its numbers mean nothing."""
    from unroll.analysis.sheets import second, seen

    frame = results.table(curves=False)  # none of its columns is of them
    factors, chance = results.factors, bool(frame["chance"].notna().any())
    interval = bool(frame["score_median_low"].notna().any())
    unfinished = bool(frame[["waiting", "failed", "damaged"]].to_numpy().sum())
    table = Layout(
        (
            *(heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))),
            *(figures("n"), figures(f"{loss_words(frame['score_words'])}, median")),
            *((figures("95 % interval", 2),) if interval else ()),
            *(prose("each seed", 1), *(figures(counted.words) for counted in results.told.counted.values())),
            *((figures("chance"),) if chance else ()),
            *second(frame),
            *(figures("solved"), figures("s/epoch", 4), figures("parameters", 5)),
            *(figures("baseline"), *seen(frame), *((prose("state"),) if unfinished else ())),
        ),
        title=results.study.name,
        caption=_caption(results, frame),
    )
    compared, tested = second(frame).values(), seen(frame).values()
    before = None
    for _, row in frame.iterrows():
        table.add(
            *(row["task"], row["model"], f"{row['length']:,}", *(level(factor, row[factor]) for factor in factors)),
            *(str(row["n"]), number(row["score_median"])),
            *((_interval(row),) if interval else ()),
            LISTED.join(number(loss) for loss in row["scores"]),
            *(number(row[f"{name}_median"]) for name in results.told.counted),
            *((number(row["chance"]),) if chance else ()),
            *(write(row) for write in compared),
            *(f"{row['solved']}/{row['complete']}", number(row["seconds_per_epoch"], 2)),
            *(f"{row['parameters']:,}", number(row["baseline"], 4)),
            *(*(write(row) for write in tested), *((_state(row),) if unfinished else ())),
            apart=row["model"] != before,
        )
        before = row["model"]
    return table


def _interval(row: pd.Series[Any]) -> str:
    low, high = number(row["score_median_low"]), number(row["score_median_high"])
    return low if low == MISSING else f"{low} – {high}"


def _state(row: pd.Series[Any]) -> str:
    states = ("complete", "failed", "damaged", "waiting")
    return ", ".join(f"{row[state]} {state}" for state in states if row[state])


def _caption(results: Results, frame: pd.DataFrame) -> str:
    from unroll.analysis.sheets import of_second

    facts = []
    for task, rows in frame.groupby("task", sort=False):
        said = variants(rows["notes"])
        criteria = " or ".join(dict.fromkeys(rows["criterion"]))
        facts.append(f"{task}{said and ', '}{said}; solved: {criteria}")
    seeds = sorted({trial.seed for trial in results.planned})
    listed = ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")
    second_line = of_second(frame)
    facts += [second_line] if second_line else []
    protocol = f"protocol {results.study.protocol}; seeds {listed}; interval: exact, for the median, from six seeds on"
    return "\n".join([*facts, protocol])
