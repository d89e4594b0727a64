"""What each level of each factor does to the score; the seed is the replicate."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unroll.analysis.comparison import SIGNIFICANT, middle, ranked
from unroll.analysis.family import Family, Group
from unroll.analysis.scores import ERROR, LOSS, comparable, numbers, own_error
from unroll.analysis.settings import ABSENT, table_of, typed
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

Integers: TypeAlias = NDArray[np.int64]


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
    scores = _Scores(trials, (*DESIGN, *factors))
    varying = {factor: found for factor, found in scores.levels.items() if len(found) > 1}
    complete_grid = scores.crossed()
    made: list[_Made] = []
    for factor, found in varying.items():
        cells = scores.cells([name for name in (*DESIGN, *factors) if name != factor])
        sides = [np.flatnonzero(scores.codes[factor] == place) for place in range(len(found))]
        for place, (level, side) in enumerate(zip(found[1:], sides[1:], strict=True), 1):
            effect = _Effect(scores, cells, sides[0], side)
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
    scores = _Scores(trials, (*DESIGN, *factors))
    free = [name for name in (*DESIGN, *factors) if name not in first and name not in second]
    cells = scores.cells(free)
    sides = [np.flatnonzero(_having(trials, wanted)) for wanted in (first, second)]
    parts = []
    for cell in _shared(cells, *sides):
        here = [side[cells[side] == cell] for side in sides]
        head = {name: scores.level(name, here[0][0]) for name in free}
        parts.append((head, _Effect(scores, cells, *here)))
    parts.append((dict.fromkeys(free, ABSENT), _Effect(scores, cells, *sides)))
    p, corrected = sign_flips_p(np.column_stack([effect.differences for _, effect in parts]))
    records = []
    for place, (cell, effect) in enumerate(parts):
        row = effect.row()
        row["better"] = "second" if row["better"] == "level" else row["better"]
        head = {name: np.nan if level is ABSENT else level for name, level in cell.items()}
        tested = (float(p[place]), float(corrected[place])) if effect.n else (None, None)
        last = place == len(parts) - 1
        records.append({"overall": last, **head, **row, "p": tested[0], "p_corrected": tested[1]})
    shown = [name for name in free if len(scores.levels[name]) > 1]
    frame = table_of(records, ["overall", *shown, *_SEEN, "p", "p_corrected"], shown)
    return frame.astype(dict.fromkeys(("effect", "low", "high", "p", "p_corrected"), "float64"))


class _Scores:
    """Trials by columns: their levels of factors, by number, and what is compared of them.

    ``levels``: of each factor, in the order in which they appear; ``codes``: which of them each trial has, -1 where it
    has none. ``logarithms``: of the scores, NaN where there is none; ``what``: which quantity each is.
    """

    def __init__(self, trials: pd.DataFrame, factors: Sequence[str]):
        trials = comparable(trials)
        numbered = {name: _numbered(trials[name]) for name in factors}
        self.levels = {name: levels for name, (_, levels) in numbered.items()}
        self.codes = {name: codes for name, (codes, _) in numbered.items()}
        seeds, self.seed = np.unique(trials["seed"].to_numpy(np.int64), return_inverse=True)
        self.seeds: list[int] = seeds.tolist()
        judged = own_error(trials)
        self.logarithms = np.where(judged, ERROR.logarithms(trials), LOSS.logarithms(trials))
        self.what = _numbered(trials["error_metric"].where(judged, trials["score_name"]))[0]
        self.words = np.where(judged, ERROR_WORDS, trials["score_words"].to_numpy(object))
        self.complete = (trials["state"] == "complete").to_numpy(bool)
        self.solved = self.complete & (numbers(trials, "solved") == 1)
        self.updates = np.nan_to_num(numbers(trials, "updates_to_solve"), nan=0.0, posinf=np.inf)

    def level(self, factor: str, place: int) -> Any:
        """Return a trial's level of a factor."""
        code = self.codes[factor][place]
        return ABSENT if code < 0 else self.levels[factor][code]

    def cells(self, others: Sequence[str]) -> Integers:
        """Return a number for each trial that those share which agree in these factors, and in what their score is."""
        cells = self.what
        for name in others:
            cells = np.unique(cells * (len(self.levels[name]) + 1) + self.codes[name], return_inverse=True)[1]
        return cells

    def crossed(self) -> bool:
        """Say whether every combination of levels was planned with every seed."""
        planned = self.seed
        for codes, levels in zip(self.codes.values(), self.levels.values(), strict=True):
            if levels and (codes < 0).any():
                return False
            planned = np.unique(planned * (len(levels) + 1) + codes, return_inverse=True)[1]
        whole = int(np.prod([max(len(levels), 1) for levels in self.levels.values()])) * len(self.seeds)
        return len(np.unique(planned)) == whole


class _Effect:
    """Two levels in the cells that both have: of each seed the mean difference of the scores' logarithms.

    ``cells``: the cell of each trial; ``first``, ``second``: the places of the trials of either level.
    """

    def __init__(self, scores: _Scores, cells: Integers, first: Integers, second: Integers):
        shared = _shared(cells, first, second)
        self.scores = scores
        self.sides = [side[np.isin(cells[side], shared)] for side in (first, second)]
        order = np.zeros(int(cells.max(initial=0)) + 1, dtype=np.int64)
        order[shared] = np.arange(len(shared))
        one, other = (_means(scores, order[cells[side]], side, len(shared)) for side in self.sides)
        with np.errstate(invalid="ignore"):  # where both are infinite
            differences = np.where(other == one, 0.0, other - one)
        both: NDArray[np.bool_] = np.asarray(~(np.isnan(one) | np.isnan(other)))
        self.by_cell = [middle(np.sort(row[mine])) for row, mine in zip(differences, both, strict=True) if mine.any()]
        some: NDArray[np.bool_] = np.asarray(both.any(axis=0))
        self.seeds = [seed for seed, has in zip(scores.seeds, some, strict=True) if has]
        by_seed = zip(differences.T[some], both.T[some], strict=True)
        self.values = np.array([_mean(column[mine]) for column, mine in by_seed], dtype=np.float64)
        found = np.zeros(len(scores.seeds))
        found[some] = self.values
        self.differences: Float64 = ranked(found)
        """One for each seed of the study, 0 where it has no cell that both levels have."""

    @property
    def n(self) -> int:
        return len(self.seeds)

    def row(self) -> dict[str, Any]:
        """Return what the tables say of it but for its p."""
        ordered = np.sort(self.values)
        low, high = median_interval(ordered.tolist()) or (None, None)
        leaning = float(self.differences.sum())
        words = set(self.scores.words[np.concatenate(self.sides)])
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
            **self._counts("first_", self.sides[0]),
            **self._counts("", self.sides[1]),
        }

    def _counts(self, prefix: str, side: Integers) -> dict[str, Any]:
        solved, updates = self.scores.solved[side], self.scores.updates[side]
        return {
            f"{prefix}solved": int(solved.sum()),
            f"{prefix}complete": int(self.scores.complete[side].sum()),
            f"{prefix}updates": median(updates[solved & (updates > 0)].tolist()),
        }


_Made: TypeAlias = tuple[tuple[bool, str], _Effect, dict[str, Any]]
"""Whether a factor is of the design, and with which others a level is tested; its effect; what the table calls it."""


def _shared(cells: Integers, first: Integers, second: Integers) -> Integers:
    """Return the cells that both sides have, in the order in which the first side has them."""
    found, places = np.unique(cells[first], return_index=True)
    ordered = found[np.argsort(places)]
    return np.asarray(ordered[np.isin(ordered, cells[second])], dtype=np.int64)


def _means(scores: _Scores, cell: Integers, side: Integers, cells: int) -> Float64:
    """Return of each cell and seed the mean of the scores' logarithms, (cells, seeds): NaN where there is none."""
    usable = ~np.isnan(scores.logarithms[side])
    cell, side = cell[usable], side[usable]
    places = cell * len(scores.seeds) + scores.seed[side]
    means = np.full(cells * len(scores.seeds), np.nan)
    means[places] = scores.logarithms[side]
    again, counts = np.unique(places, return_counts=True)
    for place in again[counts > 1]:
        means[place] = np.mean(scores.logarithms[side[places == place]])
    return means.reshape(cells, len(scores.seeds))


def _mean(values: Float64) -> float:
    """Return the mean; infinite where more are infinite on one side than on the other."""
    net = float(np.sign(values[np.isinf(values)]).sum())
    finite = values[np.isfinite(values)]
    return net * np.inf if net else float(finite.mean()) if len(finite) else 0.0


def _numbered(values: pd.Series[Any]) -> tuple[Integers, list[Any]]:
    """Return which level each value is, -1 for a setting that is not there, and the levels as they first appear."""
    alike = pd.api.types.infer_dtype(values, skipna=False)
    if values.dtype != object or alike == "string":  # of one type: equal ones are one level
        numbers, known = pd.factorize(values)
        return numbers.astype(np.int64), known.tolist()
    found: dict[Hashable, int] = {}
    levels: list[Any] = []
    codes = np.empty(len(values), dtype=np.int64)
    for place, value in enumerate(values.tolist()):
        if value != value:
            codes[place] = -1
            continue
        code = found.setdefault(typed(value), len(levels))
        if code == len(levels):
            levels.append(value)
        codes[place] = code
    return codes, levels


def _having(trials: pd.DataFrame, wanted: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Say which trials have these levels."""
    having = np.ones(len(trials), dtype=bool)
    for name, level in wanted.items():
        having &= np.array([typed(value) == typed(level) for value in trials[name]], dtype=bool)
    return having


def selected(trials: pd.DataFrame, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the trials that have these levels."""
    yield from trials.loc[_having(trials, wanted), "key"]


def levels_of(trials: pd.DataFrame, factor: str) -> list[Any]:
    """Return a factor's levels in the order in which they appear."""
    return _numbered(trials[factor])[1]
