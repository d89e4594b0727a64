"""What the coordinator of a run and its workers tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from unroll.axes import Float32
from unroll.store import Examination
from unroll.study import Trial
from unroll.training import Checkpoint, Result
from unroll.versions import Version

Plugins: TypeAlias = Mapping[str, Mapping[str, tuple[type, Version]]]
"""Classes that were registered in the coordinator's process and their versions there, by family and name."""


@dataclass(frozen=True)
class Start:
    """What a worker asks first, with an id that no other start has: what there is to do. See ``Fence``.

    ``processor`` is that part of its numerics that its machine decides.
    """

    id: str
    processor: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """One trial to be trained, and where it goes on.

    ``origin`` says in words whose checkpoint it is where it is that of a shorter training, "" where it is the trial's
    own. With ``keep``, the state at the end of the training is handed in as well.
    """

    trial: Trial
    checkpoint: Checkpoint | None = None
    numerics: Mapping[str, str] | None = None
    origin: str = ""
    keep: bool = False


@dataclass(frozen=True)
class Batch:
    """What a worker does: trials, one after the other, and how often it reports of one and hands in a checkpoint.

    ``together``: trials that differ in nothing but their seeds, trained in step (``running.cohorts``), a cohort.
    ``processor``, where it is there, is what all workers must have whose trials' bits depend on it.
    """

    orders: tuple[Order, ...]
    report_seconds: float
    checkpoint_seconds: float
    plugins: Plugins = field(default_factory=dict)
    processor: Mapping[str, str] | None = None
    together: bool = False


@dataclass(frozen=True)
class Said:
    """A message of a worker about the trial with this key, and which start it comes from."""

    start: str
    key: str
    content: Report | Resumable | Note | Outcome


@dataclass(frozen=True)
class Report:
    """How far a trial is: ``done`` of ``total`` updates in ``seconds`` of this run, and the loss of the last one."""

    done: int
    total: int
    resumed_at: int
    seconds: float
    epoch: int
    loss: float

    @property
    def share(self) -> float:
        """The share of the updates that is done; of none, all."""
        return self.done / self.total if self.total else 1.0


@dataclass(frozen=True)
class Resumable:
    """A checkpoint, and the numerics under which a training may resume from it."""

    checkpoint: Checkpoint
    numerics: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """Something for the timeline, and, if it is told aloud, for the person at the screen."""

    text: str
    aloud: bool = True


@dataclass(frozen=True)
class Outcome:
    """How the work on a trial ended: with a result, with an error, or, with neither, because it was told to stop."""

    numerics: Mapping[str, str]
    circumstances: Mapping[str, Any]
    result: Result | None = None
    examinations: tuple[Examination, ...] = ()
    error: Mapping[str, Any] | None = None
    histories: Mapping[str, Float32] = field(default_factory=dict)
