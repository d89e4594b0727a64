"""A task's example as a picture: SVG of its own, the same in a notebook and in the documentation, on white paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from unroll.axes import Float64
from unroll.errors import UnrollError
from unroll.inert import html
from unroll.layout import wide
from unroll.tasks.base import NOTHING, Task
from unroll.tasks.example import ASKED, FREE, SCORED, Example, Lane, example, facts_of

WIDTH, MARGIN, NAMES = 720, 12, 30
"""Pixels of the picture, around it, and for the names of its rows."""
SIGN, LETTER, NARROWEST, WIDEST = 20, 8, 3, 34
"""Of a step: with a sign of one letter, for each letter more, of a curve, and at most."""
ROW, CURVE, GAP, BETWEEN = 24, 52, 6, 16
"""Heights: a row of signs, of a curve; between rows, and between stretches of steps."""
PAPER, INK, SOFT, FAINT = "#ffffff", "#1b1a17", "#6f6b62", "#dcd8ce"
SHOWN, MARKED, ANSWER = "#f1ede4", "#ecd08f", "#14397d"
"""Behind a symbol, behind a number that is a mark, and what is asked."""
MOST_SIGNS = 24
"""Of a row, in the text for those who do not see the picture."""
FEW = 4
"""Signs beside curves, of which fewer need no room of their own."""


def svg(example: Example) -> str:
    """Return an example as SVG, with a text for readers who do not see it."""
    lanes, key = example.lanes, _key(example)
    steps = max(map(len, lanes))
    room = WIDTH - 2 * MARGIN - NAMES
    cell = _width(lanes, room // steps)
    fit = min(steps, max(1, room // cell))
    width = max(2 * MARGIN + NAMES + fit * cell, min(WIDTH, round(2 * MARGIN + 6.2 * len(key))))
    parts: list[str] = []
    top = MARGIN
    for first in range(0, steps, fit):
        top += BETWEEN if first else 0
        for lane in lanes:
            height = CURVE if _curve(lane) else ROW
            parts += _lane(lane, first, min(steps, first + fit), cell, top, height)
            top += height + GAP
        parts += _ticks(first, min(steps, first + fit), cell, top + 6)
        top += 12
    parts.append(_text(MARGIN, top + 14, key, SOFT, 11, "start"))
    height = top + 14 + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="DejaVu Sans, Verdana, sans-serif" style="max-width:100%;height:auto">'
        f"<title>{html(described(example))}</title>"
        f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>{"".join(parts)}</svg>\n'
    )


def page(task: Task) -> str:
    """Return what a notebook shows of a task: what it is, its numbers, and a sequence, as far as one can be had."""
    try:
        shown = example(task)
        told = facts_of(task, shown.length).items()
        facts = "".join(f"<tr><th>{html(name)}</th><td>{html(said)}</td></tr>" for name, said in told)
        picture = f"<table>{facts}</table>{svg(shown)}"
    except (ValueError, UnrollError, NotImplementedError) as error:
        picture = f"<p>{html(str(error))}</p>"
    title, summary = (html(type(task).told()[fact]) for fact in ("title", "summary"))
    return f"<h4>{title}</h4><p>{summary}</p>{picture}"


def described(example: Example) -> str:
    """Return what the picture shows, in words."""
    parts = []
    for lane in example.lanes:
        signs = " ".join(sign or "–" for sign in lane.signs[:MOST_SIGNS])
        parts.append(f"{lane.name}: {signs}{' …' if len(lane) > MOST_SIGNS else ''}")
    return f"A sequence of {example.task}, T = {example.length}, seed {example.seed}. {'; '.join(parts)}."


def _key(example: Example) -> str:
    said = ["x is shown, y is asked"]
    if example.unasked:
        said.append("dark: an accuracy counts it; pale: scored, and not counted")
    inputs, outputs = example.left_out
    said += [f"{n} more {what} left out" for n, what in ((inputs, "inputs"), (outputs, "targets")) if n]
    return f"T = {example.length}, seed {example.seed}; {'; '.join(said)}"


def _width(lanes: Sequence[Lane], room: int) -> int:
    """Return how wide a step is: as its widest sign, or, beside curves with hardly a sign, as there is room for."""
    signs = [sign for lane in lanes if not _curve(lane) for sign in lane.signs if sign]
    if any(map(_curve, lanes)) and len(signs) < FEW:
        return max(NARROWEST, min(SIGN, room))
    return _box_width(signs)


def _box_width(signs: Sequence[str]) -> int:
    return min(WIDEST, max(SIGN, LETTER * max(map(wide, signs), default=1) + 6))


def _curve(lane: Lane) -> bool:
    """Whether a row is drawn as a curve: numbers, of which more than a few are not whole."""
    if lane.values is None:
        return False
    there = lane.values[np.isfinite(lane.values)]
    return len(there) > 1 and not set(there.tolist()) <= {-1.0, 0.0, 1.0}


def _lane(lane: Lane, first: int, end: int, cell: int, top: int, height: int) -> Iterator[str]:
    yield _text(MARGIN, top + height / 2 + 4, lane.name, INK, 12, "start")
    left = MARGIN + NAMES
    if _curve(lane) and lane.values is not None:
        yield from _bars(lane, lane.values, first, end, cell, left, top)
        return
    for place, sign in enumerate(lane.signs[first:end]):
        x, mark = left + place * cell, lane.marks[first + place] if lane.marks else None
        if not sign:
            continue
        silent = sign == NOTHING or (lane.values is not None and not lane.marks and sign == "0")
        fill, edge, ink = {
            ASKED: (ANSWER, ANSWER, PAPER),
            SCORED: (PAPER, FAINT, SOFT),
            FREE: (PAPER, FAINT, SOFT),
            None: (PAPER if silent else MARKED if lane.values is not None else SHOWN, FAINT, SOFT if silent else INK),
        }[mark]
        width = max(cell, _box_width([sign]))
        x -= width - cell  # a sign that is wider than its step ends where it ends
        yield _box(x + 1, top, width - 2, height, fill, edge)
        yield _text(x + width / 2, top + height / 2 + 4, sign, ink, 12, "middle")


def _bars(lane: Lane, values: Float64, first: int, end: int, cell: int, left: int, top: int) -> Iterator[str]:
    """Yield a bar for each number, from the line of zero on."""
    there = values[np.isfinite(values)]
    low, high = min(0.0, float(there.min())), max(0.0, float(there.max()))
    scale = (CURVE - 2) / ((high - low) or 1.0)
    zero = top + CURVE - 1 + low * scale
    ink = ANSWER if lane.marks else SOFT
    yield f'<line x1="{left}" x2="{left + (end - first) * cell}" y1="{_n(zero)}" y2="{_n(zero)}" stroke="{FAINT}"/>'
    for place, value in enumerate(values[first:end].tolist()):
        if value == value:
            y = top + CURVE - 1 - (value - low) * scale
            inset = 1 if cell > 4 else 0.5
            box = f'y="{_n(min(y, zero))}" width="{_n(cell - 2 * inset)}" height="{_n(max(1.0, abs(y - zero)))}"'
            yield f'<rect x="{_n(left + place * cell + inset)}" {box} fill="{ink}"/>'


def _ticks(first: int, end: int, cell: int, y: int) -> Iterator[str]:
    """Number the first step, and every fifth, tenth, twentieth or fiftieth."""
    every = next(n for n in (5, 10, 20, 50, 100, 1_000) if n * cell >= 48)
    for step in range(first, end):
        if step == 0 or (step + 1) % every == 0:
            yield _text(MARGIN + NAMES + (step - first + 0.5) * cell, y, str(step + 1), SOFT, 9, "middle")


def _box(x: float, y: float, width: float, height: float, fill: str, edge: str) -> str:
    size = f'width="{_n(width)}" height="{_n(height)}"'
    return f'<rect x="{_n(x)}" y="{_n(y)}" {size} rx="3" fill="{fill}" stroke="{edge}"/>'


def _text(x: float, y: float, text: str, ink: str, size: int, anchor: str) -> str:
    place = f'x="{_n(x)}" y="{_n(y)}" fill="{ink}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {place}>{html(text)}</text>"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
