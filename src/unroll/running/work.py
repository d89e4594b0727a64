"""What a worker does with one trial: train it, report, keep checkpoints, stop when asked."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unroll import registry
from unroll.axes import Float32
from unroll.errors import CheckpointError, DivergedError
from unroll.executors import Channel
from unroll.kernels import pick
from unroll.study import Trial
from unroll.training import Checkpoint, Result, Training, numerics, single_thread
from unroll.training.network import model_of

CHECKPOINT_SECONDS = 30.0
REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class Order:
    """One trial to be trained, and all that a worker must know for it.

    ``plugins`` are the classes that were registered in the coordinator's process, by family and name.
    """

    trial: Trial
    checkpoint: Checkpoint | None = None
    numerics: Mapping[str, str] | None = None
    plugins: Mapping[str, Mapping[str, type]] = field(default_factory=dict)


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
class Frozen:
    """A checkpoint, and the numerics under which it may be continued."""

    checkpoint: Checkpoint
    numerics: Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """Something that the person at the screen should know."""

    text: str


@dataclass(frozen=True)
class Outcome:
    """How the work on a trial ended: with a result, with an error, or, with neither, because it was told to stop."""

    numerics: Mapping[str, str]
    circumstances: Mapping[str, Any]
    result: Result | None = None
    error: Mapping[str, Any] | None = None
    histories: Mapping[str, Float32] = field(default_factory=dict)


def registered_plugins() -> dict[str, dict[str, type]]:
    """Return the classes that were registered in this process, for workers that have not seen them."""
    return {"task": registry.tasks.registered(), "model": registry.models.registered()}


def adopt_plugins(plugins: Mapping[str, Mapping[str, type]]) -> None:
    """Register in a worker what was registered in the coordinator."""
    for family in (registry.tasks, registry.models):
        for name, plugin in plugins.get(family.noun, {}).items():
            family.register(name, plugin)


def work(order: Order, channel: Channel) -> Outcome:
    """Train one trial on one thread; an exception of the trial itself becomes its error and is not raised."""
    adopt_plugins(order.plugins)
    with single_thread():
        return _Work(order, channel).run()


class _Work:
    def __init__(self, order: Order, channel: Channel):
        self.order, self.channel, self.trial = order, channel, order.trial
        self.training: Training | None = None
        self.numerics: dict[str, str] = {}
        self.started = self.reported = self.saved = time.monotonic()

    def run(self) -> Outcome:
        try:
            self.numerics = numerics(pick(model_of(self.trial).cell, backend=self.trial.train.backend))
            self.training = self._begin()
            self.started = time.monotonic()
            return self._ended(result=self._train(self.training))
        except Exception as error:
            return self._ended(error=described(error))

    def _begin(self) -> Training:
        checkpoint = self.order.checkpoint
        if checkpoint is None:
            return Training(self.trial)
        now, then = self.numerics, self.order.numerics or {}
        changed = [f"{name} {then.get(name)} → {now[name]}" for name in now if then.get(name) != now[name]]
        if changed:
            self._afresh(f"its checkpoint was made under other numerics ({', '.join(changed)})")
            return Training(self.trial)
        try:
            return Training(self.trial, checkpoint)
        except CheckpointError as error:
            self._afresh(str(error))
            return Training(self.trial)

    def _afresh(self, reason: str) -> None:
        self.channel.send(Note(f"{self.trial} starts afresh: {reason}"))

    def _train(self, training: Training) -> Result | None:
        """Return the result, or None where the channel asked to stop first."""
        resumed_at, epoch = training.done, training.epoch
        tenth = max(1, self.trial.train.epochs // 10)
        steps = training.run()
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            if self.channel.stopping:
                self._save(training)
                return None
            now = time.monotonic()
            if now - self.reported >= REPORT_SECONDS:
                self.reported = now
                self.channel.send(
                    Report(
                        progress.updates,
                        progress.total,
                        resumed_at,
                        now - self.started,
                        progress.epoch,
                        progress.loss,
                    )
                )
            if progress.epoch - epoch >= tenth or now - self.saved >= CHECKPOINT_SECONDS:
                epoch = progress.epoch
                self._save(training)

    def _save(self, training: Training) -> None:
        self.saved = time.monotonic()
        self.channel.send(Frozen(training.freeze(), self.numerics))

    def _ended(self, result: Result | None = None, error: Mapping[str, Any] | None = None) -> Outcome:
        histories = self.training.histories_so_far() if error and self.training else {}
        circumstances = {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "host": platform.node(),
            "threads": 1,
            "pid": os.getpid(),
        }
        return Outcome(self.numerics, circumstances, result, error, histories)


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception as the store keeps it: type, message, traceback and, where training diverged, where."""
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error) or type(error).__name__,
        "traceback": "".join(traceback.format_exception(error)),
    }
    if isinstance(error, DivergedError):
        described |= {"epoch": error.epoch, "update": error.update}
    return described
