"""``unroll report``: what a study found, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyName
from unroll.defaults import STORE
from unroll.errors import UnrollError


def report(
    study: StudyName,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to. Default: the study's name and .html.")
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Write a study's report, one HTML file.

    It opens in any browser, offline: what was found in words, tables, figures, failures, settings, how to repeat it,
    versions, sources. A study that is not finished says what is missing.
    """
    from unroll.reading import Results
    from unroll.report import report as write_report
    from unroll.study import read_study

    results = Results(read_study(study, overrides, check=False), store)
    path = out or Path(f"{_file_name(results.study.name)}.html")
    text = write_report(results)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnrollError(f"{path} cannot be written: {error.strerror}.") from None
    typer.echo(f"Wrote {path}. Open it in a browser.", err=True)


def _file_name(name: str) -> str:
    """Return a study's name as a file's: letters, digits, dots and dashes; anything else becomes a dash."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")[:80]
    return kept or "report"
