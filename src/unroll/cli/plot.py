"""``unroll plot``: one figure of a study, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Overrides, StorePath, StudyName
from unroll.defaults import STORE


def plot(
    study: StudyName,
    figure: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="lengths, solved, learning, gradients, timing, continuation, horizons, traps or window_lag.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to, ending with .svg, .pdf or .png.")],
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
) -> None:
    """Draw one figure of a study.

    Prints what the figure shows, in words.
    """
    from unroll.plots.figures import Plots, module
    from unroll.plots.files import form_of, save
    from unroll.reading import Results
    from unroll.study import read_study

    module(figure)
    form_of(out)
    plots = Plots(Results(read_study(study, overrides, check=False), store))
    save(plots.draw(figure), out)
    typer.echo(plots.describe(figure))
    typer.echo(f"Wrote {out}.", err=True)
