"""Ranges of numbers, as settings write them: [low, high, spacing] with both ends in it, or [low, high], spacing 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

MOST_VALUES = 100_000
"""The most values that one range may have."""


def as_tuples(value: Any) -> Any:
    """Return lists, as JSON has them, as tuples."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _range(bounds: tuple[float, ...]) -> tuple[float, ...]:
    low, high, spacing = (*bounds, 1.0)[:3]
    if low > high or spacing <= 0 or (high - low) / spacing >= MOST_VALUES:
        raise ValueError(
            f"{list(bounds)} is not a range [low, high] or [low, high, spacing] with low <= high, a spacing above 0 "
            f"and fewer than {MOST_VALUES:,} values. Correct it"
        )
    return bounds


Range = Annotated[tuple[float, ...], Field(min_length=2, max_length=3), AfterValidator(_range)]
Ranges = Annotated[tuple[Range, ...], BeforeValidator(as_tuples), Field(min_length=1, max_length=64)]
"""A range for each of several things."""
Values = Annotated[tuple[float | Range, ...], BeforeValidator(as_tuples), Field(min_length=1, max_length=1_000)]
"""The values that one thing may have: numbers and ranges."""


def values_of(given: Sequence[float | Sequence[float]]) -> tuple[float, ...]:
    """Return all values of numbers and ranges, in their order, each once."""
    found: dict[float, None] = {}
    for item in given:
        found.update(dict.fromkeys(in_range(*item) if isinstance(item, Sequence) else (float(item),)))
    return tuple(found)


def in_range(low: float, high: float, spacing: float = 1.0) -> tuple[float, ...]:
    """Return the values of a range."""
    return tuple(low + spacing * k for k in range(math.floor((high - low) / spacing + 1e-9) + 1))


def next_to(values: Sequence[float]) -> tuple[float, ...]:
    """Return as many values as there are, continuing them at their own spacing."""
    spacing = values[-1] - values[-2] if len(values) > 1 else 1.0
    return tuple(values[-1] + spacing * k for k in range(1, len(values) + 1))


def between(values: Sequence[float]) -> tuple[float, ...]:
    """Return the values in the middle between neighbours; of one value, the one half a spacing above it."""
    ordered = sorted(values)
    if len(ordered) < 2:
        return (ordered[0] + 0.5,)
    return tuple((one + other) / 2 for one, other in pairwise(ordered))


def outwards(values: Sequence[float]) -> tuple[float, ...]:
    """Return as many values further from zero than the furthest, on the same sides of it."""
    furthest = max(map(abs, values))
    return tuple(value + math.copysign(furthest, value) for value in values)
