"""An observer that cannot end the run it watches: a screen that is gone is no reason to stop training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unroll.running.observer import Observer, Outlook
from unroll.study import Trial


class Steady(Observer):
    """Passes on what happens until the screen cannot be written (OSError, as of a closed pipe or a full disk).

    Nothing is passed on after that. Any other exception of the observer is a fault in it and ends the run.
    """

    def __init__(self, observer: Observer):
        self._observer = observer

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.begin(outlook))

    def started(self, slot: int, trial: Trial) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.started(slot, trial))

    def progressed(self, slot: int, trial: Trial, share: float, epoch: int, loss: float) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.progressed(slot, trial, share, epoch, loss))

    def put_back(self, slot: int, trial: Trial) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.put_back(slot, trial))

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.completed(slot, trial, metrics, seconds))

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.failed(slot, trial, error))

    def note(self, text: str) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.note(text))

    def advanced(self, share: float, seconds_left: float | None) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.advanced(share, seconds_left))

    def stopping(self) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.stopping())

    def end(self) -> None:
        """See Observer."""
        self._pass_on(lambda: self._observer.end())

    def _pass_on(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except OSError:
            self._observer = Observer()
