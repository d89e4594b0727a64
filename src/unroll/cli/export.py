"""``unroll export``: a study's results for other programs, papers and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyName
from unroll.defaults import STORE
from unroll.errors import UnknownNameError, UnrollError, did_you_mean


def export(
    study: StudyName,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, json, markdown or latex.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, not to stdout.")] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Write a study's results as CSV, JSON, Markdown or LaTeX.

    CSV and JSON hold a row a trial, with every number to its last digit; Markdown and LaTeX the table of conditions.
    """
    from unroll.exporters import TABLE_FORMATS, TRIAL_FORMATS
    from unroll.reading import Results
    from unroll.study import read_study

    forms = (*TRIAL_FORMATS, *TABLE_FORMATS)
    if form not in forms:
        raise UnknownNameError(f'Unknown format "{form}".{did_you_mean(form, forms)} All formats: {", ".join(forms)}.')
    results = Results(read_study(study, overrides, check=False), store)
    if form in TRIAL_FORMATS:
        text = TRIAL_FORMATS[form](results.trials())
    else:
        text = TABLE_FORMATS[form](results.table(), results.factors, results.study.name)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnrollError(f"{out} cannot be written: {error.strerror}.") from None
    typer.echo(f"Wrote {out}.", err=True)
