"""What a worker does with one trial: train it, report, keep checkpoints, stop when asked."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from unroll import registry
from unroll.axes import Float32
from unroll.errors import CheckpointError, PlugInError, WorkerStartError
from unroll.executors import Channel
from unroll.models.resolve import resolve
from unroll.running.examining import examine
from unroll.running.failure import described
from unroll.store import Examination
from unroll.study import Trial
from unroll.training import Checkpoint, Result, Training, computing, numerics
from unroll.training.devices import confirm, device_of
from unroll.training.network import backend_of
from unroll.versions import Version

Plugins: TypeAlias = Mapping[str, Mapping[str, tuple[type, Version]]]

FAMILIES = (registry.tasks, registry.models, registry.measures)
"""Those of which a worker needs what was registered in the coordinator."""
CHECKPOINT_SECONDS = 30.0
REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class Order:
    """One trial to be trained, and all that a worker must know for it.

    ``plugins`` are the classes that were registered in the coordinator's process and their versions there, by family
    and name. ``origin`` says in words whose checkpoint it is where it is that of a shorter training, "" where it is the
    trial's own. With ``keep``, the state at the end of the training is handed in as well.
    """

    trial: Trial
    checkpoint: Checkpoint | None = None
    numerics: Mapping[str, str] | None = None
    plugins: Plugins = field(default_factory=dict)
    origin: str = ""
    keep: bool = False


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


def registered_plugins() -> Plugins:
    """Return the classes that were registered in this process, for workers that have not seen them."""
    families = (registry.tasks, registry.models, registry.measures)
    return {family.noun: family.registered() for family in families}


def adopt_plugins(plugins: Plugins) -> None:
    """Register in a worker what was registered in the coordinator."""
    for family in (registry.tasks, registry.models, registry.measures):
        for name, (plugin, version) in plugins.get(family.noun, {}).items():
            family.register(name, plugin, version)


def confirm_plugins(trial: Trial) -> None:
    """Raise PlugInError where this process has other versions of what the trial is made of than its key says."""
    task, model = registry.tasks.version(trial.task), registry.models.version(trial.model)
    further = resolve(trial).task.versions(trial.length)
    for part, found in {**further, "task": task, "model": model}.items():
        wanted = trial.versions.get(part)
        if found != wanted:
            name = trial.model if part == "model" else trial.task
            of = "" if part in ("task", "model") else " of the task"
            raise PlugInError(
                f'The {part}{of} "{name}" has changed since the run was planned: {wanted} then, {found} in the worker '
                "now. Run the study again: it is planned with the new version."
            )


def work(order: Order, channel: Channel) -> Outcome:
    """Train one trial on one thread; an exception of the trial itself becomes its error and is not raised.

    Where an earlier trial has left this process's GPU unusable, see ``unroll.training.devices.confirm``.
    """
    adopt_plugins(order.plugins)
    return _Work(order, channel).run()


class _Work:
    def __init__(self, order: Order, channel: Channel):
        self.order, self.channel, self.trial = order, channel, order.trial
        self.training: Training | None = None
        self.numerics: dict[str, str] = {}
        self.started = self.reported = self.saved = time.monotonic()

    def run(self) -> Outcome:
        try:
            confirm_plugins(self.trial)
            device = device_of(self.trial)
            with computing(device):
                confirm(device)
                self.numerics = numerics(backend_of(self.trial), device)
                self.training = self._begin()
                self.started = time.monotonic()
                result = self._train(self.training)
                examinations = () if result is None else examine(self.trial, self.training.network)
                return self._ended(result=result, examinations=examinations)
        except WorkerStartError:
            raise
        except (Exception, SystemExit) as error:  # Ctrl-C alone is for us
            return self._ended(error=described(error))

    def _begin(self) -> Training:
        checkpoint = self.order.checkpoint
        if checkpoint is None:
            return Training(self.trial)
        now, then = self.numerics, self.order.numerics or {}
        changed = [f"{name} {then.get(name)} → {now[name]}" for name in now if then.get(name) != now[name]]
        if changed:
            what = f"the state after {self.order.origin}" if self.order.origin else "its checkpoint"
            self._afresh(f"{what} was made under other numerics ({', '.join(changed)})")
            return Training(self.trial)
        try:
            training = Training(self.trial, checkpoint)
        except CheckpointError as error:
            self._afresh(str(error))
            return Training(self.trial)
        if self.order.origin:
            self.channel.send(Note(f"{self.trial} goes on after {self.order.origin}", aloud=False))
        return training

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
                if self.order.keep:
                    self._save(training)
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
        self.channel.send(Resumable(training.freeze(), self.numerics))

    def _ended(
        self,
        result: Result | None = None,
        error: Mapping[str, Any] | None = None,
        examinations: tuple[Examination, ...] = (),
    ) -> Outcome:
        histories = self.training.histories_so_far() if error and self.training else {}
        circumstances = {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "host": platform.node(),
            "threads": 1,
            "pid": os.getpid(),
        }
        return Outcome(self.numerics, circumstances, result, examinations, error, histories)
