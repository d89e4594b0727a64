"""What turning off each trap is worth, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.finding import Finding, Words
from unroll.analysis.nearness import STEP, UNTESTED, close, off_by, seen_before
from unroll.wording import capital, listed, measured

MOST_ROWS = 6


def trapped(words: Words, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield in how many trials the truth was met with which of the traps; nothing where all stay on.

    Of many combinations of the table ``traps`` these are told, whatever came out: every trap, each alone turned off,
    all of them turned off. Counts, in the order of the traps: no test stands behind them, and none is called better.
    """
    for (task, model), rows in table[table["n"] > 0].groupby(["task", "model"], sort=False):
        by_off: dict[tuple[str, ...], list[dict[Any, Any]]] = {}  # whatever else varies
        for row in rows.to_dict("records"):
            by_off.setdefault(tuple(row["off"]), []).append(row)
        told = sorted(by_off, key=len)
        if len(told) < 2:
            continue
        if len(told) > MOST_ROWS:
            told = [off for off in told if len(off) in (0, 1, len(told[-1]))][: MOST_ROWS + 2]
        errors = {off: [error for row in by_off[off] for error in row["relative_error_8"]] for off in told}
        seen = {off: seen_before(*by_off[off]) for off in told}
        once = seen[told[0]] if len(set(seen.values())) == 1 else ""
        parts = [
            f"in {close(errors[off])} of {measured(len(errors[off]), 'trial')} {_without(off)}"
            f"{'' if once else seen[off]}"
            for off in told
        ]
        sentence = (
            f"on {words.problem(task)}, free-running, {words.named(model)} is within 1 % of the truth at step {STEP} "
            f"{listed(parts)}{once}."
        )
        medians = "; ".join(f"{_without(off)} {off_by(float(np.median(errors[off])))}" for off in told)
        yield Finding("found", capital(sentence), f"medians: {medians}; {UNTESTED}")


def _without(off: Sequence[str]) -> str:
    return f"without {listed(off)}" if off else "with every trap"
