"""What each level of each factor does, with the seed as the replicate.

Through ``effects()``, ``contrast()`` and ``findings()`` on trials that are drawn, on a 2 x 2 grid of settings: planted
effects are found, and where there are none the sentences are silent at the promised rate. ``make check-statistics``
draws more studies (STUDIES).

Planted and found: every cell counted as a seed; p left uncorrected; the ratio upside down; cells matched that only one
level has; an infinite score left out.
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.analysis.builders import trials as built
from tests.analysis.telling import told
from tests.stored import stored
from unroll.analysis import contrast, effects
from unroll.analysis.factors import factors
from unroll.errors import UnknownNameError, UnrollError

STUDIES = int(os.environ.get("STUDIES", "48"))
HIDDEN, RATE = "model.hidden", "train.learning_rate"
FACTORS = (HIDDEN, RATE)


def grid(
    generator: np.random.Generator,
    seeds: int,
    shifts: tuple[float, float] = (0.0, 0.0),
    *,
    models: tuple[str, ...] = ("gru",),
    hidden: tuple[int, ...] = (2, 32),
    rates: tuple[float, ...] = (0.01, 0.001),
    noise: float = 0.5,
    bimodal: bool = False,
) -> pd.DataFrame:
    """Trials of a grid whose second level of hidden, and of the rate, divides the loss by these factors' exponentials.

    Seeds have something in common, as equal data have.
    """
    common = generator.normal(0, 1, seeds)
    parts = []
    for (h, size), (r, rate), model in product(enumerate(hidden), enumerate(rates), models):
        logs = np.log(0.01) + common + generator.normal(0, noise, seeds)
        if bimodal:
            logs = np.where(generator.uniform(size=seeds) < 0.5, logs - 5, logs)
        losses = np.exp(logs - shifts[0] * (h == 1) - shifts[1] * (r == 1))
        parts.append(built({(model, 10): losses.tolist()}, **{HIDDEN: size, RATE: rate}))
    return pd.concat(parts, ignore_index=True)


def level(table: pd.DataFrame, factor: str, value: object) -> pd.Series:
    (row,) = (row for _, row in table.iterrows() if row["factor"] == factor and row["level"] == value)
    return row


def at_most(studies: int) -> int:
    """The 99 % quantile of how many of so many studies claim something, if one in twenty does."""
    return int(stats.binom.ppf(0.99, studies, 0.05))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(0, 10**6), st.floats(0, 0.4))
def test_the_seed_is_the_replicate(seeds: int, start: int, missing: float):
    """An oracle by pandas: a table of seeds and cells, of which the mean over the cells that both levels have."""
    generator = np.random.default_rng(start)
    frame = grid(generator, seeds, models=("gru", "lstm"))
    frame.loc[generator.uniform(size=len(frame)) < missing, ["state", "score"]] = ["failed", np.nan]
    logs = frame.assign(log=np.log(frame["score"])).set_index(["seed", RATE, "model", HIDDEN])["log"].unstack()
    apart = (logs[32] - logs[2]).dropna().groupby("seed").mean()
    row = level(effects(frame, FACTORS), HIDDEN, 32)
    assert row["n"] == len(apart) <= seeds
    assert row["effects"] == pytest.approx(np.exp(apart).tolist())
    if len(apart):
        assert row["effect"] == pytest.approx(np.exp(apart.median()))
        means = np.abs(np.array(list(product((1, -1), repeat=len(apart)))) @ apart.to_numpy())
        assert row["p"] == pytest.approx(np.mean(means >= means[0] * (1 - 1e-9)))
    assert (row["complete"], row["first_complete"]) == tuple(
        ((frame[HIDDEN] == size) & (frame["state"] == "complete")).sum() for size in (32, 2)
    )


def test_planted_effects_are_found_and_told():
    generator = np.random.default_rng(1)
    studies = max(24, STUDIES // 8)
    found = {6: 0, 10: 0}
    for seeds in found:
        for _ in range(studies):
            table = effects(grid(generator, seeds, (np.log(4), np.log(1 / 10))), FACTORS)
            hidden, rate = level(table, HIDDEN, 32), level(table, RATE, 0.001)
            found[seeds] += bool(max(hidden["p_family"], rate["p_family"]) <= 0.05)
            assert (hidden["better"], rate["better"]) == ("level", "first")
    assert min(found.values()) >= 0.8 * studies, "both settings, with six seeds too"
    frame = grid(np.random.default_rng(2), 6, (np.log(4), 0.0), noise=0.01)
    said = told(frame, "found", FACTORS)
    assert (
        "With model.hidden = 32 the test MSE is 4.0 times lower than with 2 (the same way in 2 of 2 conditions)."
        in said
    )
    (open_,) = (one for one in told(frame, "not_shown", FACTORS) if "not separated" in one)
    assert open_ == "Settings not separated by these seeds: train.learning_rate (0.001 against 0.01)."


def test_few_studies_without_effects_tell_of_one():
    """No sentence compares settings, in all but one study of twenty."""
    generator = np.random.default_rng(3)
    kinds = list(product((6, 10), (False, True), ((2, 32), (2, 8, 32))))
    claims = 0
    for study in range(STUDIES):
        seeds, bimodal, hidden = kinds[study % len(kinds)]
        frame = grid(generator, seeds, hidden=hidden, bimodal=bimodal)
        claims += any(finding.compares for finding in factors(SimpleNamespace(effects=effects(frame, FACTORS))))
    assert claims <= at_most(STUDIES)
    print(claims, STUDIES)


def test_what_a_seed_does_to_all_cells_of_a_level_is_one_observation():
    """With a chance of one in twenty it is told, however many cells there are."""
    generator = np.random.default_rng(4)
    claims = 0
    for _ in range(40):
        frame = grid(generator, 6, models=tuple("abcd"), noise=0.1)
        frame["score"] *= np.where(frame[HIDDEN] == 32, np.exp(generator.normal(0, 1, 7))[frame["seed"]], 1.0)
        claims += level(effects(frame, FACTORS), HIDDEN, 32)["p_family"] <= 0.05
    assert claims <= at_most(40)


def test_the_ith_levels_of_all_settings_are_one_test():
    """Six seeds are enough for a 2 x 2 grid, whose smallest p Holm's procedure would double; not for three levels."""
    generator = np.random.default_rng(5)
    table = effects(grid(generator, 6), FACTORS)
    assert set(table["smallest_p"]) == {1 / 32}
    table = effects(grid(generator, 6, (5.0, 0.0), hidden=(2, 8, 32), noise=0.1), FACTORS)
    assert set(table["smallest_p"]) == {2 / 32}
    row = level(table, HIDDEN, 8)
    assert (row["p"], row["p_family"]) == (1 / 32, 2 / 32), "corrected for both rounds"
    frame = grid(generator, 6)
    union = frame[~((frame[HIDDEN] == 32) & (frame[RATE] == 0.001))]
    assert set(effects(union, FACTORS)["smallest_p"]) == {2 / 32}, "not every combination was planned"


def test_only_cells_that_both_levels_have_are_matched():
    frame = grid(np.random.default_rng(6), 4, (np.log(3), 0.0), noise=0.0)
    alone = frame[(frame[HIDDEN] == 2) | (frame[RATE] == 0.01)].copy()
    alone.loc[alone[RATE] == 0.001, "score"] = 1e-9
    row = level(effects(alone, FACTORS), HIDDEN, 32)
    assert (row["settings"], row["first_complete"], row["complete"]) == (1, 4, 4)
    assert row["effect"] == pytest.approx(1 / 3)
    none = frame[(frame[HIDDEN] == 2) == (frame[RATE] == 0.01)]
    assert set(effects(none, FACTORS)["n"]) == {0}
    said = "Settings are told, not compared: no seed has completed two of their levels with all else equal."
    assert said in told(none, "not_shown", FACTORS)
    failed = frame.assign(state=np.where(frame[HIDDEN] == 32, "failed", frame["state"]))
    assert said in told(failed[failed[RATE] == 0.01], "not_shown", FACTORS), "tried, with all else equal, in vain"


def test_a_switch_is_spelled_alike_in_all_sentences():
    """A column of booleans holds NumPy's, which are no Python bool."""
    parts = [built({("gru", 10): losses}, **{"task.flag": flag}) for flag, losses in ((True, [1e-3]), (False, [0.1]))]
    said = " ".join(told(pd.concat(parts, ignore_index=True), "found", ("task.flag",)))
    assert "With task.flag = yes, the GRU" in said
    assert "With task.flag = no, the GRU" in said


def test_an_infinite_score_is_worse_than_any_and_the_effect_has_no_bound():
    frame = grid(np.random.default_rng(7), 8, noise=0.2)
    frame.loc[frame[HIDDEN] == 2, "score"] = np.inf
    row = level(effects(frame, FACTORS), HIDDEN, 32)
    assert (row["better"], row["effect"], row["p"]) == ("level", 0.0, 2 / 2**8)
    (said,) = factors(SimpleNamespace(effects=effects(frame, FACTORS)))
    assert "the test MSE is lower without a bound than with 2" in said.sentence
    frame.loc[frame["seed"] > 1, "score"] = 0.01
    row = level(effects(frame, FACTORS), HIDDEN, 32)
    assert (row["better"], row["effect"], row["p"]) == ("level", 1.0, 1.0)


def test_values_below_the_resolution_count_as_it():
    frame = grid(np.random.default_rng(8), 6)
    frame["score"] = np.where(frame[HIDDEN] == 2, 1e-15, 1e-20)
    row = level(effects(frame, FACTORS), HIDDEN, 32)
    assert (row["effect"], row["p"], row["better"]) == (1.0, 1.0, "")


def test_models_lengths_and_tasks_are_factors_too():
    frame = pd.concat(
        [built({(model, length): [0.1 * length] * 2 for model in ("gru", "lstm") for length in (10, 20)})]
    )
    table = effects(frame)
    assert table[["factor", "first", "level"]].to_numpy().tolist() == [["model", "gru", "lstm"], ["length", 10, 20]]
    assert table["effect"].tolist() == pytest.approx([1.0, 2.0])
    assert table["better"].tolist() == ["", "first"]
    other = built({("gru", 10): [0.1]}, task="copy").assign(score_name="test_cross_entropy")
    assert level(effects(pd.concat([frame, other])), "task", "copy")["n"] == 0, "not the same quantity"


def test_any_two_selections_are_compared():
    frame = grid(np.random.default_rng(9), 6, (np.log(4), 0.0), models=("gru", "lstm"), noise=0.01)
    table = contrast(frame, {HIDDEN: 2}, {HIDDEN: 32}, FACTORS)
    assert table["overall"].tolist() == [False] * 4 + [True]
    assert list(zip(table["model"], table[RATE], strict=True))[:4] == [
        ("gru", 0.01), ("lstm", 0.01), ("gru", 0.001), ("lstm", 0.001),
    ]  # fmt: skip
    assert table["effect"].tolist() == pytest.approx([0.25] * 5, rel=0.05)
    assert set(table["better"]) == {"second"}
    assert set(table["p"]) == set(table["p_corrected"]) == {1 / 32}
    row = level(effects(frame, FACTORS), HIDDEN, 32)
    assert table["effects"].iloc[-1] == pytest.approx(row["effects"])
    cross = contrast(frame, {"model": "gru", HIDDEN: 32}, {"model": "lstm", HIDDEN: 2}, FACTORS)
    assert cross[RATE].tolist()[:2] == [0.01, 0.001]
    assert "model" not in cross


def test_a_selection_that_is_none_says_so(tmp_path: Path):
    results = stored(tmp_path / "results.db", rates=(0.1, 0.01))
    table = results.compare({RATE: 0.1}, {RATE: 0.01})
    assert len(table) == 10
    assert set(table["effect"]) == {1.0}
    assert {"model", "length", RATE} == set(results.effects()["factor"])
    with pytest.raises(UnknownNameError, match=r'no factor "train.learning_rat". Did you mean "train.learning_rate"'):
        results.compare({"train.learning_rat": 0.1}, {RATE: 0.01})
    with pytest.raises(UnknownNameError, match=r'model is never grus in the study "by-hand".*Did you mean "gru"'):
        results.compare({"model": "gru"}, {"model": "grus"})
    with pytest.raises(UnknownNameError, match=r"train.learning_rate is never 0.2 .* It is 0.1 or 0.01"):
        results.compare({RATE: 0.2}, {RATE: 0.01})
    with pytest.raises(
        UnrollError, match=r"^model = gru and train.learning_rate = 0.01 have .* in common\. Fix a factor"
    ):
        results.compare({"model": "gru"}, {RATE: 0.01})
