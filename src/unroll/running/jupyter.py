"""A run in a notebook: one display that changes in place. It needs no widgets, and IPython only where it is running."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from unroll.inert import html, inert
from unroll.running.observer import Observer, Outlook
from unroll.running.progress import first_line, headline
from unroll.study import Trial
from unroll.study.levels import named
from unroll.wording import about, duration

SECONDS = 0.25
"""The least time between two changes of the display: a browser cannot show more, and a notebook need not store more."""
REMARKS = 20
"""How many failures and notes stay in sight; the results hold them all."""


def in_kernel() -> bool:
    """Say whether this process is a notebook's kernel. Imports nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class JupyterProgress(Observer):
    """What is about to happen, a bar weighted by expected cost with the time left, then failures and notes.

    Sent as HTML and as plain text; the front end takes what it can show.
    """

    def __init__(self) -> None:
        self._display: Any = None
        self._headline = ""
        self._factors: tuple[str, ...] = ()
        self._remarks: deque[str] = deque(maxlen=REMARKS)
        self._remarked = 0
        self._to_train = self._complete = self._failed = 0
        self._share, self._stopping, self._over = 0.0, False, False
        self._seconds_left: float | None = 0.0
        self._began = self._shown = time.monotonic()

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._headline, self._to_train, self._seconds_left = headline(outlook), outlook.to_train, outlook.seconds
        self._factors = outlook.study.varying()
        self._began = time.monotonic()
        self._show()

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        self._complete += 1
        self._show_soon()

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        self._failed += 1
        self.note(f"failed: {named(trial, self._factors)}: {first_line(error)}")

    def note(self, text: str) -> None:
        """See Observer."""
        self._remarks.append(text)
        self._remarked += 1
        self._show_soon()

    def advanced(self, share: float, seconds_left: float | None) -> None:
        """See Observer."""
        self._share, self._seconds_left = share, seconds_left
        self._show_soon()

    def stopping(self) -> None:
        """See Observer."""
        self._stopping = True
        self._show()

    def end(self) -> None:
        """Leave the outcome in the display."""
        self._over = True
        if self._display is not None:
            self._show()

    def _show_soon(self) -> None:
        if time.monotonic() - self._shown >= SECONDS:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        bundle = {"text/plain": self._text(), "text/html": self._html()}
        if self._display is None:
            self._display = import_module("IPython.display").display(bundle, raw=True, display_id=True)
        else:
            self._display.update(bundle, raw=True)

    def _state(self) -> str:
        if self._over:
            return self._outcome() if self._to_train else ""
        done = f"{self._complete + self._failed}/{self._to_train} trials"
        if self._stopping:
            return f"{done}, stopping at the next update; interrupt again to stop at once"
        return f"{self._share:.0%}, {done}, {about(self._seconds_left)} left"

    def _outcome(self) -> str:
        left = self._to_train - self._complete - self._failed
        counts = ((self._complete, "complete"), (self._failed, "failed"), (left, "left for the next time"))
        parts = [f"{count:,} {name}" for count, name in counts if count]
        return f"{', '.join(parts)}, after {duration(time.monotonic() - self._began)}"

    def _said(self) -> list[str]:
        """Return the remarks in sight, after a line for those that are not."""
        hidden = self._remarked - len(self._remarks)
        return [*([f"{hidden:,} earlier ones are left out here"] if hidden else []), *self._remarks]

    def _text(self) -> str:
        return inert("\n".join(line for line in (self._headline, self._state(), *self._said()) if line))

    def _html(self) -> str:
        bar = f'<progress value="{self._share:.4f}" style="vertical-align: middle"></progress> '
        state = f"<br>{'' if self._over else bar}{html(self._state())}" if self._state() else ""
        remarks = "".join(f"<br>{html(remark)}" for remark in self._said())
        return f"<div>{html(self._headline)}{state}{remarks}</div>"
