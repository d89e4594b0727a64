"""``unroll report``: what a study found, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import HeldStudy, Overrides, StorePath
from unroll.cli.output import say
from unroll.defaults import STORE


def report(
    study: HeldStudy,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The file to write. Default: STUDY.html."),
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Write a study's report, one HTML file.

    It opens in any browser, offline: what was found in words, tables, figures, failures, settings, how to repeat it,
    versions, sources. The report of an unfinished study says what is missing.
    """
    from unroll.cli.asked import file_name, results_of
    from unroll.report import report as write_report
    from unroll.whole import write_whole

    results = results_of(study, overrides, store)
    path = out or Path(f"{file_name(results.study.name)}.html")
    write_whole(path, write_report(results).encode())
    say(f"Wrote {path}. Open it in a browser.", err=True)
