"""``unroll export``: a study's results for other programs, papers and pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyOrTrial
from unroll.cli.output import say
from unroll.defaults import STORE
from unroll.errors import UnknownNameError, did_you_mean

WEIGHTS = "safetensors"
"""The format of a trial's weights."""


def export(
    what: StudyOrTrial,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="csv, json, markdown or latex; of a trial safetensors.")
    ] = "csv",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, not to stdout.")] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Write a study's results as CSV, JSON, Markdown or LaTeX, or a trial's weights as safetensors.

    CSV and JSON hold one row per trial, every number to its last digit; Markdown and LaTeX the table of conditions.
    Weights go to a file, by default one that is named after the trial's key.
    """
    from unroll.cli.asked import is_trial
    from unroll.exporters import TABLE_FORMATS, TRIAL_FORMATS

    forms = (*TRIAL_FORMATS, *TABLE_FORMATS, WEIGHTS)
    if form not in forms:
        raise UnknownNameError(f'Unknown format "{form}".{did_you_mean(form, forms)} All formats: {", ".join(forms)}.')
    trial = is_trial(what, store)
    if trial != (form == WEIGHTS):
        raise UnknownNameError(
            f"{form} is a format of a study's results; of a trial there are its weights: --format {WEIGHTS}."
            if trial
            else f"{WEIGHTS} holds the weights of one trial. Name it by its key, which unroll export {what} lists."
        )
    if form == WEIGHTS:
        _export_weights(what, out, overrides, store)
    else:
        _export_study(what, form, out, overrides, store)


def _export_weights(key: str, out: Path | None, overrides: list[str], path: Path) -> None:
    """Write the weights of a complete trial as they are stored."""
    from unroll.store import Store
    from unroll.whole import write_whole

    if overrides:
        raise UnknownNameError(f"{key} is the key of one trial: --set would choose nothing. Leave it out.")
    with Store.open(path) as store:
        record = store.trial(key)
        weights = store.parameters(record.key)
    target = out or Path(f"{record.key[:8]}.safetensors")
    write_whole(target, weights)
    name = f"{record.model} on {record.task}, T = {record.length}, seed {record.seed}"
    say(f"Wrote {target}: the weights of {name}, {record.parameters:,} parameters.", err=True)


def _export_study(study: str, form: str, out: Path | None, overrides: list[str], store: Path) -> None:
    from unroll.cli.asked import results_of
    from unroll.exporters import TABLE_FORMATS, TRIAL_FORMATS
    from unroll.whole import write_whole

    results = results_of(study, overrides, store)
    if form in TRIAL_FORMATS:
        text = TRIAL_FORMATS[form](results.with_examinations(results.trials()))
    else:
        text = TABLE_FORMATS[form](results.table(), results.factors, results.study.name, results.told.counted)
    if results.damage:
        say(results.damage, err=True)
    if out is None:
        say(text, end="")
        return
    write_whole(out, text.encode())
    say(f"Wrote {out}.", err=True)
