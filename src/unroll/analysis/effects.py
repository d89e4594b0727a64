"""What each level of each factor does to the score; the seed is the replicate."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT, middle, ranked
from unroll.analysis.family import Family, Group
from unroll.analysis.scores import QUANTITIES, Trial, apart, comparable
from unroll.analysis.settings import ABSENT, known, table_of
from unroll.analysis.statistics import median, median_interval, sign_flips_p
from unroll.axes import Float64

DESIGN = ("task", "model", "length")
"""The factors that are no settings: the findings compare models by ``comparisons``, and tell of lengths and tasks."""
ERROR_WORDS = "error"

_SEEN = (
    *("n", "seeds", "effects", "effect", "low", "high", "better", "settings", "same_way", "setting_effects"),
    *("score_words", "first_solved", "first_complete", "first_updates", "solved", "complete", "updates"),
)
_COLUMNS = ("factor", "first", "level", *_SEEN, "p", "p_family", "smallest_p")

Cell = tuple[Any, ...]
"""What a trial has of every factor but the one that is asked about, and what its score is."""


def effects(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row per level of each factor that varies, against the factor's first level.

    Trials of one seed share their data, so a seed counts once, however many cells a grid has. A seed's effect is the
    mean over all cells c of the other factors in which it has completed both levels:

    .. math:: e_s = \frac{1}{|C_s|} \sum_{c \in C_s} \log \frac{x_{s,c}(\text{level})}{x_{s,c}(\text{first})}

    with x the test loss or, of a task that is judged by an error of its own, that error (see
    ``unroll.analysis.comparison``). Values below its resolution count as it. An infinite value is worse than any finite
    one: ranks then stand for the e, and an effect that is infinite or 0 is unbounded. Cells whose scores are not the
    same quantity, as those of two tasks can be, are not matched.

    The settings are a family of their own, beside that of ``comparisons``: with one family for both, six seeds could
    not separate two models as soon as any setting varies (2/32 is above 0.05). So each of the two is wrong with a
    chance of at most 0.05, and a study that has both with at most 0.10. Task, model and length are a third, of which no
    finding is made. Where all combinations of levels were planned with the same seeds, the i-th levels of all factors
    are tested together: if none makes a difference, exchanging each with its factor's first one turns all signs of a
    seed at once, which is what ``statistics.sign_flips_p`` needs. Holm's procedure is over i; of other designs it is
    over all levels. No interaction is tested.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    factors
        Names of the columns of the settings that vary.

    Returns
    -------
    factor, first, level; n (seeds with a cell that both levels have), seeds, effects (lists: the level's score divided
    by the first one's), effect (their median), low, high (its exact interval; None with fewer than six seeds), better
    ("first", "level", or ""), settings (combinations of the other factors that both have), same_way (in how many of
    them the median seed points as the effect does), setting_effects (list: the median seed's in each), score_words;
    first_solved, first_complete, first_updates, solved, complete, updates (of the first level and of this one, in the
    combinations that both have: trials solved and complete, median updates until solved of those that were); p,
    p_family, smallest_p (of the test alone, corrected for its family, and the smallest that n seeds can give; p and
    p_family missing where n is 0).

    """
    rows = _trials(trials)
    levels = {factor: _levels(rows, factor) for factor in (*DESIGN, *factors)}
    varying = {factor: found for factor, found in levels.items() if len(found) > 1}
    seeds = sorted({int(row["seed"]) for row in rows})
    complete_grid = _crossed(rows, (*DESIGN, *factors), seeds)
    made: list[_Made] = []
    for factor, found in varying.items():
        others = [name for name in (*DESIGN, *factors) if name != factor]
        sides = [_by_cell((row for row in rows if _is(row[factor], level)), others) for level in found]
        for place, (level, side) in enumerate(zip(found[1:], sides[1:], strict=True), 1):
            effect = _Effect(sides[0], side, seeds)
            where = str(place) if complete_grid else f"{factor} {place}"
            made.append(((factor in DESIGN, where), effect, {"factor": factor, "first": found[0], "level": level}))
    corrected = _corrected(made)
    nothing = {"p": None, "p_family": None, "smallest_p": 1.0}
    records = [
        {**head, **effect.row(), **corrected.get(place, nothing)} for place, (_, effect, head) in enumerate(made)
    ]
    frame = table_of(records, _COLUMNS, ("first", "level"))
    return frame.astype(dict.fromkeys(("effect", "low", "high", "p", "p_family"), "float64"))


def _corrected(made: Sequence[_Made]) -> dict[int, dict[str, float]]:
    """Return p, p_family and smallest_p by the places of those that some seed has, in the families of ``effects``."""
    found: dict[int, dict[str, float]] = {}
    for design in (True, False):
        groups: dict[str, list[int]] = {}
        for place, ((of_design, where), effect, _) in enumerate(made):
            if of_design == design and effect.n:
                groups.setdefault(where, []).append(place)
        tested = [
            Group(
                (where, ""),
                True,
                np.column_stack([made[place][1].differences for place in places]),
                max(made[place][1].n for place in places),
            )
            for where, places in groups.items()
        ]
        family = Family(tested, SIGNIFICANT)
        for group, places, (alone, within) in zip(tested, groups.values(), family.p(), strict=True):
            for place, p, p_family in zip(places, alone, within, strict=True):
                found[place] = {"p": p, "p_family": p_family, "smallest_p": family.least(group, made[place][1].n)}
    return found


def contrast(
    trials: pd.DataFrame, first: Mapping[str, Any], second: Mapping[str, Any], factors: Sequence[str] = ()
) -> pd.DataFrame:
    """Return two selections of conditions compared, seed by seed, in each match and overall.

    A match is what trials have of the factors that neither selection fixes; of several trials of one seed there the
    mean of their logarithms counts. The test is that of ``effects``. It was asked for by name, so it is in no family of
    the study: ``p_corrected`` is corrected for the rows of this table alone.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    first, second
        What trials must have to be in each, such as ``{"model": "gru"}``; no trial is in both.
    factors
        Names of the columns of the settings that vary.

    Returns
    -------
    overall (whether the row is of all matches; it is the last), the factors that neither fixes and that vary (NaN
    overall), and the columns of ``effects`` from n on, effects being the second's scores divided by the first's, and
    better "first" or "second"; p, p_corrected.

    """
    rows = _trials(trials)
    free = [name for name in (*DESIGN, *factors) if name not in first and name not in second]
    seeds = sorted({int(row["seed"]) for row in rows})
    sides = [
        _by_cell((row for row in rows if all(_is(row[name], level) for name, level in wanted.items())), free)
        for wanted in (first, second)
    ]
    matches = [cell for cell in sides[0] if cell in sides[1]]
    parts = [
        (dict(zip(free, cell, strict=False)), _Effect({cell: sides[0][cell]}, {cell: sides[1][cell]}, seeds))
        for cell in matches
    ]
    parts.append((dict.fromkeys(free, ABSENT), _Effect(sides[0], sides[1], seeds)))
    p, corrected = sign_flips_p(np.column_stack([effect.differences for _, effect in parts]))
    records = []
    for place, (cell, effect) in enumerate(parts):
        row = effect.row()
        row["better"] = "second" if row["better"] == "level" else row["better"]
        head = {name: np.nan if level is ABSENT else level for name, level in cell.items()}
        tested = (float(p[place]), float(corrected[place])) if effect.n else (None, None)
        last = place == len(parts) - 1
        records.append({"overall": last, **head, **row, "p": tested[0], "p_corrected": tested[1]})
    shown = [name for name in free if len(_levels(rows, name)) > 1]
    frame = table_of(records, ["overall", *shown, *_SEEN, "p", "p_corrected"], shown)
    return frame.astype(dict.fromkeys(("effect", "low", "high", "p", "p_corrected"), "float64"))


@dataclass(frozen=True)
class _Score:
    """A trial's seed, its score's logarithm (None where it has none), and whether and when it was solved."""

    seed: int
    logarithm: float | None
    complete: bool
    solved: bool
    updates: float
    words: str


class _Effect:
    """Two levels in the cells that both have: of each seed the mean difference of the scores' logarithms."""

    def __init__(self, first: Mapping[Cell, list[_Score]], second: Mapping[Cell, list[_Score]], seeds: Sequence[int]):
        self.cells = [cell for cell in first if cell in second]
        self.first, self.second = first, second
        by_seed: dict[int, list[float]] = {}
        self.by_cell: list[float] = []
        for cell in self.cells:
            one, other = _means(first[cell]), _means(second[cell])
            both = {seed: apart(other[seed], one[seed]) for seed in one if seed in other}
            for seed, difference in both.items():
                by_seed.setdefault(seed, []).append(difference)
            if both:
                self.by_cell.append(middle(np.sort(list(both.values()))))
        self.seeds = [seed for seed in seeds if seed in by_seed]
        self.values = np.array([_mean(by_seed[seed]) for seed in self.seeds], dtype=np.float64)
        found = dict(zip(self.seeds, self.values, strict=True))
        self.differences: Float64 = ranked(np.array([found.get(seed, 0.0) for seed in seeds], dtype=np.float64))
        """One for each seed of the study, 0 where it has no cell that both levels have."""

    @property
    def n(self) -> int:
        return len(self.seeds)

    def row(self) -> dict[str, Any]:
        """Return what the tables say of it but for its p."""
        ordered = np.sort(self.values)
        low, high = median_interval(ordered.tolist()) or (None, None)
        leaning = float(self.differences.sum())
        sides = [[score for cell in self.cells for score in side[cell]] for side in (self.first, self.second)]
        words = dict.fromkeys(score.words for side in sides for score in side)
        return {
            "n": self.n,
            "seeds": self.seeds,
            "effects": np.exp(self.values).tolist(),
            "effect": float(np.exp(middle(ordered))) if self.n else None,
            "low": None if low is None else float(np.exp(low)),
            "high": None if high is None else float(np.exp(high)),
            "better": "level" if leaning < 0 else "first" if leaning > 0 else "",
            "settings": len(self.by_cell),
            "same_way": sum(np.sign(one) == np.sign(leaning) for one in self.by_cell) if leaning else 0,
            "setting_effects": np.exp(self.by_cell).tolist(),
            "score_words": next(iter(words)) if len(words) == 1 else "score",
            **_counts("first_", sides[0]),
            **_counts("", sides[1]),
        }


_Made: TypeAlias = tuple[tuple[bool, str], _Effect, dict[str, Any]]
"""Whether a factor is of the design, and with which others a level is tested; its effect; what the table calls it."""


def _counts(prefix: str, scores: Sequence[_Score]) -> dict[str, Any]:
    return {
        f"{prefix}solved": sum(score.solved for score in scores),
        f"{prefix}complete": sum(score.complete for score in scores),
        f"{prefix}updates": median([score.updates for score in scores if score.solved and score.updates > 0]),
    }


def _means(scores: Iterable[_Score]) -> dict[int, float]:
    """Return of each seed the mean of its scores' logarithms; infinite where one is."""
    found: dict[int, list[float]] = {}
    for score in scores:
        if score.logarithm is not None:
            found.setdefault(score.seed, []).append(score.logarithm)
    return {seed: float(np.mean(values)) for seed, values in found.items()}


def _mean(differences: Sequence[float]) -> float:
    """Return the mean; infinite where more are infinite on one side than on the other."""
    values = np.asarray(differences)
    net = float(np.sign(values[np.isinf(values)]).sum())
    finite = values[np.isfinite(values)]
    return net * np.inf if net else float(finite.mean()) if len(finite) else 0.0


def _trials(trials: pd.DataFrame) -> list[Trial]:
    return comparable(trials.to_dict("records"))


def _levels(rows: Sequence[Trial], factor: str) -> list[Any]:
    """Return a factor's levels in the order in which they appear; a setting that is not there is none."""
    found: dict[Hashable, Any] = {}
    for row in rows:
        if row[factor] == row[factor]:
            found.setdefault(_typed(row[factor]), row[factor])
    return list(found.values())


def _typed(value: Any) -> Hashable:
    """Return a value that equals another only where a study takes them for one level: True is not 1."""
    return isinstance(value, bool | np.bool_), value


def _is(value: Any, level: Any) -> bool:
    return bool(_typed(value) == _typed(level))


def _crossed(rows: Sequence[Trial], factors: Sequence[str], seeds: Sequence[int]) -> bool:
    """Say whether every combination of levels was planned with every seed."""
    planned = {(*map(_typed, known(row[name] for name in factors)), int(row["seed"])) for row in rows}
    levels = [[*map(_typed, _levels(rows, name) or [ABSENT])] for name in factors]
    whole = int(np.prod([len(found) for found in levels])) * len(seeds)
    return len(planned) == whole and planned == {*product(*levels, seeds)}


def _by_cell(rows: Iterable[Trial], others: Sequence[str]) -> dict[Cell, list[_Score]]:
    """Return scores by what their trials have of other factors, and by what quantity they are."""
    found: dict[Cell, list[_Score]] = {}
    for row in rows:
        what, score = _score(row)
        # the level itself stands first, so that a cell can be shown; then what tells True from 1
        shown = known(row[name] for name in others)
        found.setdefault((*shown, *(isinstance(value, bool) for value in shown), what), []).append(score)
    return found


def _score(row: Trial) -> tuple[str, _Score]:
    """Return a trial's score, and what quantity it is: the error of a task that has one of its own, else the loss."""
    own = row["error_metric"]
    judged_by_error = own is not None and own == own
    quantity = next(one for one in QUANTITIES if one.name == ("error" if judged_by_error else "loss"))
    complete = row["state"] == "complete"
    value = quantity.of(row) if complete else None
    usable = value is not None and value == value
    updates = row.get("updates_to_solve", np.nan)
    score = _Score(
        seed=int(row["seed"]),
        logarithm=float(np.log(max(value, quantity.resolution(row)))) if usable else None,  # type: ignore[type-var, arg-type]
        complete=complete,
        solved=complete and row["solved"] == 1,
        updates=float(updates) if updates == updates else 0.0,
        words=ERROR_WORDS if judged_by_error else str(row["score_words"]),
    )
    return str(own if judged_by_error else row["score_name"]), score


def selected(trials: pd.DataFrame, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the trials that have these levels."""
    for row in trials.to_dict("records"):
        if all(_is(row[name], level) for name, level in wanted.items()):
            yield str(row["key"])


def levels_of(trials: pd.DataFrame, factor: str) -> list[Any]:
    """Return a factor's levels in the order in which they appear."""
    return _levels(trials.to_dict("records"), factor)
