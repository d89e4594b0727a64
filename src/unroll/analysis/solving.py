"""Sentences on which lengths each model solves, where it stays at the baseline, and what it remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.finding import Finding, Tables, Words, under
from unroll.analysis.settings import grouped, known
from unroll.wording import MISSING, at_most, capital, counted, label, listed, number, reached

ASTRAY = 2.0
"""A median loss of more than so many baselines has not stayed at it: such trials have diverged."""

MOST_BLOCKS = 3
"""Settings that are told one by one; of more, only under how many of them how much is solved."""
MOST_TOLD = 4


def solving(tables: Tables) -> Iterator[Finding]:
    """Yield a finding for each group of models of which the same can be said, in the order of the study.

    Each says what one model does; none of them compares.
    """
    several = bool(tables.judged) or tables.conditions["task"].nunique() > 1
    for task, rows in tables.conditions.groupby("task", sort=False):
        blocks = list(grouped(rows, tables.factors)) if tables.factors else [({}, rows)]
        if len(blocks) > MOST_BLOCKS:
            yield from _over_settings(str(task), tables)
            continue
        for setting, block in blocks:
            memory = _same(tables.memory, setting)
            said = under(tables.factors, setting)
            prefix = f"with {said}, " if said else ""
            yield from _block(tables.words, str(task), block, memory[memory["task"] == task], prefix, several)


def _block(
    words: Words, task: str, rows: pd.DataFrame, memory: pd.DataFrame, prefix: str, several: bool
) -> Iterator[Finding]:
    groups: dict[str, list[_Model]] = {}
    for name, mine in rows.groupby("model", sort=False):
        model = _Model(words, str(name), task, mine, memory[memory["model"] == name], several)
        if model.trained:
            groups.setdefault(model.predicate(False), []).append(model)
    for models in groups.values():
        subject = listed([words.named(model.name) for model in models])
        sentence = capital(f"{prefix}{subject} {models[0].predicate(len(models) > 1)}.")
        yield Finding("found", sentence, "; ".join(model.evidence for model in models))


class _Model:
    """One model on one task under one setting: its rows of the conditions table, by length."""

    def __init__(self, words: Words, name: str, task: str, rows: pd.DataFrame, memory: pd.DataFrame, several: bool):
        self.words, self.several = words, several  # whether the study has several tasks
        self.name, self.task, self.memory = name, task, memory
        self.planned = rows.sort_values("length", kind="stable").to_dict("records")
        self.trained = [row for row in self.planned if row["n"]]
        self.most = [row for row in self.trained if 2 * row["solved"] > len(row["seeds"])]
        self.flat: list[dict[Any, Any]] = []  # the longest lengths, at which nothing was learned
        for row in reversed(self.trained):
            if row["solved"] or not _flat(row):
                break
            self.flat.insert(0, row)

    @property
    def evidence(self) -> str:
        losses = ", ".join(f"{number(row['score_median'])} at T = {row['length']:,}" for row in self.trained)
        baselines = list(dict.fromkeys(number(row["baseline"], 4) for row in self.trained))
        against = "" if baselines == [MISSING] else f" (baseline {listed(baselines)})"
        best = self._best()
        memory = "" if best is None else f"; memory, median seed, {_kept(best)} of {_most(best)}"
        return f"{label(self.name)}: median {self.trained[0]['score_words']} {losses}{against}{memory}"

    def predicate(self, plural: bool) -> str:
        """Return what is said of it, beginning with the verb."""
        it = "they" if plural else "it"
        parts = [self._solved(plural)]
        if self.flat and len(self.flat) < len(self.trained):
            before = self.trained[-len(self.flat) - 1]["length"]
            all_ = self.flat == [row for row in self.planned if row["length"] > before]
            where = f"beyond T = {before:,}" if all_ else _at([row["length"] for row in self.flat])
            parts.append(f"; {where} {it} {self._stays(plural)}")
        parts.append(self._remembered(plural))
        still = [row["length"] for row in self.trained if row["improving"] and row not in self.most]
        if still:
            was = "were" if plural else "was"
            where = f" {_at(still)}" if len(self.trained) > 1 else ""
            parts.append(f"; {it} {was} still improving at the end of the training{where}")
        return "".join(parts)

    def _solved(self, plural: bool) -> str:
        solve = "solve" if plural else "solves"
        here = "here" if len(self.trained) == len(self.planned) else "trained so far"
        if len(self.flat) == len(self.trained):
            where = f"T = {self.trained[0]['length']:,}" if len(self.trained) == 1 else f"any length {here}"
            of_task = f" of {self.words.problem(self.task)}" if self.several else ""
            return f"{self._stays(plural)}{of_task} at {where}"
        if not self.most:
            return self._unsolved(plural, here)
        last = self.most[-1]
        if len(self.most) == len(self.planned) > 1:
            same = len({(row["solved"], len(row["seeds"])) for row in self.most}) == 1
            share = _share(last) if same else "in most seeds"
            return (
                f"{solve} {self.words.problem(self.task)} at every length here, up to T = {last['length']:,}, {share}"
            )
        gaps = [row["length"] for row in self.trained if row["length"] < last["length"] and _lost(row)]
        but = f" (but not {_at(gaps)})" if gaps else ""
        solved = f"{solve} {self.words.problem(self.task)} at T = {last['length']:,} {_share(last)}{but}"
        return solved + self._beyond(last["length"])

    def _stays(self, plural: bool) -> str:
        """Return that it is flat; while a seed is missing, so far."""
        if any(row["waiting"] for row in self.flat):
            return f"{'have' if plural else 'has'} not yet left the baseline"
        return f"{'do' if plural else 'does'} not leave the baseline"

    def _beyond(self, length: int) -> str:
        """Return the counts at the longer lengths that are not flat."""
        rows = [row for row in self.trained if row["length"] > length and row not in self.flat]
        some = "".join(f", at T = {row['length']:,} {_share(row, noun='')}" for row in rows if not _none(row))
        none = [row["length"] for row in rows if _none(row)]
        return some + (f", {_at(none)} in none" if none else "")

    def _unsolved(self, plural: bool, here: str) -> str:
        solve, do, have, their = ("solve", "do", "have", "their") if plural else ("solves", "does", "has", "its")
        rows = [row for row in self.trained if row not in self.flat]
        if any(row["solved"] for row in rows):
            some = [f"at T = {row['length']:,} {_share(row, only=True)}" for row in rows if not _none(row)]
            none = [row["length"] for row in rows if _none(row)]
            of_none = [f"{_at(none)} in none"] if none else []
            return f"{solve} {self.words.problem(self.task)} {listed([*some, *of_none])}"
        # What is not done yet is not called impossible.
        open_ = any(row["improving"] or row["waiting"] for row in self.trained)
        if len(self.trained) == 1:
            row = self.trained[0]
            not_ = f"{have} not yet solved" if open_ else f"{do} not solve"
            lowest = f"{their} {'median loss' if row['n'] > 1 else 'loss'}"
            return f"{not_} {self.words.problem(self.task)} at T = {row['length']:,}{_lowest(row, lowest)}"
        best = min(self.trained, key=_ratio)
        said = _lowest(best, f"{their} lowest {'median loss' if best['n'] > 1 else 'loss'}")
        where = f" at T = {best['length']:,}" if said else ""
        solves, here = (f"{have} so far solved", "") if open_ else (solve, f" {here}")
        return f"{solves} {self.words.problem(self.task)} at no length{here}{said}{where}"

    def _remembered(self, plural: bool) -> str:
        """Return its largest effective memory, where that says more than the lengths that it solves."""
        best = self._best()
        if best is None or (not self.flat and best["length"] in [row["length"] for row in self.most]):
            return ""
        it, remember = ("they", "remember") if plural else ("it", "remembers")
        steps = best["unit"] == "steps"
        kept = _kept(best)
        amount = f"about {kept} {'step' if kept == '1' else 'steps'}" if steps else f"about {kept} of {_most(best)}"
        if self.flat:
            return f": {it} {remember} {amount}"
        return f"; {it} {remember} {amount} at T = {best['length']:,}"

    def _best(self) -> dict[Any, Any] | None:
        """Return the row with the largest memory that is one at all, and more than the chance of a test set."""
        rows = self.memory.to_dict("records")
        seen = [row for row in rows if row["amount"] > 2 * row["noise"] and float(_kept(row).replace(",", ""))]
        return max(seen, key=lambda row: float(row["amount"]), default=None)


def _kept(row: dict[Any, Any]) -> str:
    """Return an amount that is remembered: of steps whole ones, of few things tenths."""
    return f"{row['amount']:,.0f}" if row["unit"] == "steps" else f"{row['amount']:.1f}"


def _most(row: dict[Any, Any]) -> str:
    """Return how much there is to be remembered."""
    return at_most(row["most"], row["unit"])


def _ratio(row: dict[Any, Any]) -> float:
    ratio = row["ratio"]
    return float("inf") if ratio is None or ratio != ratio else float(ratio)


def _flat(row: dict[Any, Any]) -> bool:
    """Whether no trial is better than a predictor with no memory, none was on its way there, and none has diverged."""
    recorded = row["better"] is not None and row["better"] == row["better"]
    return bool(recorded and row["better"] == 0 and not row["improving"] and _ratio(row) <= ASTRAY)


def _at(lengths: Sequence[int]) -> str:
    return "at T = " + listed([f"{length:,}" for length in lengths])


def _lowest(row: dict[Any, Any], loss: str) -> str:
    """Return how a loss, as it is named, lies to the baseline; "" where there is none."""
    ratio = _ratio(row)
    if ratio == float("inf"):
        return ""
    if ratio > ASTRAY:
        return f": {'even ' if 'lowest' in loss else ''}{loss} is more than twice the baseline"
    share = f"{100 * ratio:.0f}" if ratio > 0.0995 else number(100 * ratio, 2)
    return f": {loss} is {share} % of the baseline"


def _none(row: dict[Any, Any]) -> bool:
    """Whether no seed solves it, and none can still change that."""
    return not row["solved"] and not row["waiting"]


def _lost(row: dict[Any, Any]) -> bool:
    """Whether most seeds cannot solve it any more, whatever the missing ones do."""
    return bool(2 * (row["solved"] + row["waiting"]) <= len(row["seeds"]))


def _share(row: dict[Any, Any], noun: str = " seed", *, only: bool = False) -> str:
    """Return "in 3 of 3 seeds", counted of those that were planned, with those that say nothing in brackets.

    ``only``: "in only 1 of 3 seeds", where none of them can still change that.
    """
    planned = len(row["seeds"])
    silent = [
        f"{row[state]} {word}"
        for state, word in (("failed", "failed"), ("damaged", "damaged"), ("waiting", "missing"))
        if row[state]
    ]
    bracket = f" ({', '.join(silent)})" if silent else ""
    if planned == 1:
        return "in the one seed that was run"
    few = "only " if only and row["solved"] and not row["waiting"] else ""
    return f"in {few}{row['solved']} of {planned}{noun + 's' if noun else ''}{bracket}"


def _same(frame: pd.DataFrame, setting: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of one setting."""
    wanted = known(setting.values())
    same = [known(row) == wanted for row in frame[list(setting)].to_numpy(object)]
    return frame[np.array(same, dtype=bool)] if setting else frame


def _over_settings(task: str, tables: Tables) -> Iterator[Finding]:
    """Yield a finding a model on how far it comes under how many settings; which is best is for a test to say."""
    spans = tables.span[tables.span["task"] == task]
    conditions = tables.conditions[tables.conditions["task"] == task]
    for name, rows in spans.groupby("model", sort=False):
        mine = conditions[conditions["model"] == name]
        if not mine["complete"].any():
            continue
        most = " in most seeds" if mine["seeds"].map(len).max() > 1 else ""
        groups: dict[str, list[str]] = {}
        for row in rows.sort_values("span", ascending=False, kind="stable", na_position="last").to_dict("records"):
            unsolved = set(row["unsolved"])
            good = [length for length in row["lengths"] if length not in unsolved]
            groups.setdefault(reached(row["lengths"], good) + most, []).append(under(tables.factors, row))
        still = int((mine["improving"] > 0).sum())
        solves = f"solves {tables.words.problem(task)}"
        if still or not rows["finished"].all():  # what is not done yet is not called impossible
            solves = f"has so far solved {tables.words.problem(task)}"
        parts = [f"{where} under {len(settings)}" for where, settings in groups.items()]
        where = f"of {counted(len(rows), 'setting')}, "
        if len(groups) == 1:
            parts = list(groups)
            where = _all(next(iter(groups.values())))
        said = f"{where}{tables.words.named(name)} {solves} {listed(parts)}"
        if still:
            where = f" in {still:,} of {len(mine):,} conditions" if len(mine) > 1 else ""
            said += f"; it was still improving at the end of the training{where}"
        few = {where: settings for where, settings in groups.items() if len(settings) <= MOST_TOLD and all(settings)}
        shown = [f"{where}: {'; '.join(settings)}" for where, settings in few.items()]
        yield Finding("found", capital(f"{said}."), ". ".join(shown))


def _all(settings: Sequence[str]) -> str:
    """Return the beginning of a sentence on all settings of a model."""
    if len(settings) > 1:
        return "under both settings, " if len(settings) == 2 else f"under all {counted(len(settings), 'setting')}, "
    return f"with {settings[0]}, " if settings[0] else ""
