"""What models made of a prompt, step by step, against the truth."""

from __future__ import annotations

import pandas as pd

from unroll.measures.horizons import telling
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.continued import caption, describe, draw

__all__ = ["caption", "describe", "draw", "most_telling", "points"]


def points(source: Source) -> pd.DataFrame:
    """Return one row per trial and step.

    The columns of ``telling.facts``; panel (title), series (model), key, step (from 1), value, truth (NaN where no rule
    gives it), relative_error.
    """
    steps = source.measure("continuation")
    if steps.empty:
        return steps
    return pd.DataFrame(
        {
            **telling.facts(steps, source.told.stateless),
            "panel": panels.titles(steps, source.factors, words=source.told.words, by_length=panels.by_length(steps)),
            "series": panels.series(steps["model"], source.models),
            **{name: steps[name] for name in ("key", "step", "value", "truth", "relative_error")},
        }
    )


def most_telling(table: pd.DataFrame) -> pd.DataFrame:
    """Return the panels for a page that cannot hold all."""
    return telling.telling(table, "step", "relative_error")
