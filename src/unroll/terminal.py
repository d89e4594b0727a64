"""The one way to a terminal for what is laid out: tables and the view of a run. No text in it is markup or obeyed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

# rich draws from Python's global generator while it is imported, which is no business of a library's. This is the only
# module that imports it; the others take from here what they need.
_before = random.getstate()
from rich import box  # noqa: E402
from rich.console import Console, ConsoleOptions, Group, RenderableType  # noqa: E402
from rich.live import Live  # noqa: E402
from rich.progress_bar import ProgressBar  # noqa: E402
from rich.segment import Segment  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

random.setstate(_before)

from unroll.inert import inert  # noqa: E402

__all__ = ["Console", "Group", "Live", "ProgressBar", "RenderableType", "Table", "Terminal", "Text", "box"]


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
