"""Sentences on what a study does not show, though a reader might think so."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.factors import open_factors
from unroll.analysis.finding import Finding, Tables
from unroll.analysis.improving import RULE
from unroll.analysis.statistics import MOST_EXACT, smallest_p
from unroll.wording import capital, counted, listed, measured, percent

TEST = "two-sided sign-flip test, seed by seed, corrected for all comparisons of the study"
COMPARED = {
    "of two models' loss or error": ("loss", "error"),
    "of the updates that two models need": ("updates",),
    "of the lengths that two models solve": ("span",),
}
"""What is compared, in words, and the quantities that are meant."""
BY_HEART = 0.1
"""The share of test inputs that training has seen from which on it is a reason for doubt."""
MOST_SEEDS = MOST_EXACT + 2
"""The smallest p of more seeds than are enumerated no longer falls."""

MOST_ENDS = 2
"""Tasks for which it is told one by one that they were trained at one length."""


def doubts(tables: Tables, others: Tables) -> Iterator[Finding]:
    """Yield them, what is missing first; ``others`` are the tables without the tasks that measures judge."""
    yield from _incomplete(tables)
    if tables.conditions["complete"].any():
        yield from _chance(tables)
        yield from _unrecorded(others)
        yield from _improving(tables)
        yield from _beyond(others)
        yield from _below_the_second(others)
        yield from _seen(others)
        yield from _noise(others)
        yield from open_factors(tables)
        yield from _scope(tables)


def _incomplete(tables: Tables) -> Iterator[Finding]:
    conditions = tables.conditions
    texts = {"failed": "failed", "damaged": "damaged in the store", "waiting": "not trained yet"}
    counts = {state: int(conditions[state].sum()) for state in texts}
    failed, absent = counts["failed"], sum(counts.values())
    planned = absent + int(conditions["complete"].sum())
    if not absent:
        return
    what = [f"{count:,} {texts[state]}" for state, count in counts.items() if count]
    if absent == planned and not counts["damaged"]:
        only = ("all failed" if failed else "none is trained yet") if len(what) == 1 else listed(what)
        said = f"of {counted(planned, 'trial')}, {only}"
        if planned == 1:
            said = f"the one trial {'failed' if failed else 'is not trained yet'}"
        yield Finding("not_shown", f"Nothing is shown yet: {said}.")
        return
    are = "is" if absent == 1 else "are"
    yield Finding("not_shown", f"{absent:,} of {measured(planned, 'trial')} {are} missing: {listed(what)}.")
    for task, rows in conditions.groupby("task", sort=False):
        complete = rows.groupby("model", sort=False)["complete"].sum()
        blank = [tables.words.named(model) for model, count in complete.items() if not count]
        if blank:
            where = f" on {tables.words.problem(task)}" if conditions["task"].nunique() > 1 else ""
            whose = "it" if len(blank) == 1 else "them"
            yield Finding("not_shown", f"Nothing is known of {listed(blank)}{where}: no trial of {whose} is complete.")


def _chance(tables: Tables) -> Iterator[Finding]:
    """Yield what so few seeds leave open."""
    conditions = tables.conditions
    if conditions["seeds"].map(len).max() == 1:
        yield Finding(
            "not_shown", "One seed shows each result once: how much it varies from seed to seed is not known."
        )
        return
    paired = tables.comparisons[tables.comparisons["n"] > 0]
    if len(paired):
        yield from _comparisons(paired)
    rows = conditions.to_dict("records")
    whole = [row for row in rows if row["n"] > 1 and row["solved"] == row["n"] == len(row["seeds"])]
    if whole:
        best = max(whole, key=lambda row: row["n"])
        low = f"{100 * best['solved_low']:.0f} %"
        sentence = f"{best['n']} of {best['n']} solved seeds do not show that every seed would solve it"
        yield Finding(
            "not_shown", f"{sentence}: the true rate can be as low as {low}.", "Clopper and Pearson's interval for 95 %"
        )


def _comparisons(paired: pd.DataFrame) -> Iterator[Finding]:
    """Yield which comparisons are not separated; where none can be, that, once, and how many seeds would do."""
    most, pairs = int(paired["n"].max()), len(paired[["first", "second"]].drop_duplicates())
    if paired["smallest_p"].min() > SIGNIFICANT:
        least = smallest_p(most)
        enough = next((n for n in range(1, MOST_SEEDS) if smallest_p(n) * pairs <= SIGNIFICANT), None)
        do = (
            f"{capital(counted(enough, 'seed'))} would do."
            if enough
            else "No number of seeds would do for so many pairs."
        )
        times = (
            f", times {counted(pairs, 'pair')} of models {least * pairs:.2g}" if pairs > 1 and least * pairs < 1 else ""
        )
        yield Finding(
            "not_shown",
            f"{capital(counted(most, 'seed'))} cannot show that one model is better than another: the smallest p that "
            f"a paired test can give is {least:.2g}{times}. {do}",
            TEST,
        )
        return
    parts: list[str] = []
    for words, quantities in COMPARED.items():
        rows = paired[paired["quantity"].isin(quantities)]
        open_ = int((rows["p_family"] > SIGNIFICANT).sum())
        if open_:
            of = f"{len(rows):,}" if parts else measured(len(rows), "comparison")
            parts.append(f"{open_:,} of {of} {words}")
    if parts:
        yield Finding("not_shown", f"Not separated by these seeds: {listed(parts)}.", TEST)


def _unrecorded(tables: Tables) -> Iterator[Finding]:
    """Yield how many trials may or may not be better than a predictor with no memory, and what to do."""
    count = sum(
        loss is not None and p is None
        for row in tables.conditions.to_dict("records")
        for loss, p in zip(row["scores"], row["memoryless_p"], strict=True)
    )
    if count:
        they, them = ("it is", "it") if count == 1 else ("they are", "them")
        again = f"train {them} again"
        if tables.saved is not None:
            again = f"{tables.saved.command('forget')}, then {tables.saved.command('run')}"
        yield Finding(
            "not_shown",
            f"Whether {counted(count, 'trial')} left the baseline is not recorded: {they} older than that measure. To "
            f"record it: {again}.",
        )


def _improving(tables: Tables) -> Iterator[Finding]:
    """Yield which conditions ended too early to be called unable, by which rule, and how to go on."""
    rows = tables.conditions[tables.conditions["improving"] > 0]
    if rows.empty:
        return
    count, conditions = int(rows["improving"].sum()), len(tables.conditions)
    does, was = ("does", "was") if count == 1 else ("do", "were")
    where = f", in {len(rows):,} of {conditions:,} conditions" if conditions > 1 else ""
    on = f"raise train.epochs to {2 * tables.epochs:,}" if tables.epochs else "raise train.epochs"
    if tables.saved is not None and tables.epochs and not tables.saved.text:
        on = tables.saved.command("run", f"train.epochs={2 * tables.epochs}")
    if len(tables.early_stopping):
        on += "; where early stopping ended it, raise train.patience"
    yield Finding(
        "not_shown",
        f"{capital(counted(count, 'trial'))} that {does} not solve the task {was} still improving at the end of the "
        f"training{where}: what more training gives is not shown. To go on: {on}.",
        RULE,
    )


def _beyond(tables: Tables) -> Iterator[Finding]:
    """Yield for whom the sequences were too short to find an end; of many tasks with one length each, all at once."""
    ends, once = [], []
    for task, rows in tables.span.groupby("task", sort=False):
        longest = max(max(lengths) for lengths in rows["lengths"])
        reached = rows.dropna(subset="span")
        ids = list(reached.loc[reached["span"] == longest, "model"].unique())
        models = [tables.words.named(model) for model in ids]
        if models:
            solve = "solves" if len(models) == 1 else "solve"
            several = len({length for lengths in rows["lengths"] for length in lengths}) > 1
            at = (
                f"even at T = {longest:,}, the longest here" if several else f"at T = {longest:,}, the only length here"
            )
            everywhere = rows.loc[rows["model"].isin(ids), "span"].eq(longest).fillna(False).all()
            some = "" if everywhere else "under some settings, "
            problem = tables.words.problem(task)
            ends.append(f"{capital(f'{some}{listed(models)} {solve} {problem} {at}')}: where that ends is not shown.")
            once += [] if several else [problem]
    if len(once) == len(ends) > MOST_ENDS:
        all_at_once = f"{capital(listed(once))} were trained at one length each"
        ends = [f"{all_at_once}: whether they are learned at greater ones is not shown."]
    for sentence in ends:
        yield Finding("not_shown", sentence)


def _below_the_second(tables: Tables) -> Iterator[Finding]:
    """Yield who is better than the baseline, and not than somebody who knows a little: that is no answer yet."""
    rows = tables.conditions
    short = rows[(rows["better"] > 0) & (rows["score_median"] >= rows["second_loss"])]
    for (task, words), mine in short.groupby(["task", "second_words"], sort=False):
        models = [tables.words.named(model) for model in dict.fromkeys(mine["model"])]
        where = "" if len(mine) == len(models) else f" in {len(mine):,} conditions"
        names = listed(list(dict.fromkeys(mine["second_name"])))
        are = "is" if len(models) == 1 else "are"
        yield Finding(
            "not_shown",
            f"On {tables.words.problem(task)} {listed(models)}{where} left the baseline, but {are} no better than "
            f"somebody {words}.",
            f"the line {names}",
        )


def _seen(tables: Tables) -> Iterator[Finding]:
    """Yield of which tasks so many test inputs occurred in training that what is right may be learned by heart."""
    rows = tables.conditions[tables.conditions["test_seen"] > BY_HEART]
    for task, mine in rows.groupby("task", sort=False):
        low, high = mine["test_seen"].min(), mine["test_seen"].max()
        share = percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"
        at = listed([f"{length:,}" for length in sorted(set(mine["length"]))])
        yield Finding(
            "not_shown",
            f"Of the test inputs of {tables.words.problem(task)} at T = {at}, {share} occurred in training: what is "
            "right there may be learned by heart.",
            "different inputs, as the network sees them; a median over seeds",
        )


def _noise(tables: Tables) -> Iterator[Finding]:
    """Yield how much memory could hide in the chance of which sequences were drawn for the test."""
    rows = tables.memory.to_dict("records")
    hidden = [row for row in rows if row["amount"] <= 2 * row["noise"] and round(2 * row["noise"]) > 0]
    if not hidden:
        return
    row = max(hidden, key=lambda row: row["noise"])
    where, amount = f"At T = {row['length']:,}", measured(2 * row["noise"], row["unit"].removesuffix("s"))
    yield Finding(
        "not_shown",
        f"{where} a memory of less than about {amount} cannot be told from none: the test set is too small.",
        "twice the standard error of the effective memory",
    )


def _scope(tables: Tables) -> Iterator[Finding]:
    once = [
        *(["in one size"] if tables.sizes == 1 else []),
        *(["with one recipe of training"] if tables.recipes == 1 else []),
    ]
    if once:
        sentence = f"Each model was trained {listed(once)}: nothing here is about others."
        yield Finding("not_shown", sentence)
