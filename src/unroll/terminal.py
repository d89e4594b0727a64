"""The one way to a terminal for what is laid out: tables and the view of a run. No text in it is markup or obeyed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

# rich draws from Python's global generator while it is imported, which is no business of a library's. This is the only
# module that imports it; the others take from here what they need.
_before = random.getstate()
from rich import box  # noqa: E402
from rich.cells import cell_len  # noqa: E402
from rich.console import Console, ConsoleOptions, Group, RenderableType  # noqa: E402
from rich.live import Live  # noqa: E402
from rich.progress_bar import ProgressBar  # noqa: E402
from rich.segment import Segment  # noqa: E402
from rich.style import Style  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

random.setstate(_before)

from unroll.inert import inert  # noqa: E402

__all__ = ["Console", "Group", "Live", "ProgressBar", "RenderableType", "Rows", "Table", "Terminal", "Text", "box"]


class Terminal(Console):
    """rich's console for text that somebody else wrote: brackets are brackets, and control characters are shown."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def on_broken_pipe(self) -> None:
        """Let the error through: rich would end the program, and send stdout to nowhere whichever stream has broken."""
        raise

    def render_str(self, text: str, **options: Any) -> Text:
        """See Console."""
        return super().render_str(inert(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See Console."""
        if isinstance(renderable, Text) and (shown := inert(renderable.plain)) != renderable.plain:
            renderable = Text(shown, style=renderable.style, overflow=renderable.overflow, end=renderable.end)
        return super().render(renderable, options)


class Rows:
    """The rows of a table, laid out already: each cell a text of lines that fit the width of its column.

    rich's own tables lay every cell out anew, which takes most of the time that a large table takes. What does not fit
    is folded, and what is a Text is shown, as rich does it.
    """

    def __init__(self, widths: Sequence[int], right: Sequence[bool], gap: int):
        self._columns = list(zip(widths, right, strict=True))
        self._gap = " " * gap
        self._rows: list[tuple[Sequence[str | Text], bool, bool]] = []

    def add(self, cells: Sequence[str | Text], *, apart: bool, bold: bool) -> None:
        """Add a row, ``apart`` from the one before by an empty line."""
        self._rows.append((cells, apart, bold))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield what is printed; see rich."""
        blank = [" " * width for width, _ in self._columns]
        for number, (cells, apart, bold) in enumerate(self._rows):
            style = Style(bold=True) if bold else None
            if apart and number:
                yield Segment(f"{self._gap.join(blank)}\n")
            columns = [
                self._lines(cell, *column, console, options, style)
                for cell, column in zip(cells, self._columns, strict=True)
            ]
            line: tuple[str | list[Segment] | None, ...]
            for line in zip_longest(*columns):
                before = ""
                for shown, empty in zip(line, blank, strict=True):
                    if isinstance(shown, list):
                        yield Segment(before, style)
                        yield from shown
                        before = self._gap
                    else:
                        before += (shown or empty) + self._gap
                yield Segment(f"{before[: -len(self._gap)]}\n", style)

    def _lines(
        self,
        cell: str | Text,
        width: int,
        right: bool,
        console: Console,
        options: ConsoleOptions,
        style: Style | None,
    ) -> Sequence[str | list[Segment]]:
        """Return the lines of a cell, each as wide as its column."""
        lines = cell.split("\n") if isinstance(cell, str) else []
        if lines and all(line.isprintable() and cell_len(line) <= width for line in lines):
            return [
                " " * (width - cell_len(line)) + line if right else line + " " * (width - cell_len(line))
                for line in lines
            ]
        shape = options.update(width=width, justify="right" if right else "left", overflow="fold", height=None)
        return console.render_lines(cell, shape, style=style)
