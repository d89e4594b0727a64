"""``unroll export``: a study's trials for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyName
from unroll.defaults import STORE
from unroll.errors import UnknownNameError, UnrollError, did_you_mean


def export(
    study: StudyName,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv or json.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, not to stdout.")] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Write a study's trials as CSV or JSON."""
    from unroll.exporters import FORMATS
    from unroll.reading import Results
    from unroll.study import read_study

    if form not in FORMATS:
        known = ", ".join(FORMATS)
        raise UnknownNameError(f'Unknown format "{form}".{did_you_mean(form, FORMATS)} All formats: {known}.')
    text = FORMATS[form](Results(read_study(study, overrides, check=False), store).trials())
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnrollError(f"{out} cannot be written: {error.strerror}.") from None
    typer.echo(f"Wrote {out}.", err=True)
