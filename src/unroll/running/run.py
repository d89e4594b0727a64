"""The only joint of study, training, store and executors: run a study, whatever of it is missing."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unroll import registry
from unroll.defaults import MAX_TRIALS, STORE
from unroll.errors import StoreError, WorkerDiedError
from unroll.executors import Channel, Executor
from unroll.kernels.pick import MISSING, pick
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.fingerprint import fingerprint
from unroll.running.observer import Observer, Outlook
from unroll.running.planning import check, plan
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import usable_cores
from unroll.running.stopping import Stop, on_signals
from unroll.running.work import Frozen, Note, Order, Outcome, Report, described, registered_plugins, work
from unroll.store import PlannedStudy, State, Store
from unroll.study import Study, Trial
from unroll.training.checkpoint import Checkpoint
from unroll.training.result import axis_of

ATTEMPTS = 3
"""How often a trial is begun whose worker dies."""
GRACE = 10.0
"""Seconds that workers have, after the wish to stop, to end their update and hand in a checkpoint."""
NOTHING_TO_LOSE = 0.6
"""The same for workers that have not reported an update yet."""
TICK = 0.1


@dataclass(frozen=True)
class Summary:
    """How a run ended: trials by state, and the signal that stopped it, if one did."""

    complete: int
    failed: int
    waiting: int
    signal: int | None = None


def execute(
    study: Study,
    store: str | Path = STORE,
    *,
    executor: str = "processes",
    workers: int | None = None,
    retry_failed: bool = False,
    max_trials: int = MAX_TRIALS,
    part: Part | None = None,
    observer: Observer | None = None,
) -> Summary:
    """Train whatever of a study the store does not hold yet.

    ``executor`` names where trials run; ``workers`` is how many at once (default: one a core). Finished trials are
    never run again, those that were interrupted go on from their checkpoints, failed ones are left alone unless
    ``retry_failed``. With ``part``, the whole study is planned, and those of its trials that ``part`` returns are
    trained. The first Ctrl-C or SIGTERM stops the trials at their next update and keeps checkpoints; the second stops
    at once.

    Raises StudyError before anything is trained, StoreHeldError where another run writes to the store, StoreFullError
    where there is no space left; a trial that fails is stored and does not raise.
    """
    stop = Stop()
    with on_signals(stop):
        trials = check(study, max_trials)
        with Store.open(store, write=True, purpose=f"run {study.name}") as opened:
            runner = registry.executors.load(executor)(workers or usable_cores())
            return _Run(study, trials, part, opened, runner, stop, observer or Observer()).run(retry_failed)


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
    ):
        self.study, self.store = study, store
        self.planned = trials
        self.trials = trials if part is None else tuple(part(trials))
        self.executor, self.stop, self.observer = executor, stop, observer
        self.plugins = registered_plugins()
        self.active: dict[str, _Active] = {}  # by the trial's key
        self.deaths: Counter[str] = Counter()
        self.inbox: queue.SimpleQueue[tuple[_Active, object] | None] = queue.SimpleQueue()
        self.schedule = Schedule((), Calibration(), 1)
        self.thread = threading.get_ident()
        self.told: float | None = None
        self.advanced = 0.0

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
        )

    def _train_missing(self, retry_failed: bool) -> None:
        self.store.plan(self._planned())
        states = self._states()
        if retry_failed:
            self.store.retry([key for key, state in states.items() if state is State.failed])
            states = self._states()
        missing = [trial for trial in self.trials if states[trial.key] is State.waiting]
        self.schedule = Schedule(missing, self._calibrate(missing), min(self.executor.slots, len(missing)))
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
        asked = {trial.model for trial in self.trials if trial.train.backend == "auto"}
        reasons = [pick(registry.models.load(model).cell).reason for model in sorted(asked)]
        return f"The reference backend is used: {MISSING}." if MISSING in reasons else None

    def _states(self) -> dict[str, State]:
        return self.store.states([trial.key for trial in self.trials])

    def _planned(self) -> PlannedStudy:
        """Return the plan that the store holds, if it is still right: making a new one takes torch and time."""
        stored = self.store.study_by_digest(self.study.digest)
        if stored is not None and [trial.key for trial in stored.trials] == [trial.key for trial in self.planned]:
            return stored
        return plan(self.study, self.planned)

    def _calibrate(self, missing: list[Trial]) -> Calibration:
        if not missing:
            return Calibration()
        future = self.executor.submit(calibrate, samples(missing, self.plugins), Channel(lambda message: None))
        while not self.stop:
            try:
                return future.result(timeout=TICK)
            except TimeoutError:
                continue
            except WorkerDiedError as error:
                self.observer.note(f"No estimate of the time: {error}")
                break
        return Calibration()

    def _submit(self) -> None:
        """Give the next trials to the free workers."""
        while len(self.schedule) and len(self.active) < self.executor.slots and not self.stop:
            self._begin(self.schedule.next())

    def _begin(self, trial: Trial) -> None:
        slot = min(set(range(self.executor.slots)) - {active.slot for active in self.active.values()})
        active = _Active(trial, slot, Channel(lambda message: self._take(active, message)))
        order = self._order(trial)
        self.active[trial.key] = active
        self.store.claim(trial.key)
        self.observer.started(slot, trial)
        active.future = self.executor.submit(work, order, active.channel)
        active.future.add_done_callback(lambda _: self.inbox.put(None))

    def _order(self, trial: Trial) -> Order:
        stored = self.store.checkpoint(trial.key)
        if stored is None:
            return Order(trial, plugins=self.plugins)
        checkpoint = Checkpoint(stored.tensors, stored.position)
        return Order(trial, checkpoint, {k: str(v) for k, v in stored.numerics.items()}, self.plugins)

    def _take(self, active: _Active, message: object) -> None:
        """Take a worker's message: at once from an inline executor, in the main loop from any other."""
        if threading.get_ident() != self.thread:
            self.inbox.put((active, message))
            return
        self._handle(active, message)
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
        elif isinstance(message, Frozen):
            frozen = message.checkpoint
            self.store.save_checkpoint(trial.key, frozen.tensors, frozen.position, message.numerics)
        elif isinstance(message, Note):
            self.observer.note(message.text)
            self.store.event("note", message.text, trial=trial.key)
        self._advance()

    def _collect(self) -> None:
        """Store what has ended. All messages of a worker are in the inbox before its future is done."""
        for active in list(self.active.values()):
            future = active.future
            if future is None or not future.done():
                continue
            self._receive_rest()
            error = future.exception()
            if isinstance(error, WorkerDiedError):
                self._died(active, error)
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
        result, key = outcome.result, active.trial.key
        assert result is not None  # noqa: S101 - the caller looked
        self.store.finish(
            key,
            metrics=result.metrics,
            histories=result.histories,
            axes={name: axis_of(name) for name in result.histories},
            parameters=result.parameters,
            fingerprint=fingerprint(outcome, self.executor),
            digest=result.digest,
            seconds=result.seconds,
        )
        self.schedule.end(active.trial)
        self.observer.completed(active.slot, active.trial, result.metrics, result.seconds)

    def _fail(self, active: _Active, outcome: Outcome) -> None:
        error = outcome.error or {}
        self.store.fail(
            active.trial.key,
            error=error,
            fingerprint=fingerprint(outcome, self.executor),
            histories=outcome.histories,
            axes={name: axis_of(name) for name in outcome.histories},
        )
        self.schedule.end(active.trial)
        self.observer.failed(active.slot, active.trial, error)

    def _died(self, active: _Active, error: WorkerDiedError) -> None:
        key = active.trial.key
        self.deaths[key] += 1
        if self.deaths[key] >= ATTEMPTS:
            self._fail(active, Outcome({}, {}, error=described(error)))
            return
        self.store.release(key, str(error))
        self.schedule.again(active.trial)
        self.observer.note(f"{active.trial} is begun again ({self.deaths[key] + 1} of {ATTEMPTS}): {error}")

    def _advance(self) -> None:
        now = time.monotonic()
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
