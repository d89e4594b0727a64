"""What goes into a store and comes out of it: plain frozen data, JSON-able mappings, bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a trial stands. A complete trial never changes again."""

    waiting = "waiting"
    running = "running"
    complete = "complete"
    failed = "failed"


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """One training that a study asks for, with what the read side must know of its plug-ins.

    key             64 hexadecimal digits: the hash of ``spec``
    condition       64 hexadecimal digits: the hash of ``spec`` without its seed
    task, model     registered names
    length          T, steps
    seed            names the trial's random streams
    protocol        how those streams are drawn: "keyed" or "notebook"
    spec            the canonical resolved specification, JSON-able
    parameters      number of trained parameters
    baseline        loss of the best predictor that remembers nothing; NaN where the task has none
    solved_metric   the metric on which the task counts as solved ...
    solved_below    ... when it is below this value
    notes           what every table must say beside this trial ("markers anywhere")
    """

    key: str
    condition: str
    task: str
    model: str
    length: int
    seed: int
    protocol: str
    spec: Mapping[str, Any]
    parameters: int
    baseline: float
    solved_metric: str
    solved_below: float
    notes: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """A study as it was planned: its question, specification, plug-ins' facts, and its trials in order.

    ``spec`` and ``plugins`` are JSON-able; ``overrides`` are the settings given on the command line.
    """

    digest: str
    name: str
    question: str
    spec: Mapping[str, Any]
    overrides: tuple[str, ...]
    plugins: Mapping[str, Any]
    trials: tuple[PlannedTrial, ...]


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """One line of the list of studies. ``counts`` holds every state, also those with no trial in them."""

    digest: str
    name: str
    question: str
    overrides: tuple[str, ...]
    created: str
    counts: Mapping[State, int]


@dataclass(frozen=True, kw_only=True)
class TrialRecord(PlannedTrial):
    """A planned trial and what became of it.

    attempts                  times it was started since it was planned or last retried
    started_at, finished_at   ISO 8601, UTC; None before the event
    seconds                   time the training took, None unless complete
    metrics                   final values; empty unless complete
    digest                    hash of the results without their times, None unless complete
    error                     None unless failed: type, message, traceback, epoch, update
    fingerprint               None before the end: {"numerics": ..., "circumstances": ...}
    """

    state: State
    attempts: int
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    metrics: Mapping[str, float]
    digest: str | None
    error: Mapping[str, Any] | None
    fingerprint: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """Where a trial can be continued: safetensors bytes, the position they belong to, and the numerics."""

    tensors: bytes
    position: Mapping[str, Any]
    numerics: Mapping[str, Any]
    saved_at: str
