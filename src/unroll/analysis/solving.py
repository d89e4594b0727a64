"""Sentences on which lengths each model solves, where it stays at the baseline, and what it remembers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.finding import Finding, Tables, named, problem
from unroll.wording import capital, counted, label, listed, measured, number

AT_BASELINE = 0.9
"""A mean loss of at least this share of the baseline has not left it. The loss of somebody who remembers nothing varies
by 2.7 % from one test set of 2,000 sequences of the adding problem to another, so three times that could be chance."""

MOST_BLOCKS = 3
"""Settings that are told one by one; of more, only the best and the worst are."""


def solving(tables: Tables) -> Iterator[Finding]:
    """Yield a finding for each group of models of which the same can be said, the longest span first."""
    for task, rows in tables.conditions.groupby("task", sort=False):
        blocks = list(rows.groupby(list(tables.factors), sort=False, dropna=False)) if tables.factors else [((), rows)]
        if len(blocks) > MOST_BLOCKS:
            yield from _over_settings(str(task), tables)
            continue
        for setting, block in blocks:
            memory = _same(tables.memory, tables.factors, setting)
            yield from _block(str(task), block, memory[memory["task"] == task], _prefix(tables.factors, setting))


def _block(task: str, rows: pd.DataFrame, memory: pd.DataFrame, prefix: str) -> Iterator[Finding]:
    groups: dict[str, list[_Model]] = {}
    for name, mine in rows.groupby("model", sort=False):
        model = _Model(str(name), task, mine, memory[memory["model"] == name])
        if model.trained:
            groups.setdefault(model.predicate(False), []).append(model)
    for models in sorted(groups.values(), key=lambda group: -group[0].reach):
        subject = listed([named(model.name) for model in models])
        sentence = capital(f"{prefix}{subject} {models[0].predicate(len(models) > 1)}.")
        yield Finding("found", sentence, "; ".join(model.evidence for model in models))


class _Model:
    """One model on one task under one setting: its rows of the conditions table, by length."""

    def __init__(self, name: str, task: str, rows: pd.DataFrame, memory: pd.DataFrame):
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
    def reach(self) -> int:
        return self.most[-1]["length"] if self.most else 0

    @property
    def evidence(self) -> str:
        losses = ", ".join(f"{number(row['test_mse_mean'])} at T = {row['length']}" for row in self.trained)
        baseline = self.trained[0]["baseline"]
        against = "" if baseline != baseline else f" (baseline {number(baseline, 4)})"
        best = self._best()
        memory = "" if best is None else f"; memory, median seed, {best['steps']:.0f} of {best['length']} steps"
        return f"{label(self.name)}: mean test MSE {losses}{against}{memory}"

    def predicate(self, plural: bool) -> str:
        """Return what is said of it, beginning with the verb."""
        it = "they" if plural else "it"
        parts = [self._solved(plural)]
        if self.flat and len(self.flat) < len(self.trained):
            before = self.trained[-len(self.flat) - 1]["length"]
            parts.append(f"; beyond T = {before} {it} {'do' if plural else 'does'} not leave the baseline")
        return "".join(parts) + self._remembered(plural)

    def _solved(self, plural: bool) -> str:
        solve, do = ("solve", "do") if plural else ("solves", "does")
        here = "here" if len(self.trained) == len(self.planned) else "trained so far"
        if len(self.flat) == len(self.trained):
            where = f"T = {self.reach or self.trained[0]['length']}" if len(self.trained) == 1 else f"any length {here}"
            return f"{do} not leave the baseline at {where}"
        if not self.most:
            return self._unsolved(solve, do, here)
        last = self.most[-1]
        if len(self.most) == len(self.planned) > 1:
            same = len({(row["solved"], len(row["seeds"])) for row in self.most}) == 1
            share = _share(last) if same else "in most seeds"
            return f"{solve} {problem(self.task)} at every length here, up to T = {last['length']}, {share}"
        gaps = [row["length"] for row in self.trained if row["length"] < last["length"] and _lost(row)]
        but = f" (but not at T = {listed(gaps)})" if gaps else ""
        return f"{solve} {problem(self.task)} at T = {last['length']} {_share(last)}{but}" + self._beyond(
            last["length"]
        )

    def _beyond(self, length: int) -> str:
        """Return the counts at the longer lengths that are not flat."""
        rows = [row for row in self.trained if row["length"] > length and row not in self.flat]
        some = "".join(f", at T = {row['length']} {_share(row, noun='')}" for row in rows if row["solved"])
        none = [row["length"] for row in rows if not row["solved"]]
        return some + (f", at T = {listed(none)} in none" if none else "")

    def _unsolved(self, solve: str, do: str, here: str) -> str:
        some = [f"at T = {row['length']} {_share(row)}" for row in self.trained if row["solved"]]
        if some:
            return f"{solve} {problem(self.task)} only {listed(some)}"
        if len(self.trained) == 1:
            row = self.trained[0]
            return f"{do} not solve {problem(self.task)} at T = {row['length']}{_lowest(row)}"
        best = min(self.trained, key=lambda row: _ratio(row))
        where = f" at T = {best['length']}" if _lowest(best) else ""
        return f"{solve} {problem(self.task)} at no length {here}{_lowest(best)}{where}"

    def _remembered(self, plural: bool) -> str:
        """Return its largest effective memory, where that says more than the lengths that it solves."""
        best = self._best()
        if best is None or (not self.flat and best["length"] in [row["length"] for row in self.most]):
            return ""
        steps = measured(best["steps"], "step")
        it, remember = ("they", "remember") if plural else ("it", "remembers")
        if self.flat:
            return f": {it} {remember} about {steps}"
        return f"; {it} {remember} about {steps} at T = {best['length']}"

    def _best(self) -> dict[Any, Any] | None:
        """Return the row with the largest memory that is more than the chance of a test set."""
        seen = self.memory[self.memory["steps"] > 2 * self.memory["noise"]]
        return max(seen.to_dict("records"), key=lambda row: float(row["steps"]), default=None)


def _ratio(row: dict[Any, Any]) -> float:
    ratio = row["ratio"]
    return float("inf") if ratio is None or ratio != ratio else float(ratio)


def _flat(row: dict[Any, Any]) -> bool:
    return AT_BASELINE <= _ratio(row) < float("inf")


def _lowest(row: dict[Any, Any]) -> str:
    ratio = _ratio(row)
    return "" if ratio == float("inf") else f": its lowest mean loss is {number(100 * ratio, 2)} % of the baseline"


def _lost(row: dict[Any, Any]) -> bool:
    """Whether most seeds cannot solve it any more, whatever the missing ones do."""
    return bool(2 * (row["solved"] + row["waiting"]) <= len(row["seeds"]))


def _share(row: dict[Any, Any], noun: str = " seed") -> str:
    """Return "in 3 of 3 seeds", counted of those that were planned, with those that say nothing in brackets."""
    planned = len(row["seeds"])
    silent = [f"{row[state]} {word}" for state, word in (("failed", "failed"), ("waiting", "missing")) if row[state]]
    bracket = f" ({', '.join(silent)})" if silent else ""
    if planned == 1:
        return "in the one seed that was run"
    return f"in {row['solved']} of {planned}{noun + 's' if noun else ''}{bracket}"


def _prefix(factors: Sequence[str], setting: Any) -> str:
    if not factors:
        return ""
    return f"with {listed([f'{factor} = {value}' for factor, value in zip(factors, setting, strict=True)])}, "


def _same(frame: pd.DataFrame, factors: Sequence[str], setting: Any) -> pd.DataFrame:
    """Return the rows of one setting; NaN stands for a setting that a model does not have, and equals itself."""
    for factor, value in zip(factors, setting, strict=True):
        mine = frame[factor].isna() if pd.api.types.is_scalar(value) and pd.isna(value) else frame[factor] == value
        frame = frame[mine]
    return frame


def _over_settings(task: str, tables: Tables) -> Iterator[Finding]:
    """Yield a finding a model on the longest and the shortest span that any setting gives it."""
    spans = tables.span[tables.span["task"] == task]
    for name, rows in spans.groupby("model", sort=False):
        reached = rows.dropna(subset="span")
        settings = counted(len(rows), "setting")
        if reached.empty:
            yield Finding(
                "found", capital(f"{named(str(name))} solves {problem(task)} at no length in any of {settings}.")
            )
            continue
        best = max(reached.to_dict("records"), key=lambda row: int(row["span"]))
        least = int(reached["span"].min()) if len(reached) == len(rows) else 0
        if least == best["span"]:
            sentence = f"under all of {settings}, {named(str(name))} solves {problem(task)} up to T = {least}."
            yield Finding("found", capital(sentence))
            continue
        setting = listed([f"{factor} = {best[factor]}" for factor in tables.factors])
        worst = f"up to T = {least}" if least else "at no length"
        sentence = f"of {settings}, {named(str(name))} does best with {setting}: it solves {problem(task)} up to T = "
        yield Finding("found", capital(f"{sentence}{best['span']}; with the worst, {worst}."))
