"""Every error that unroll raises on purpose.

Each message holds the fact with its values, the place, and the next step. The tree::

    UnrollError
    ├── StudyError          a study file or object: all of its problems at once
    ├── UnknownNameError    a task, model, study or setting that nobody registered
    ├── PlugInError         a registered plug-in that cannot be loaded or breaks its contract
    │   └── MeasureError        a measure that fails when it is asked about results
    ├── BackendError        a kernel backend that was asked for and is not available
    ├── DeviceError         a GPU that was asked for and is not there
    ├── DivergedError       a loss became NaN or infinite
    ├── DataError           data that a task needs and that are missing, changed, or cannot be read
    ├── PromptError         a prompt that cannot be continued
    ├── CheckpointError     a checkpoint is damaged, or another trial's
    ├── StoreError          results.db
    │   ├── StoreHeldError      another process is writing to it
    │   ├── StoreFullError      no space left
    │   ├── StoreLostError      its files were deleted, replaced or cut, or another process writes
    │   ├── StoreLimitError     a value that is too large for any store
    │   ├── StoreMissingError   there is no such file
    │   └── StoreFormatError    not a results store, damaged, or from a newer unroll
    │       └── DamagedError        something in it is not what was written
    └── ExecutorError
        ├── WorkerStartError    a worker process could not be started, or could not take its work
        └── WorkerDiedError     a worker process ended before its trial did
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from unroll.inert import clipped, inert

LONGEST_PATH, LONGEST_NAME = 100, 40
"""Characters of a path, and of a setting's name, that a problem repeats; with a value, 200 together."""
LONGEST_REASON = 400
"""Characters of what a measure raised that are repeated."""
MOST_SHOWN = 100
"""Problems that one message lists."""


class UnrollError(Exception):
    """Base of every error that unroll raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a study: what it is, and where.

    ``setting`` is the dotted path of the value ("train.epochs"); ``source`` and ``line`` say where it was written,
    None where it has no place in a file.
    """

    message: str
    setting: str = ""
    source: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ""
        if self.source is not None:
            source = clipped(self.source, LONGEST_PATH)
            place = source if self.line is None else f"{source}, line {self.line}"
        head = ": ".join(part for part in (place, clipped(self.setting, LONGEST_NAME)) if part)
        return inert(f"{head}: {self.message}" if head else self.message, line=True)


class StudyError(UnrollError):
    """A study that cannot be run; ``problems`` holds every fault that was found, not only the first."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems[:MOST_SHOWN])
        lines += f"\n  and {count - MOST_SHOWN:,} more" if count > MOST_SHOWN else ""
        super().__init__(f"{count} problem{'s' if count > 1 else ''} in the study:\n{lines}")

    def __reduce__(self) -> tuple[type, tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class UnknownNameError(UnrollError):
    """A name that nobody registered."""


class PlugInError(UnrollError):
    """A registered plug-in that cannot be loaded or breaks its contract."""


class MeasureError(PlugInError):
    """A measure that fails when it is asked about results.

    ``part`` is what it was asked for: its "table", "figure" or "sentences", or "class" where it cannot be asked at all;
    ``reason`` is what it raised, or what is wrong with its answer.
    """

    def __init__(self, measure: str, part: str, reason: str):
        self.measure, self.part, self.reason = measure, part, reason
        asked = "cannot be used" if part == "class" else f"fails at its {part}"
        super().__init__(f'The measure "{clipped(measure, LONGEST_NAME)}" {asked}: {clipped(reason, LONGEST_REASON)}')

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.measure, self.part, self.reason)


class BackendError(UnrollError):
    """A kernel backend that was asked for and is not available."""


class DeviceError(UnrollError):
    """A device that was asked for and on which nothing can be trained here."""


class DivergedError(UnrollError):
    """A loss became NaN, infinite or more than float32 holds. ``epoch`` and ``update`` count from 1."""

    def __init__(self, loss: str, value: float, epoch: int, update: int):
        self.loss, self.value, self.epoch, self.update = loss, value, epoch, update
        super().__init__(
            f"The {loss} became {value} in epoch {epoch}, update {update}. "
            "Lower train.learning_rate or set train.clip_norm."
        )

    def __reduce__(self) -> tuple[type, tuple[str, float, int, int]]:
        return type(self), (self.loss, self.value, self.epoch, self.update)


class DataError(UnrollError):
    """Data that a task needs are missing, are not those that were meant, or cannot be read.

    ``setting`` is the one that names them, such as "task.file"; "" where none does.
    """

    def __init__(self, message: str, setting: str = ""):
        self.setting = setting
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.setting)


class PromptError(UnrollError):
    """A prompt that cannot be continued, or a continuation that leaves the range of numbers."""


class CheckpointError(UnrollError):
    """A checkpoint does not belong to the trial that was given, or is damaged."""


class StoreError(UnrollError):
    """Something about a results store."""


class StoreHeldError(StoreError):
    """Another process is writing to the store."""


class StoreFullError(StoreError):
    """There is no space left for the store."""


class StoreLostError(StoreError):
    """An open store is no longer the writer's: its files were deleted, replaced or cut, or another process writes."""


class StoreLimitError(StoreError):
    """A value is larger than a store can hold."""


class StoreMissingError(StoreError):
    """There is no store at this path."""


class StoreFormatError(StoreError):
    """The file is not a results store, is damaged, or was written by a newer unroll."""


class DamagedError(StoreFormatError):
    """Something in the store is not what was written; the message names the trial or the study."""


class ExecutorError(UnrollError):
    """Something about the place where trials run."""


class WorkerStartError(ExecutorError):
    """A worker process could not be started, or could not take its work: no fault of the work itself."""


class WorkerDiedError(ExecutorError):
    """A worker process ended before its trial did."""


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return ' Did you mean "adding"?' for the nearest known name, or nothing."""
    name = name[:LONGEST_NAME]  # looking takes a time that grows with its square
    near = get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    match = next((k for k in known if near and k.lower() == near[0]), None)
    return f' Did you mean "{match}"?' if match else ""
