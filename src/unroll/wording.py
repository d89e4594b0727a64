"""Numbers and lists as a reader expects them in a sentence or a table. Imports nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MISSING = "–"
"""What stands where a number is missing."""

ACRONYMS = frozenset({"rnn", "lstm", "gru", "mlp", "mgu", "tcn"})
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(value: Any, digits: int = 3) -> str:
    """Return a number with so many significant digits; a dash for one that is missing."""
    if value is None or value != value:
        return MISSING
    text = f"{value:#.{digits}g}"
    return f"{value:.{digits - 1}e}" if "e" in text or abs(value) < 1e-4 else text.rstrip(".")


def percent(share: Any) -> str:
    """Return a relative error in per cent, as a person reads it; a dash where there is none."""
    if share is None or share != share:
        return "–"
    if share < 1e-9 or share == float("inf"):
        return "0" if share < 1e-9 else "∞"
    per_cent = 100 * share
    if 9.95 <= per_cent < 1e4:
        return f"{per_cent:.0f} %"
    return f"{number(per_cent, 2)} %" if 1e-3 <= per_cent < 1e4 else f"{per_cent:.0e} %"


def listed(items: Sequence[object], last: str = "and") -> str:
    """Return items as a list in a sentence.

    >>> listed(["the LSTM", "the GRU"])
    'the LSTM and the GRU'
    >>> listed([10, 25, 50], "or")
    '10, 25 or 50'
    """
    words = [str(item) for item in items]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, small ones in words.

    >>> counted(1, "seed"), counted(3, "seed"), counted(54, "trial")
    ('one seed', 'three seeds', '54 trials')
    """
    amount = COUNTED[count] if 0 <= count < len(COUNTED) else f"{count:,}"
    return f"{amount} {noun if count == 1 else noun + 's'}"


def measured(amount: float, unit: str) -> str:
    """Return a whole number of units, always in digits.

    >>> measured(1.2, "step"), measured(1234.5, "step")
    ('1 step', '1,234 steps')
    """
    return f"{round(amount):,} {unit if round(amount) == 1 else unit + 's'}"


def label(name: str) -> str:
    """Return a model's or a task's name as a figure's legend shows it: known acronyms as capitals, others as they are.

    >>> label("tanh_rnn"), label("lstm"), label("my_model")
    ('tanh RNN', 'LSTM', 'my_model')
    """
    parts = name.split("_")
    if ACRONYMS.isdisjoint(parts):
        return name
    return " ".join(part.upper() if part in ACRONYMS else part for part in parts)


def metric_label(metric: str) -> str:
    """Return a metric's name in words.

    >>> metric_label("test_mse"), metric_label("relative_error_8")
    ('test MSE', 'relative error 8')
    """
    return " ".join(part.upper() if part in ("mse",) else part for part in metric.split("_"))


def capital(sentence: str) -> str:
    """Return a sentence with a capital at its beginning and everything else as it was."""
    return sentence[:1].upper() + sentence[1:]
