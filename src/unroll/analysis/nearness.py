"""How near to the truth a continuation is: what counts as near, and errors in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from unroll.analysis.overlap import FEWEST
from unroll.wording import percent

CLOSE = 0.01
"""A relative error below this counts as staying with the truth."""
STEP = 8
"""Steps ahead at which models are judged, as far as they are continued."""
UNTESTED = "counts of what was seen: no test separates them"
"""Said of counts that stand beside each other: whoever reads an order into them must know that there is no test."""


def close(errors: Sequence[float]) -> int:
    """Return how many errors count as near."""
    return sum(error < CLOSE for error in errors)


def off_by(error: float) -> str:
    """Return a relative error in words: "1.2 % off"; beyond ten times the truth, how many times."""
    if error != error:
        return "off by an unknown amount"
    if error >= 10:
        return f"off by {error:,.0f} times the truth" if math.isfinite(error) else "off without any bound"
    return f"{percent(error)} off" if error >= 1e-9 else "0 % off"


def finite(error: float) -> float:
    """Return an error to sort by: one that is no number is as bad as one without a bound."""
    return error if math.isfinite(error) else math.inf


def seen_before(*rows: dict[Any, Any]) -> str:
    """Return what must be said of errors where training knew the inputs that they were measured on."""
    constants = [row.get("test_seen", math.nan) == 1 and row.get("train_inputs", math.nan) < FEWEST for row in rows]
    if all(constants):
        return " (of a constant: its code leaves nothing to be learned)"
    seen = sorted(share for row in rows if (share := row.get("test_seen", math.nan)) == share)
    if not seen or not seen[-1]:
        return ""
    least = "" if percent(seen[0]) == percent(seen[-1]) else f"{percent(seen[0]).removesuffix(' %')} to "
    of = ", of some a constant: their code leaves nothing to be learned" if any(constants) else ""
    return f" ({least}{percent(seen[-1])} of these inputs were trained on{of})"
