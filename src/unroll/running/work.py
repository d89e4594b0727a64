"""What a worker does with its trials: train one after the other or all together, report, keep checkpoints, stop."""

from __future__ import annotations

import os
import platform
import random
import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from unroll import registry
from unroll.errors import CheckpointError, PlugInError, WorkerStartError
from unroll.executors import Channel
from unroll.kernels.updates import Wanted
from unroll.models.resolve import resolve
from unroll.running.examining import examine
from unroll.running.failure import described
from unroll.running.looks import Looks
from unroll.running.messages import Batch, Note, Order, Outcome, Plugins, Report, Resumable, Said, Start
from unroll.store import Examination
from unroll.study import Trial
from unroll.training import Result, Training, computing, numerics
from unroll.training.cohort import Answer, together
from unroll.training.devices import confirm, device_of
from unroll.training.native import numerics_of
from unroll.training.network import backend_of
from unroll.training.numerics import BESIDE, CPU, processor

SLURM_JOB = "SLURM_JOB_ID"
"""The environment variable that names the job of a worker under Slurm."""
FAMILIES = (registry.tasks, registry.models, registry.measures)
"""Those of which a worker needs what was registered in the coordinator."""
LOOK_SECONDS = 0.05
"""Seconds between two looks at a training: whether it is to stop, report or be saved."""


def registered_plugins() -> Plugins:
    """Return the classes that were registered in this process, for workers that have not seen them."""
    return {family.noun: family.registered() for family in FAMILIES}


def adopt_plugins(plugins: Plugins) -> None:
    """Register in a worker what was registered in the coordinator."""
    for family in FAMILIES:
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


def confirm_place(batch: Batch) -> None:
    """Raise WorkerStartError where this worker lacks a plug-in, or has not the processor, that its trials need."""
    host = platform.node()
    for trial in (order.trial for order in batch.orders):
        for family, name in ((registry.tasks, trial.task), (registry.models, trial.model)):
            if name not in family.names():
                raise WorkerStartError(
                    f'The worker on {host} has no {family.noun} "{name}". Install there what brings it, in the version '
                    "that is here."
                )
    here, wanted = processor(), batch.processor
    if wanted is None or wanted == here or not any(map(_is_of_a_processor, batch.orders)):
        return
    differs = ", ".join(f"{name} {here[name]} and not {wanted[name]}" for name in here if here[name] != wanted[name])
    raise WorkerStartError(
        f"The worker on {host} has other numerics than the first one ({differs}), and same-numerics was asked for."
    )


def _is_of_a_processor(order: Order) -> bool:
    """Whether the bits of a trial depend on the processor, as far as that can be told before it begins."""
    try:
        return "cpu" in numerics_of(order.trial)
    except Exception:  # the trial itself says what is wrong with it
        return True


def work(item: None, channel: Channel) -> bool:
    """Ask for trials and train them in turn, or together; return False where another start has been given them.

    An exception of a trial itself becomes its error and is not raised. Where an earlier trial has left this process's
    GPU unusable, see ``unroll.training.devices.confirm``.
    """
    start = secrets.token_hex(8)
    batch: Batch | None = channel.ask(Start(start, processor()))
    if batch is None:
        return False
    adopt_plugins(batch.plugins)
    confirm_place(batch)
    for orders in [batch.orders] if batch.together else [(order,) for order in batch.orders]:
        if channel.stopping:
            break
        # Many workers that begin at once do not hand in their checkpoints at once.
        saved = time.monotonic() - random.SystemRandom().uniform(0, batch.checkpoint_seconds / 2)
        looks = Looks(channel, len(orders))
        works = [_Work(order, place, looks, saved, batch, start, channel) for place, order in enumerate(orders)]
        # Each of them computes so within; in whatever order they end, it holds for all.
        with computing(CPU), closing(together([one.run() for one in works])) as ended:
            for place, outcome in ended:
                works[place].say(outcome)
    return True


class _Work:
    def __init__(
        self, order: Order, place: int, looks: Looks, saved: float, batch: Batch, start: str, channel: Channel
    ):
        self.order, self.batch, self.trial, self.looks = order, batch, order.trial, looks
        self.start, self.channel = start, channel
        self.training: Training | None = None
        self.numerics: dict[str, str] = {}
        self.beside: dict[str, str] = {}  # of the same kind, but no bit depends on it
        self.seconds = 0.0  # its training's own, of those of a cohort's calls its share
        self.saved = saved
        # A cohort's trials report in turn, each so much more seldom.
        self.report_seconds = batch.report_seconds * looks.cohort
        self.reported = time.monotonic() - batch.report_seconds * (looks.cohort - 1 - place)

    def say(self, content: Report | Resumable | Note | Outcome) -> None:
        self.channel.send(Said(self.start, self.trial.key, content))

    def run(self) -> Generator[Wanted, Answer | None, Outcome]:
        try:
            confirm_plugins(self.trial)
            device = device_of(self.trial)
            with computing(device):
                confirm(device)
                pick = backend_of(self.trial)
                self.numerics = numerics_of(self.trial)
                around = {**BESIDE, **numerics(pick, device)}
                self.beside = {name: what for name, what in around.items() if name not in self.numerics}
                self.training = self._begin()
                result = yield from self._train(self.training)
                examinations = () if result is None else examine(self.trial, self.training.network)
                return self._ended(result=result, examinations=examinations)
        except WorkerStartError:
            raise
        except (Exception, SystemExit) as error:  # Ctrl-C alone is for us
            return self._ended(error=described(error))

    def _begin(self) -> Training:
        checkpoint = self.order.checkpoint
        if checkpoint is None:
            return Training(self.trial, look=LOOK_SECONDS)
        now, then = self.numerics, self.order.numerics or {}
        changed = [f"{name} {then.get(name)} → {now[name]}" for name in now if then.get(name) != now[name]]
        if changed:
            what = f"the state after {self.order.origin}" if self.order.origin else "its checkpoint"
            self._afresh(f"{what} was made under other numerics ({', '.join(changed)})")
            return Training(self.trial, look=LOOK_SECONDS)
        try:
            training = Training(self.trial, checkpoint, LOOK_SECONDS)
        except CheckpointError as error:
            self._afresh(str(error))
            return Training(self.trial, look=LOOK_SECONDS)
        if self.order.origin:
            self.say(Note(f"{self.trial} goes on after {self.order.origin}", aloud=False))
        return training

    def _afresh(self, reason: str) -> None:
        self.say(Note(f"{self.trial} starts afresh: {reason}"))

    def _train(self, training: Training) -> Generator[Wanted, Answer | None, Result | None]:
        """Ask for the training's updates; return its result, or None where the channel asked to stop first."""
        resumed_at = training.done
        going = training.steps()
        answer: Answer | None = None
        while True:
            before = time.monotonic()
            try:
                progress = going.send(answer)
            except StopIteration as end:
                result: Result = end.value
                if self.order.keep:
                    self._save(training, time.monotonic())
                return result
            self.seconds += time.monotonic() - before
            if isinstance(progress, Wanted):
                answer = yield progress
                assert answer is not None  # noqa: S101 - see Asking
                self.seconds += answer.seconds
                continue
            now, stopping = self.looks.after(answer)
            answer = None
            if stopping:
                self._save(training, now)
                return None
            if now - self.reported >= self.report_seconds:
                self.reported = now
                done, total = progress.updates, progress.total
                self.say(Report(done, total, resumed_at, self.seconds, progress.epoch, progress.loss))
            if now - self.saved >= self.batch.checkpoint_seconds:
                self._save(training, now)

    def _save(self, training: Training, now: float) -> None:
        self.saved = now
        self.say(Resumable(training.freeze(), self.numerics))

    def _ended(
        self,
        result: Result | None = None,
        error: Mapping[str, Any] | None = None,
        examinations: tuple[Examination, ...] = (),
    ) -> Outcome:
        histories = self.training.histories_so_far() if error and self.training else {}
        circumstances = {
            **self.beside,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "host": platform.node(),
            **({"job": os.environ[SLURM_JOB]} if SLURM_JOB in os.environ else {}),
            "threads": 1,
            **({"together": self.looks.cohort} if self.looks.cohort > 1 else {}),
            "pid": os.getpid(),
        }
        return Outcome(self.numerics, circumstances, result, examinations, error, histories)
