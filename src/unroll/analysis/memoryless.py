"""Whether a trial is better than a predictor with no memory: a paired test on its own test sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import stdtr

LEVEL = 0.05


def chance(trial: Mapping[Any, Any]) -> float | None:
    r"""Return the one-sided p that a trial's gain over the best constant is one of chance; None where none is recorded.

    .. math:: t = \frac{\text{gain}}{\text{error}}, \qquad p = P(t_{G-1} \ge t)

    with gain, its standard error and the number G of test sequences as training measured them: see
    ``unroll.training.memoryless``. The constant is the best one for these very sequences, so that a trial which answers
    with a constant is never better. One sequence alone gives p = 1, an exact gain without any error 0.
    """
    gain, sequences = trial.get("memoryless_gain"), trial.get("memoryless_sequences")
    if gain is None or sequences is None or gain != gain or sequences != sequences:
        return None
    error = trial.get("memoryless_gain_error")
    if error is None or error != error:
        return 1.0
    if error == 0:
        return float(gain <= 0)
    return float(stdtr(sequences - 1, -gain / error))


def better(chances: Sequence[float | None]) -> int | None:
    """Return how many trials of a condition are better, by Holm's procedure; None where one is not recorded."""
    known = sorted(p for p in chances if p is not None)
    if len(known) < len(chances) or not known:
        return None
    count = 0
    for place, p in enumerate(known):
        if p > LEVEL / (len(known) - place):
            break
        count += 1
    return count
