"""Two selections of a study's trials, as somebody names them: levels of factors, made those that the study has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.effects import DESIGN, levels_of, selected
from unroll.errors import UnknownNameError, UnrollError, did_you_mean
from unroll.study.settings import as_read, frozen
from unroll.wording import counted, level, listed


def apart(
    trials: pd.DataFrame, first: Mapping[str, Any], second: Mapping[str, Any], factors: Sequence[str], study: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two selections with each level as the study has it, however it was spelled ("torch", "none").

    ``trials``: one row per trial, as ``Results.trials`` gives it. ``study``: its name, for messages. Raises
    UnknownNameError for a factor or level that it does not vary, UnrollError where a selection is empty or both share
    trials.
    """
    one, two = (_as_the_study_has_it(trials, wanted, factors, study) for wanted in (first, second))
    both = len(_keys(trials, one, study) & _keys(trials, two, study))
    if both:
        raise UnrollError(
            f"{_told(one)} and {_told(two)} have {counted(both, 'trial')} in common. Fix a factor in both, at "
            "different levels."
        )
    return one, two


def _as_the_study_has_it(
    trials: pd.DataFrame, wanted: Mapping[str, Any], factors: Sequence[str], study: str
) -> dict[str, Any]:
    known = [*DESIGN, *factors]
    found = {}
    for factor, wished in wanted.items():
        if factor not in known:
            raise UnknownNameError(
                f'The study "{study}" has no factor "{factor}".{did_you_mean(factor, known)} It has {", ".join(known)}.'
            )
        levels = levels_of(trials, factor)
        meant = as_read(factor, frozen(wished))
        same = [
            one for one in levels if as_read(factor, one) == meant and isinstance(one, bool) == isinstance(meant, bool)
        ]
        if not same:
            texts = [level(factor, one) for one in levels]
            raise UnknownNameError(
                f'{factor} is never {level(factor, wished)} in the study "{study}".'
                f"{did_you_mean(level(factor, wished), texts)} It is {listed(texts, 'or')}."
            )
        found[factor] = same[0]
    return found


def _told(wanted: Mapping[str, Any]) -> str:
    """Return a selection as readers are told it: "model.hidden = 16 and train.backend = torch"; of none "nothing"."""
    return listed([f"{factor} = {level(factor, value)}" for factor, value in wanted.items()]) or "nothing"


def _keys(trials: pd.DataFrame, wanted: Mapping[str, Any], study: str) -> set[str]:
    """Return the keys of the trials that a selection has, which are some."""
    found = set(selected(trials, wanted))
    if not found:
        raise UnrollError(f'No trial of the study "{study}" has all of {_told(wanted)}.')
    return found
