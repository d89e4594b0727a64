"""Run whatever is missing of a study: the one place where study, training, store and executors meet."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from unroll.defaults import MAX_TRIALS, STORE
from unroll.errors import CheckpointError, DamagedError, StoreError, StoreLimitError, WorkerDiedError, WorkerStartError
from unroll.executors import Channel, Executor
from unroll.kernels.pick import MISSING
from unroll.models.resolve import resolve
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.changed import changes
from unroll.running.devices import engage, untrained
from unroll.running.failure import described
from unroll.running.fingerprint import surroundings
from unroll.running.kept import Shorter, begun, goes_on, shorter, told, why_anew
from unroll.running.observer import Observer, Outlook
from unroll.running.planning import check, plan
from unroll.running.record import Record
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import usable_cores
from unroll.running.steady import Steady
from unroll.running.stopping import Stop, on_signals
from unroll.running.work import Note, Order, Outcome, Report, Resumable, registered_plugins, work
from unroll.store import PlannedStudy, State, Store
from unroll.study import Study, Trial
from unroll.training.checkpoint import Checkpoint

ATTEMPTS = 3
"""How often a trial is begun whose worker dies."""
GRACE = 10.0
"""Seconds that workers have, after the wish to stop, to end their update and hand in a checkpoint."""
NOTHING_TO_LOSE = 0.6
"""The same for workers that have not reported an update yet."""
TICK = 0.1
LOOK = 0.5
"""How often, in seconds, the run makes sure that its store is still there."""


@dataclass(frozen=True)
class Summary:
    """How a run ended: trials by state, and the signal that stopped it, if one did."""

    complete: int
    failed: int
    waiting: int
    signal: int | None = None
    damaged: int = 0


def execute(
    study: Study,
    store: str | Path = STORE,
    *,
    trials: tuple[Trial, ...] | None = None,
    executor: str = "processes",
    workers: int | None = None,
    retry_failed: bool = False,
    max_trials: int = MAX_TRIALS,
    part: Part | None = None,
    keep_state: bool = False,
    observer: Observer | None = None,
) -> Summary:
    """Train whatever of a study the store does not hold yet.

    ``trials`` are the study's, where it has been checked already; else it is checked, see ``check``.
    ``executor`` names where trials run; ``workers`` is how many at once (default: one per core, or per GPU). Finished
    trials are never run again, interrupted ones resume from their checkpoints, failed ones are not tried again
    unless ``retry_failed``. With ``part``, the whole study is planned, and those of its trials that ``part`` returns
    are trained. ``keep_state`` keeps the last checkpoint of each trial that it finishes, from which one with more
    epochs goes on (see ``unroll.running.kept``); those that are kept already are used with or without it. The first
    Ctrl-C, SIGTERM or SIGHUP stops the trials at their next update and keeps checkpoints; the second stops at once.

    Raises StudyError before anything is trained, also where the device that trials ask for is not there,
    StoreHeldError where another run writes to the store, StoreFullError
    where there is no space left; a trial that fails is stored and does not raise.
    """
    stop = Stop()
    with on_signals(stop):
        trials = check(study, max_trials) if trials is None else trials
        asked = trials if part is None else tuple(part(trials))
        with (
            engage(executor, workers, untrained(asked, store, retry_failed)) as runner,
            Store.open(store, write=True, purpose=f"run {study.name}") as opened,
        ):
            return _Run(study, trials, part, opened, runner, stop, observer or Observer(), keep_state).run(retry_failed)


@dataclass
class _Active:
    """A trial that is with a worker."""

    trial: Trial
    slot: int
    channel: Channel
    reported: bool = False
    future: Future[Outcome] | None = None


class _Run:
    """One run: all writing to the store happens here, in the thread that called ``execute``."""

    def __init__(
        self,
        study: Study,
        trials: tuple[Trial, ...],
        part: Part | None,
        store: Store,
        executor: Executor,
        stop: Stop,
        observer: Observer,
        keep_state: bool,
    ):
        self.keep_state = keep_state
        self.shorter: dict[str, Shorter] = {}  # by the keys of trials that ask for more epochs
        self.study, self.store = study, store
        self.planned = trials
        self.trials = trials if part is None else tuple(part(trials))
        self.executor, self.stop, self.observer = executor, stop, Steady(observer)
        self.slots = executor.slots  # those that work
        self.lacking = False
        self.record = Record(store, surroundings(executor))
        self.broken: BaseException | None = None
        self.plugins = registered_plugins()
        self.active: dict[str, _Active] = {}  # by the trial's key
        self.deaths: Counter[str] = Counter()
        self.inbox: queue.SimpleQueue[tuple[_Active, object] | None] = queue.SimpleQueue()
        self.schedule = Schedule((), Calibration(), 1)
        self.thread = threading.get_ident()
        self.told: float | None = None
        self.advanced = self.looked = 0.0

    def run(self, retry_failed: bool) -> Summary:
        for notice in (self.store.notice, self._slower()):
            if notice:
                self.observer.note(notice)
        done = False
        try:
            self._train_missing(retry_failed)
            done = not self.active
        finally:
            # Whatever still runs was told to stop and did not, or something went wrong here: it is not waited for.
            self.executor.shutdown(now=bool(self.stop) or not done)
            with suppress(StoreError):  # the error that brought us here says more
                for active in self.active.values():
                    self.store.release(active.trial.key, "stopped before its next update")
            self.observer.end()
        counts = Counter(self._states().values())
        return Summary(
            complete=counts[State.complete],
            failed=counts[State.failed],
            waiting=counts[State.waiting] + counts[State.running],
            signal=self.stop.signal,
            damaged=counts[State.damaged],
        )

    def _train_missing(self, retry_failed: bool) -> None:
        self.store.plan(self._planned())
        states = self._states()
        if retry_failed:
            self.store.retry([key for key, state in states.items() if state is State.failed])
            states = self._states()
        missing = [trial for trial in self.trials if states[trial.key] is State.waiting]
        self.shorter = shorter(self.store, missing)
        for text in told(missing, self.shorter):
            self.observer.note(text)
        slots = min(self.executor.slots, len(missing))
        self.schedule = Schedule(missing, self._calibrate(missing), slots, usable_cores(), begun(missing, self.shorter))
        counts = Counter(states.values())
        self.observer.begin(
            Outlook(
                study=self.study,
                store=str(self.store.path),
                to_train=len(missing),
                complete=counts[State.complete],
                failed=counts[State.failed],
                seconds=self.schedule.seconds_left(),
                workers=self.executor.describe(),
            )
        )
        while self.active or (len(self.schedule) and not self.stop):
            self._submit()
            self._receive()
            self._collect()
            self._advance()
            if self.stop and not self._patient():
                break

    def _slower(self) -> str | None:
        """Return what is lost where the native kernels would be used but are not installed."""
        asked = {(t.model, t.model_settings): t for t in self.trials if t.train.backend == "auto"}
        missing = any(resolve(trial).backend(trial).reason == MISSING for trial in asked.values())
        return f"PyTorch's own layers are used: {MISSING}." if missing else None

    def _states(self) -> dict[str, State]:
        return self.store.states([trial.key for trial in self.trials])

    def _planned(self) -> PlannedStudy:
        """Return the plan that the store holds, if it is still right: making a new one takes torch and time.

        Questions are outside a study's digest: those that are asked now are its own from now on; none change nothing.
        """
        stored = self.store.study_by_digest(self.study.digest)
        if stored is not None and [trial.key for trial in stored.trials] == [trial.key for trial in self.planned]:
            asked = self.study.model_dump()["questions"]
            return replace(stored, spec={**stored.spec, "questions": asked}) if asked else stored
        for text in changes(() if stored is None else stored.trials, self.planned):
            self.observer.note(text)
        return plan(self.study, self.planned)

    def _calibrate(self, missing: list[Trial]) -> Calibration:
        if not missing:
            return Calibration()
        future = self.executor.submit(calibrate, samples(missing, self.plugins), Channel(lambda message: None))
        while not self.stop:
            if not wait([future], TICK).done:
                continue
            error = future.exception()
            if error is None:
                return future.result()
            self.observer.note(f"No estimate of the time: {type(error).__name__}: {error}")
            break
        return Calibration()

    def _submit(self) -> None:
        """Give the next trials to the free workers."""
        while len(self.schedule) and len(self.active) < self.slots and not self.stop:
            self._begin(self.schedule.next())

    def _begin(self, trial: Trial) -> None:
        slot = min(set(range(self.executor.slots)) - {active.slot for active in self.active.values()})
        active = _Active(trial, slot, Channel(lambda message: self._take(active, message)))
        order = replace(self._order(trial), keep=self._keeps(trial))
        self.active[trial.key] = active
        self.store.claim(trial.key)
        self.observer.started(slot, trial)
        active.future = self.executor.submit(work, order, active.channel)
        active.future.add_done_callback(lambda _: self.inbox.put(None))

    def _order(self, trial: Trial) -> Order:
        """Return what a worker needs to train a trial: from its own checkpoint, from a shorter training, or anew."""
        before = self.shorter.get(trial.key)
        try:
            stored, origin = self.store.checkpoint(trial.key), ""
            if stored is None and before is not None and goes_on(trial, self.shorter):
                stored, origin = self.store.checkpoint(before.key), str(before)
            if stored is None:
                return Order(trial, plugins=self.plugins)
            checkpoint = Checkpoint(stored.tensors, stored.position)
            if origin and before is not None:
                checkpoint = checkpoint.passed_on(before.key, trial.key)
        except (DamagedError, CheckpointError) as error:
            self.observer.note(f"{trial} starts afresh: {error}")
            return Order(trial, plugins=self.plugins)
        numerics = {name: str(value) for name, value in stored.numerics.items()}
        return Order(trial, checkpoint, numerics, self.plugins, origin)

    def _keeps(self, trial: Trial) -> bool:
        """Whether the last state of a trial is kept when it is complete: where one with more epochs could go on."""
        return self.keep_state and not why_anew(trial)

    def _take(self, active: _Active, message: object) -> None:
        """Take a worker's message: at once from an inline executor, in the main loop from any other."""
        if threading.get_ident() != self.thread:
            self.inbox.put((active, message))
            return
        try:
            self._handle(active, message)
        except BaseException as error:
            self.broken = error
            raise
        if self.stop:
            active.channel.stop()

    def _receive(self) -> None:
        """Handle what has come, after waiting for it a little."""
        try:
            item = self.inbox.get(timeout=TICK)
            while True:
                if item is not None:
                    self._handle(*item)
                item = self.inbox.get_nowait()
        except queue.Empty:
            return

    def _handle(self, active: _Active, message: object) -> None:
        trial = active.trial
        if isinstance(message, Report):
            active.reported = True
            self.schedule.report(trial, message)
            self.observer.progressed(active.slot, trial, message.share, message.epoch, message.loss)
        elif isinstance(message, Resumable):
            self._keep(trial, message)
        elif isinstance(message, Note):
            if message.aloud:
                self.observer.note(message.text)
            self.store.event("note", message.text, trial=trial.key)
        self._advance()

    def _keep(self, trial: Trial, message: Resumable) -> None:
        frozen = message.checkpoint
        try:
            self.store.save_checkpoint(trial.key, frozen.tensors, frozen.position, message.numerics)
        except StoreLimitError as error:
            self.observer.note(f"{trial} continues without a checkpoint: {error}")

    def _collect(self) -> None:
        """Store what has ended. All messages of a worker are in the inbox before its future is done."""
        for active in list(self.active.values()):
            future = active.future
            if future is None or not future.done():
                continue
            self._receive_rest()
            error = future.exception()
            if self.broken is not None:  # the store or the screen, in the thread of an inline executor
                raise self.broken
            if isinstance(error, WorkerDiedError):
                self._died(active, error)
            elif isinstance(error, WorkerStartError):
                self._not_begun(active, error)
            elif error is not None:
                self._fail(active, Outcome({}, {}, error=described(error)))
            elif future.result().result is not None:
                self._complete(active, future.result())
            elif future.result().error is not None:
                self._fail(active, future.result())
            else:
                self.store.release(active.trial.key, "stopped")
                self.schedule.again(active.trial)
            del self.active[active.trial.key]

    def _receive_rest(self) -> None:
        while not self.inbox.empty():
            item = self.inbox.get_nowait()
            if item is not None:
                self._handle(*item)

    def _complete(self, active: _Active, outcome: Outcome) -> None:
        written = self.record.complete(active.trial.key, outcome, self._keeps(active.trial))
        self.schedule.end(active.trial)
        if written.result is None:
            self.observer.failed(active.slot, active.trial, written.error or {})
        else:
            self.observer.completed(active.slot, active.trial, written.result.metrics, written.result.seconds)

    def _fail(self, active: _Active, outcome: Outcome) -> None:
        self.record.fail(active.trial.key, outcome)
        self.schedule.end(active.trial)
        self.observer.failed(active.slot, active.trial, outcome.error or {})

    def _not_begun(self, active: _Active, error: WorkerStartError) -> None:
        """Go on with one worker less, which is no fault of the trial; where none is left, the error ends the run."""
        self.store.release(active.trial.key, str(error))
        self.schedule.again(active.trial)
        self.slots -= 1
        if self.slots < 1:
            raise error
        if not self.lacking:
            self.observer.note(f"Going on with fewer workers: {error}")
        self.lacking = True

    def _died(self, active: _Active, error: WorkerDiedError) -> None:
        key = active.trial.key
        if self.stop:
            self.store.release(key, str(error))
            self.schedule.again(active.trial)
            return
        self.deaths[key] += 1
        if self.deaths[key] >= ATTEMPTS:
            self._fail(active, Outcome({}, {}, error=described(error)))
            return
        self.store.release(key, str(error))
        self.schedule.again(active.trial)
        self.observer.note(f"{active.trial} is begun again ({self.deaths[key] + 1} of {ATTEMPTS}): {error}")

    def _advance(self) -> None:
        now = time.monotonic()
        if now - self.looked >= LOOK:
            self.looked = now
            self.store.look()
        if self.stop and self.told is None:
            self.told = now
            self.observer.stopping()
            for active in self.active.values():
                active.channel.stop()
        if now - self.advanced >= 1.0:
            self.advanced = now
            self.observer.advanced(self.schedule.share_done(), self.schedule.seconds_left())

    def _patient(self) -> bool:
        """Whether to wait on: workers that have not trained yet have nothing to hand in."""
        waited = time.monotonic() - (self.told or time.monotonic())
        return waited < (GRACE if any(active.reported for active in self.active.values()) else NOTHING_TO_LOSE)
