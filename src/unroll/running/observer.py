"""Who watches a run: the screen, a notebook, a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unroll.study import Study, Trial


@dataclass(frozen=True)
class Outlook:
    """What a run is about to do: trials to train, those found complete or failed, and where.

    ``seconds`` are those expected, None where nothing could be measured.
    """

    study: Study
    store: str
    to_train: int
    complete: int
    failed: int
    seconds: float | None
    workers: str


class Observer:
    """Is told what happens in a run, in the coordinator's main thread. This one does nothing with it."""

    def begin(self, outlook: Outlook) -> None:
        """The run is planned; training starts now."""

    def started(self, slot: int, trial: Trial) -> None:
        """A trial has been given to a worker, ``slot`` counted from 0."""

    def progressed(self, slot: int, trial: Trial, share: float, epoch: int, loss: float) -> None:
        """A trial progresses: share done, whole epochs done, loss of the last update."""

    def put_back(self, slot: int, trial: Trial) -> None:
        """A trial that a worker had waits again: the worker is lost, or stops."""

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """A trial is complete and committed to the store."""

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """A trial has failed, and this is committed to the store."""

    def note(self, text: str) -> None:
        """Something that the person should know."""

    def advanced(self, share: float, seconds_left: float | None) -> None:
        """About each second: the share of all work that is done, and the expected seconds left, None while unknown."""

    def stopping(self) -> None:
        """Stopping was asked for; the workers finish their updates and hand in checkpoints."""

    def end(self) -> None:
        """The run is over, however it ended."""
