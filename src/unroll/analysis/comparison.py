"""Models compared seed by seed, in one family of tests a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.family import Family, Group
from unroll.analysis.scores import QUANTITIES, SPAN, Place, by_place, column, comparable, places, spans
from unroll.analysis.settings import table_of
from unroll.analysis.statistics import median_interval, signed_ranks
from unroll.axes import Float64
from unroll.wording import counted, label, number

SIGNIFICANT = 0.05
"""The chance that a study of models that do not differ says of any two of them that they do."""

_COLUMNS = (
    *("first", "second", "quantity", "n", "seeds", "effects", "effect", "low", "high", "better", "first_better"),
    *("ties", "unpaired", "p", "p_family", "smallest_p", "pairs", "score_words"),
)


def comparisons(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return every paired test of a study: each pair of models, wherever both were trained, in each quantity.

    Under the protocol ``keyed`` two models with the same seed have seen the same data in the same order; under
    ``notebook`` the same data, in an order that also depends on the model. So they are compared seed by seed, in

    loss
        the logarithm of the test loss, of all tasks at the steps that both models can answer
    error
        the logarithm of the criterion of a task that is judged by an error of its own
    updates
        the logarithm of the updates until the criterion is met; a trial that never meets it is later than any
    span
        the longest of all lengths that a seed solves, by its place among them

    Values below a quantity's resolution count as it. An infinite value is worse than any finite one: where there is
    one, ranks stand for differences. All tests of a study are one family (see ``unroll.analysis.family``):
    ``p_family`` at most 0.05 is claimed falsely, by any sentence of a study, with a chance of at most 0.05.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    factors
        Names of further columns that tell conditions apart; two models are compared where they agree in all of them.

    Returns
    -------
    task, length (missing where the quantity is of all lengths), the ``factors``, first, second, quantity; n (seeds that
    both have completed), seeds, effects (lists: the first model's value divided by the second's, of spans the steps by
    which the first's is longer), effect (their median; infinite or 0 where only one model's values are infinite), low,
    high (its exact interval; None with fewer than six seeds), better ("first", "second", or "" where neither is),
    first_better, ties (counts), unpaired (planned seeds without a pair: a trial failed, is missing, or was planned for
    one model only), p (of this test alone), p_family (both None without a pair), smallest_p (the smallest p_family that
    n seeds can give), pairs (the pairs of models that share the error: those with seeds enough to be separated at all),
    score_words (what the loss is called).

    """
    return _tested(trials, factors, list(dict.fromkeys(trials["model"])))


def comparison(trials: pd.DataFrame, first: str, second: str, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return two models' losses compared, one row per task, length and setting, with what this shows in words.

    The columns of ``comparisons``, of which these are rows; and sentence. ``p_family`` is corrected for all models of
    ``trials``, not for these two alone.
    """
    models = list(dict.fromkeys(trials["model"]))
    order = [name for name in (first, second) if name in models]
    return between(_tested(trials, factors, [*order, *(name for name in models if name not in order)]), first, second)


def between(table: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the comparisons of two models' losses, with sentences, of those of all models."""
    mine = table[(table["first"] == first) & (table["second"] == second) & (table["quantity"] == "loss")]
    return mine.assign(sentence=[_sentence(row) for row in mine.to_dict("records")]).reset_index(drop=True)


@dataclass(frozen=True)
class _Test:
    """One test: whether it is in the pair's first group, the difference of each seed, and what the table says of it."""

    first: bool
    differences: Float64
    row: dict[str, Any]


def _tested(trials: pd.DataFrame, factors: Sequence[str], models: Sequence[str]) -> pd.DataFrame:
    trials = comparable(trials)
    by_model = {model: trials[trials["model"] == model] for model in models}
    tests = {pair: list(_tests(by_model, pair, factors)) for pair in combinations(models, 2)}
    members = {
        (pair, first): [test for test in mine if test.first is first and test.row["n"]]
        for pair, mine in tests.items()
        for first in (True, False)
    }
    groups = [
        Group(pair, first, np.column_stack([test.differences for test in mine]), max(test.row["n"] for test in mine))
        for (pair, first), mine in members.items()
        if mine
    ]
    family = Family(groups, SIGNIFICANT)
    for group, ps in zip(groups, family.p(), strict=True):
        for test, p, p_family in zip(members[group.pair, group.first], *ps, strict=True):
            test.row.update(p=p, p_family=p_family, smallest_p=family.least(group, test.row["n"]))
    rows = [{"smallest_p": 1.0, **test.row, "pairs": family.pairs} for mine in tests.values() for test in mine]
    frame = table_of(rows, ["task", "length", *factors, *_COLUMNS], factors)
    return frame.astype({"length": "Int64", "p": "float64", "p_family": "float64"})


def _tests(by_model: Mapping[str, pd.DataFrame], pair: tuple[str, str], factors: Sequence[str]) -> Iterator[_Test]:
    """Yield the tests of two models."""
    one, other = (_planned(by_model[model], factors) for model in pair)
    shared = {where: (head, seeds | other[where][1]) for where, (head, seeds) in one.items() if where in other}
    seeds = sorted({seed for _, planned in shared.values() for seed in planned})
    for quantity in QUANTITIES:
        values = [by_place(by_model[model], quantity, factors) for model in pair]
        for where, (head, planned) in shared.items():
            first, second = (found.get(where, {}) for found in values)
            if quantity.name == "updates" and not np.isfinite([*first.values(), *second.values()]).any():
                continue  # nobody ever solves it
            if (first and second) or quantity.name == "loss":
                seen = _Seen(head, pair, quantity.name, seeds, first, second, planned)
                differences = column(first, second, seeds)
                yield _Test(quantity.first, ranked(differences), seen.row(differences, differences, np.exp))
    lengths: dict[Place, list[int]] = {}
    for task, length, *setting in shared:
        lengths.setdefault((task, None, *setting), []).append(length)
    tried = {where: sorted(found) for where, found in lengths.items() if len(found) > 1}
    longest = [spans(by_model[model], factors, tried) for model in pair]
    for (task, _, *setting), found in tried.items():
        first, second = (spans_[task, None, *setting] for spans_ in longest)
        differences = column(first, second, seeds)
        if differences.any():
            head, planned = shared[task, found[0], *setting]
            seen = _Seen({**head, "length": None}, pair, SPAN, seeds, first, second, planned)
            in_steps = [
                {seed: float([0, *found][-int(n)]) for seed, n in longest_.items()} for longest_ in (first, second)
            ]
            steps = column(in_steps[0], in_steps[1], seeds)
            yield _Test(False, differences, seen.row(differences, steps, np.asarray))


def _planned(trials: pd.DataFrame, factors: Sequence[str]) -> dict[Place, tuple[dict[str, Any], set[int]]]:
    """Return where a model was planned: what the table says of the place, and the seeds."""
    found: dict[Place, tuple[dict[str, Any], set[int]]] = {}
    names = ("task", "length", "score_words", *factors)
    heads = zip(*(trials[name].tolist() for name in names), strict=True)
    for where, head, seed in zip(places(trials, factors), heads, trials["seed"].tolist(), strict=True):
        if where not in found:
            found[where] = dict(zip(names, head, strict=True)), set()
        found[where][1].add(seed)
    return found


@dataclass(frozen=True)
class _Seen:
    """What two models have in one quantity at one place: of each a value by seed."""

    head: Mapping[str, Any]
    pair: tuple[str, str]
    quantity: str
    seeds: Sequence[int]
    first: Mapping[int, float]
    second: Mapping[int, float]
    planned: set[int]

    def row(self, differences: Float64, effects: Float64, scale: Callable[[Any], Any]) -> dict[str, Any]:
        """Return what the table says of it but for its p; ``scale`` turns effects into what is shown."""
        paired = np.array([seed in self.first and seed in self.second for seed in self.seeds], dtype=bool)
        mine, values = differences[paired], np.sort(effects[paired])
        leaning = float(ranked(mine).sum())
        low, high = median_interval(values.tolist()) or (None, None)
        return {
            **self.head,
            "first": self.pair[0],
            "second": self.pair[1],
            "quantity": self.quantity,
            "n": len(mine),
            "seeds": [seed for seed, both in zip(self.seeds, paired, strict=True) if both],
            "effects": [float(scale(effect)) for effect in effects[paired]],
            "effect": float(scale(middle(values))) if len(values) else None,
            "low": None if low is None else float(scale(low)),
            "high": None if high is None else float(scale(high)),
            "better": "first" if leaning < 0 else "second" if leaning > 0 else "",
            "first_better": int((mine < 0).sum()),
            "ties": int((mine == 0).sum()),
            "unpaired": sorted(seed for seed in self.planned if not (seed in self.first and seed in self.second)),
        }


def middle(values: Float64) -> float:
    """Return the median of ascending values; 0 between two infinite values of different sign."""
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return float(low if low == high else 0.0 if np.isinf(low) and np.isinf(high) else (low + high) / 2)


def ranked(differences: Float64) -> Float64:
    """Return differences, or their ranks where one is infinite."""
    return differences if np.isfinite(differences).all() else signed_ranks(differences)


def _sentence(row: Mapping[Any, Any]) -> str:
    """Return what a row shows. "Cannot" is said where even the clearest outcome would not have been significant."""
    first, second, n = label(row["first"]), label(row["second"]), row["n"]
    if not n:
        return f"No seed gave {first} and {second} losses that can be compared."
    if row["ties"] == n:
        return f"{first} and {second} have the same {row['score_words']} with {counted(n, 'seed')}."
    wins = {"first": row["first_better"], "second": n - row["first_better"] - row["ties"]}
    better = row["better"] or max(wins, key=lambda side: wins[side])
    winner, loser = (first, second) if better == "first" else (second, first)
    seen = f"{winner} has the lower {row['score_words']} in {wins[better]} of {n} seeds"
    if n == 1:
        seen = f"{winner} has the lower {row['score_words']}"
    if row["smallest_p"] > SIGNIFICANT:
        pairs = f", one of {counted(row['pairs'], 'pair')}" if row["pairs"] > 1 else ""
        few = f"{counted(n, 'seed')} cannot separate two models{pairs}"
        return f"{seen}, but {few} (smallest p {row['smallest_p']:.2g})."
    p = f"(p {number(row['p_family'], 2)}, corrected for all comparisons of the study)"
    if row["p_family"] > SIGNIFICANT:
        return f"{seen}; {loser} is not separated from it by these seeds {p}."
    return f"{seen}; the difference to {loser} is significant {p}."
