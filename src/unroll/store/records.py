"""What goes into a store and comes out of it: plain frozen data, JSON-able mappings, bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from unroll.store.checked import Plans

FINAL = "final"
"""The snapshot of a network's weights at the end of its training: those that the store keeps."""
FAILED = "failed: "
"""What is said before the reason of an examination that failed."""
Coordinate: TypeAlias = int | float | str


class State(StrEnum):
    """Where a trial stands. A complete trial never changes again.

    No trial is stored as ``damaged``: so it is read where what is stored is not what was written.
    """

    waiting = "waiting"
    running = "running"
    complete = "complete"
    failed = "failed"
    damaged = "damaged"


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
    baseline        loss of the best predictor that sees no input; NaN where the task has none
    solved_metric   the metric on which the task counts as solved ...
    solved_below    ... when it is below this value; -inf where it must be above the one that is declared
    notes           what every table must say beside this trial ("markers anywhere")
    declared        what its plug-ins declare, JSON-able: see ``unroll.declarations``; {} for one that is older
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
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[str, str]:
        """Where its users' files lay when it was planned, by the setting; see ``unroll.study.Trial.files``."""
        files: Mapping[str, str] = self.declared.get("files", {})
        return files


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """A study as it was planned: its question, specification, plug-ins' facts, and its trials in order.

    ``spec`` and ``plugins`` are JSON-able; ``overrides`` are the settings given on the command line. ``damaged`` counts
    further trials, not among ``trials``, of which the plan is no longer what was written. ``read``: the trials as they
    were read, of which ``Reader.read`` then reads what has become of them alone; None for a study that was not.
    """

    digest: str
    name: str
    question: str
    spec: Mapping[str, Any]
    overrides: tuple[str, ...]
    plugins: Mapping[str, Any]
    trials: tuple[PlannedTrial, ...]
    damaged: int = 0
    read: Plans | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class StudyHead:
    """A study without its trials; ``spec`` as in PlannedStudy."""

    digest: str
    name: str
    overrides: tuple[str, ...]
    spec: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """One line of the list of studies.

    ``counts`` holds every state, also those with no trial in them; ``solved`` counts complete trials; ``size`` is what
    histories, weights, examinations and checkpoints of its trials take, in bytes: those that other studies ask for too
    count in each.
    """

    digest: str
    name: str
    question: str
    overrides: tuple[str, ...]
    created: str
    counts: Mapping[State, int]
    solved: int = 0
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class MeasureRecord:
    """What a measure added to a trial, outside the trial's digest: the names of its metrics and histories."""

    digest: str
    metrics: tuple[str, ...] = ()
    histories: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedArray:
    """Numbers along named axes, float64.

    ``axes``: the coordinates along each, by its name, in the order of the values' axes; one array runs from
    ``{"step": (1, 2, 3)}``, another from ``{"epoch": (0, 10), "step": (1, 2, 3)}``. Infinity is a value, NaN too.
    """

    axes: Mapping[str, Sequence[Coordinate]]
    values: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What one measure found in a network, beside the trial and outside its digest; or why it found nothing.

    measure, version   of the plug-in, and its ``settings``, JSON-able
    snapshot           which weights: FINAL, or the epoch after which they were kept, as text
    metrics            numbers, float64: infinity is one, NaN is none
    arrays             numbers along axes
    fingerprint        as of a trial: {"numerics": ..., "circumstances": ...}
    seconds            time that it took
    error              None where there are numbers; type and message where the measure failed; "why_not" alone, the
                       reason, where it does not apply to the trial
    """

    measure: str
    version: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    snapshot: str = FINAL
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NamedArray] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: Mapping[str, Any] | None = None

    @property
    def without(self) -> str:
        """Why there is no number: the reason why the measure does not apply, or that it failed; "" where there is."""
        if self.error is None:
            return ""
        return str(self.error.get("why_not") or f"{FAILED}{self.error.get('message')}")


@dataclass(frozen=True, kw_only=True)
class ExaminationRecord(Examination):
    """An examination that the store holds.

    digest   hash of its numbers, None where it failed
    at       when it was written, ISO 8601, UTC
    damage   what is wrong with it, None for nothing; then nothing is told but ``measure`` and ``snapshot``
    """

    digest: str | None
    at: str
    damage: str | None = None


@dataclass(frozen=True)
class Examined:
    """All examinations of a trial, in the order of writing; ``damage`` says what is wrong with their list."""

    records: tuple[ExaminationRecord, ...] = ()
    damage: str | None = None

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """What is damaged: the measure, "" for the list, and what is wrong."""
        found = [(record.measure, record.damage) for record in self.records if record.damage]
        return (*([("", self.damage)] if self.damage else []), *found)


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
    damage                    what is wrong with it, None unless damaged; then nothing is told but what was planned
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
    damage: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """Where a trial can be continued: safetensors bytes, the position they belong to, and the numerics."""

    tensors: bytes
    position: Mapping[str, Any]
    numerics: Mapping[str, Any]
    saved_at: str
