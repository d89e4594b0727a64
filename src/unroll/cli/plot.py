"""``unroll plot``: one figure of a study, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import HeldStudy, Overrides, StorePath
from unroll.cli.output import say
from unroll.defaults import STORE


def plot(
    study: HeldStudy,
    figure: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="A measure that has a figure: unroll measures lists them.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The file to write: .svg, .pdf or .png. Default: STUDY-FIGURE.svg.",
        ),
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Draw one figure of a study.

    Prints what the figure shows, in words.
    """
    from unroll.cli.asked import file_name, results_of
    from unroll.measures.figures import Plots
    from unroll.measures.figures import figure as known
    from unroll.plots.files import form_of, save

    known(figure)
    if out is not None:
        form_of(out)
    results = results_of(study, overrides, store)
    plots = Plots(results)
    path = out or Path(f"{file_name(results.study.name)}-{figure}.svg")
    save(plots.draw(figure), path)
    say(plots.describe(figure))
    if results.damage:
        say(results.damage, err=True)
    say(f"Wrote {path}.", err=True)
