"""Run whatever is missing of a study: the one place where study, training, store and executors meet."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unroll.defaults import MAX_TRIALS, STORE
from unroll.errors import CheckpointError, DamagedError, StoreError, StoreLimitError, WorkerDiedError, WorkerStartError
from unroll.executors import Channel, Executor
from unroll.executors.cores import usable_cores
from unroll.kernels.pick import MISSING
from unroll.models.resolve import resolve
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.cohorts import memory_needed
from unroll.running.devices import engage, untrained
from unroll.running.failure import described
from unroll.running.fence import Alike, Fence
from unroll.running.fingerprint import surroundings
from unroll.running.inbox import Inbox
from unroll.running.kept import Shorter, begun, goes_on, shorter, told, why_anew
from unroll.running.messages import Batch, Note, Order, Outcome, Report, Resumable, Said
from unroll.running.observer import Observer, Outlook
from unroll.running.planning import check, plan
from unroll.running.record import Record
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import shortage
from unroll.running.steady import Steady
from unroll.running.stopping import Stop, on_signals
from unroll.running.work import registered_plugins, work
from unroll.store import PlannedStudy, State, Store
from unroll.study import Study, Trial
from unroll.study.changed import changes
from unroll.training.checkpoint import Checkpoint
from unroll.wording import measured

ATTEMPTS = 3
"""How often a trial is begun whose worker dies of it."""
LOSSES = 10
"""The same where its worker may have died before it had begun."""
REPORT_SECONDS, REPORT_SECONDS_A_SLOT = 0.2, 0.002
"""How often a worker reports: of a thousand, 500 reports come a second."""
CHECKPOINT_SECONDS, CHECKPOINT_SECONDS_A_SLOT = 30.0, 0.03
"""How often it hands in a checkpoint, of which a store takes about a hundred a second."""
BATCH_SECONDS, BATCH_TRIALS = 5.0, 64
"""How much work a worker is given at once, where trials are short."""
TOGETHER = 50
"""How many messages are written in one transaction, at most."""
UNWATCHED_SECONDS, WAITING_SECONDS = 2.0, 30.0
"""After how long, and how often, is said what a run without any worker waits for."""
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
    executor_options: Mapping[str, Any] = MappingProxyType({}),
    retry_failed: bool = False,
    max_trials: int = MAX_TRIALS,
    part: Part | None = None,
    keep_state: bool = False,
    observer: Observer | None = None,
) -> Summary:
    """Train whatever of a study the store does not hold yet.

    ``trials`` are the study's, where it has been checked already; else it is checked, see ``check``.
    ``executor`` names where trials run; ``workers`` is how many at once (default: one per core, or per GPU; of a
    cluster that is there, all its workers); ``executor_options`` are its own, see its class. Finished
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
        try:
            with stop.insisting():
                engaged = engage(executor, workers, untrained(asked, store, retry_failed), executor_options)
        except KeyboardInterrupt:
            if not stop:
                raise
            return _summary(_stored(asked, store), stop.signal)
        with (
            engaged as runner,
            Store.open(store, write=True, purpose=f"run {study.name}") as opened,
        ):
            return _Run(study, trials, part, opened, runner, stop, observer or Observer(), keep_state).run(retry_failed)


def _summary(states: Mapping[str, State], signal: int | None) -> Summary:
    counts = Counter(states.values())
    return Summary(
        complete=counts[State.complete],
        failed=counts[State.failed],
        waiting=counts[State.waiting] + counts[State.running],
        signal=signal,
        damaged=counts[State.damaged],
    )


def _stored(trials: Sequence[Trial], store: str | Path) -> dict[str, State]:
    """Return the states of trials in a store that need not be there, or know them: they wait."""
    waiting = dict.fromkeys((trial.key for trial in trials), State.waiting)
    if not Path(store).exists():
        return waiting
    with Store.open(store) as opened:
        return waiting | opened.states(list(waiting))


def _named(trials: Sequence[Trial]) -> str:
    """Return the names of a cohort's trials."""
    return f"{trials[0]} and {measured(len(trials) - 1, 'other')} trained with it"


@dataclass(eq=False)
class _Active:
    """Trials by their keys that are with a worker: the first is under way, or all ``together``.

    ``claimed``: of which the store knows that they are under way.
    """

    slot: int
    trials: dict[str, Trial]
    fence: Fence
    together: bool
    channel: Channel = field(init=False)
    future: Future[bool] | None = None
    claimed: set[str] = field(default_factory=set)
    reported: bool = False
    over: bool = False
    late: bool = False

    @property
    def under_way(self) -> list[Trial]:
        """The trials that are trained now, or next."""
        return list(self.trials.values())[: None if self.together else 1]


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
        self.record = Record(store, surroundings(executor))
        self.lost = 0  # workers that cannot be started
        self.slots = 0  # as seen last
        self.lacking: WorkerStartError | None = None
        self.broken: BaseException | None = None
        self.plugins = registered_plugins()
        self.alike = Alike() if executor.same_numerics else None
        self.active: dict[int, _Active] = {}  # by the slot
        self.free: list[int] = []  # slots that were used, a heap
        self.deaths: Counter[str] = Counter()  # by the trial's key, of any kind
        self.deaths_of_it: Counter[str] = Counter()
        self.inbox = Inbox[_Active]()
        self.untold: list[Callable[[], None]] = []  # to the observer, of what is not committed yet
        self.schedule = Schedule((), Calibration(), 1)
        self.thread = threading.get_ident()
        self.told: float | None = None
        self.advanced = self.looked = 0.0
        self.tell_waiting = time.monotonic() + UNWATCHED_SECONDS

    def run(self, retry_failed: bool) -> Summary:
        for notice in (self.store.notice, self.executor.notice, self._slower()):
            if notice:
                self.observer.note(notice)
        done = False
        try:
            self._train_missing(retry_failed)
            done = not self.active
        finally:
            # Whatever still runs was told to stop and did not, or something went wrong here: it is not waited for.
            self.inbox.close()
            self.executor.shutdown(now=bool(self.stop) or not done)
            for active in self.active.values():
                for key in active.claimed:
                    with suppress(StoreError):  # the error that brought us here says more
                        self.store.release(key, "stopped before its next update")
            self.observer.end()
        return _summary(self._states(), self.stop.signal)

    def _train_missing(self, retry_failed: bool) -> None:
        self._plan = self._planned()
        self.store.plan(self._plan)
        states = self._states()
        if retry_failed:
            self.store.retry([key for key, state in states.items() if state is State.failed])
            states = self._states()
        missing = [trial for trial in self.trials if states[trial.key] is State.waiting]
        self.shorter = shorter(self.store, missing)
        for text in told(missing, self.shorter):
            self.observer.note(text)
        self.executor.expect(len(missing))
        cores = usable_cores() if self.executor.here else None
        calibration = self._calibrate(missing)
        workers = min(self.executor.slots, len(missing))
        if self.executor.here:
            self._warn(missing, workers)
        self.schedule = Schedule(missing, calibration, workers, cores, begun(missing, self.shorter))
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
            self._turn()
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
        stored = self.store.planned(self.study)
        if stored is not None and [trial.key for trial in stored.trials] == [trial.key for trial in self.planned]:
            asked = self.study.model_dump()["questions"]
            return replace(stored, spec={**stored.spec, "questions": asked}) if asked else stored
        for text in changes(() if stored is None else stored.trials, self.planned):
            self.observer.note(text)
        return plan(self.study, self.planned)

    def _warn(self, missing: list[Trial], workers: int) -> None:
        """Say where those trials that may run at once on this machine need more memory together than there is."""
        if not self.executor.here:
            return
        counts = {planned.key: planned.parameters for planned in self._plan.trials}
        if text := shortage(memory_needed(missing, counts, workers), workers):
            self.observer.note(text)

    def _calibrate(self, missing: list[Trial]) -> Calibration:
        if not missing:
            return Calibration()
        future = self.executor.submit(
            calibrate, samples(missing, self.plugins, self.executor.slots), Channel(lambda message: None)
        )
        while not self.stop:
            if not wait([future], TICK).done:
                self._say_what_is_waited_for()
                continue
            error = future.exception()
            if error is None:
                return future.result()
            self.observer.note(f"No estimate of the time: {type(error).__name__}: {error}")
            break
        return Calibration()

    def _turn(self) -> None:
        """Take what has come, write it and what begins now, give that to workers.

        What is written together is committed before anybody is told of it and before anything is submitted: an inline
        executor trains while it is.
        """
        messages = self.inbox.take(0.0 if self._can_begin() else TICK)
        ended = [active for active in self.active.values() if active.future is not None and active.future.done()]
        if ended:  # all that a worker has sent is in the inbox before its future is done
            messages += self.inbox.take(0.0)
        while len(messages) > TOGETHER:
            with self._together():
                for active, message in messages[:TOGETHER]:
                    self._handle(active, message)
            messages = messages[TOGETHER:]
        with self._together():
            for active, message in messages:
                self._handle(active, message)
            for active in ended:
                self._end(active)
            begun = self._begin()
        for active in begun:
            self._submit(active)
        self._advance()
        if self.lacking is not None and not self.active and self.executor.slots <= self.lost:
            raise self.lacking

    @contextmanager
    def _together(self) -> Iterator[None]:
        with self.store.together():
            yield
        untold, self.untold = self.untold, []
        for tell in untold:
            tell()

    def _can_begin(self) -> bool:
        return bool(self.schedule) and len(self.active) < self.executor.slots - self.lost and not self.stop

    def _begin(self) -> list[_Active]:
        """Choose what the free workers do next."""
        begun = []
        while self._can_begin():
            cohort = self.schedule.cohort()
            trials = cohort or self.schedule.batch(BATCH_SECONDS, BATCH_TRIALS)
            slots = self.executor.slots
            batch = Batch(
                tuple(map(self._order, trials)),
                max(REPORT_SECONDS, REPORT_SECONDS_A_SLOT * slots),
                max(CHECKPOINT_SECONDS, CHECKPOINT_SECONDS_A_SLOT * slots * max(1, len(cohort))),
                self.plugins,
                together=bool(cohort),
            )
            slot = heapq.heappop(self.free) if self.free else len(self.active)
            waiting = {trial.key: trial for trial in trials}
            active = self.active[slot] = _Active(slot, waiting, Fence(batch, self.alike), batch.together)
            active.channel = Channel(partial(self._take, active), active.fence.answer)
            self._claim_next(active)
            begun.append(active)
        return begun

    def _submit(self, active: _Active) -> None:
        active.future = self.executor.submit(work, None, active.channel)
        active.future.add_done_callback(lambda _: self.inbox.wake())

    def _claim_next(self, active: _Active) -> None:
        for trial in active.under_way:
            self._claim(active, trial)

    def _claim(self, active: _Active, trial: Trial) -> None:
        """Write that a trial is under way."""
        if trial.key in active.claimed:
            return
        self.store.claim(trial.key)
        active.claimed.add(trial.key)
        active.reported = active.together and active.reported
        self.untold.append(lambda: self.observer.started(active.slot, trial))

    def _order(self, trial: Trial) -> Order:
        """Return what a worker needs to train a trial: from its own checkpoint, from a shorter training, or anew."""
        before, keep = self.shorter.get(trial.key), self._keeps(trial)
        try:
            stored, origin = self.store.checkpoint(trial.key), ""
            if stored is None and before is not None and goes_on(trial, self.shorter):
                stored, origin = self.store.checkpoint(before.key), str(before)
            if stored is None:
                return Order(trial, keep=keep)
            checkpoint = Checkpoint(stored.tensors, stored.position)
            if origin and before is not None:
                checkpoint = checkpoint.passed_on(before.key, trial.key)
        except (DamagedError, CheckpointError) as error:
            self.observer.note(f"{trial} starts afresh: {error}")
            return Order(trial, keep=keep)
        return Order(trial, checkpoint, {name: str(value) for name, value in stored.numerics.items()}, origin, keep)

    def _keeps(self, trial: Trial) -> bool:
        """Whether the last state of a trial is kept when it is complete: where one with more epochs could go on."""
        return self.keep_state and not why_anew(trial)

    def _take(self, active: _Active, message: object) -> None:
        """Take a worker's message: at once from an inline executor, in the main loop from any other."""
        assert isinstance(message, Said)  # noqa: S101 - a worker sends nothing else
        if threading.get_ident() != self.thread:
            self.inbox.put(active, message)
            return
        try:
            with self._together():
                self._handle(active, message)
            self._advance()
        except BaseException as error:
            self.broken = error
            raise

    def _handle(self, active: _Active, said: Said) -> None:
        if active.over or not active.fence.passes(said):
            self._too_late(active, said)
            return
        trial, content = active.trials[said.key], said.content
        self._claim(active, trial)
        if isinstance(content, Report):
            active.reported = True
            self.schedule.report(trial, content)
            done = content.share, content.epoch, content.loss
            self.untold.append(lambda: self.observer.progressed(active.slot, trial, *done))
        elif isinstance(content, Resumable):
            self._keep(trial, content)
        elif isinstance(content, Note):
            if content.aloud:
                self.observer.note(content.text)
            self.store.event("note", content.text, trial=trial.key)
        else:
            self._settle(active, trial, content)

    def _keep(self, trial: Trial, message: Resumable) -> None:
        frozen = message.checkpoint
        try:
            self.store.save_checkpoint(trial.key, frozen.tensors, frozen.position, message.numerics)
        except StoreLimitError as error:
            self.observer.note(f"{trial} continues without a checkpoint: {error}")

    def _settle(self, active: _Active, trial: Trial, outcome: Outcome) -> None:
        """Store how a trial that was under way has ended; the next of its batch is under way."""
        del active.trials[trial.key]
        active.claimed.discard(trial.key)
        if outcome.result is not None:
            self._complete(active.slot, trial, outcome)
        elif outcome.error is not None:
            self._fail(active.slot, trial, outcome)
        else:
            self._release(active.slot, trial, "stopped")
            self.schedule.again(trial)
        if active.trials and not self.stop:
            self._claim_next(active)

    def _end(self, active: _Active) -> None:
        """Take note that a worker is done with a batch; what is left of it waits again."""
        future = active.future
        assert future is not None  # noqa: S101 - who calls has seen it end
        error = future.exception()
        if self.broken is not None:  # the store or the screen, in the thread of an inline executor
            raise self.broken
        del self.active[active.slot]
        heapq.heappush(self.free, active.slot)
        active.over = True
        if error is None and not future.result():
            error = WorkerDiedError(
                "Its worker was lost: the same work was about to start a second time, on another one."
            )
        if error is None or not active.trials or (isinstance(error, WorkerDiedError) and self.stop):
            self._put_back(active, str(error or "stopped"))
        elif isinstance(error, WorkerDiedError):
            self._died(active, error)
        elif isinstance(error, WorkerStartError):
            self._not_begun(active, error)
        else:
            self._give_up(active, error)

    def _put_back(self, active: _Active, reason: str) -> None:
        for key in active.claimed:
            self._release(active.slot, active.trials[key], reason)
        for trial in reversed(active.trials.values()):
            self.schedule.again(trial)
        active.claimed.clear()
        active.trials.clear()

    def _release(self, slot: int, trial: Trial, reason: str) -> None:
        """Write that a trial is not under way any more, and waits."""
        self.store.release(trial.key, reason)
        self.untold.append(lambda: self.observer.put_back(slot, trial))

    def _give_up(self, active: _Active, error: BaseException) -> None:
        """Fail the trial that was under way; the others wait again. Of several nobody knows which: all wait, apart."""
        trials = active.under_way
        if len(trials) > 1:
            self.schedule.part(trials)
            self.observer.note(f"{_named(trials)} are begun again, one by one: {error}")
            self._put_back(active, str(error))
            return
        (trial,) = trials
        self._claim(active, trial)
        active.claimed.discard(trial.key)
        del active.trials[trial.key]
        self._fail(active.slot, trial, Outcome({}, {}, error=described(error)))
        self._put_back(active, "")

    def _complete(self, slot: int, trial: Trial, outcome: Outcome) -> None:
        written = self.record.complete(trial.key, outcome, self._keeps(trial))
        self.schedule.end(trial)
        result = written.result
        if result is None:
            self.untold.append(lambda: self.observer.failed(slot, trial, written.error or {}))
        else:
            self.untold.append(lambda: self.observer.completed(slot, trial, result.metrics, result.seconds))

    def _fail(self, slot: int, trial: Trial, outcome: Outcome) -> None:
        self.record.fail(trial.key, outcome)
        self.schedule.end(trial)
        self.untold.append(lambda: self.observer.failed(slot, trial, outcome.error or {}))

    def _not_begun(self, active: _Active, error: WorkerStartError) -> None:
        """Go on with one worker less, which is no fault of the trial; where none is left, the error ends the run."""
        self._put_back(active, str(error))
        self.lost += 1
        if self.lacking is None and self.lost < self.executor.slots:
            self.observer.note(f"Going on with fewer workers: {error}")
        self.lacking = error

    def _died(self, active: _Active, error: WorkerDiedError) -> None:
        """Begin the trial again that was under way, unless its workers die of it or too many do of whatever."""
        for trial in active.under_way:
            self.deaths[trial.key] += 1
            self.deaths_of_it[trial.key] += active.fence.start is not None
        trial = active.under_way[0]
        times, of_it = self.deaths[trial.key], self.deaths_of_it[trial.key]
        if len(active.under_way) > 1 or of_it >= ATTEMPTS or times >= LOSSES:
            self._give_up(active, error)
            return
        self._put_back(active, str(error))
        count = f"{of_it + 1} of {ATTEMPTS}" if of_it else f"{times + 1} of {LOSSES}"
        self.observer.note(f"{trial} is begun again ({count}): {error}")

    def _too_late(self, active: _Active, said: Said) -> None:
        """Take nothing from a worker that was given up; say so once, and where it contradicts what is stored."""
        if not active.late:
            active.late = True
            self.store.event("late", "a worker that was taken for lost has sent something; not taken", trial=said.key)
        content = said.content
        if isinstance(content, Outcome) and content.result is not None:
            stored = self.store.trial(said.key)
            if stored.state is State.complete and stored.digest != content.result.digest:
                text = (
                    f"Trial {said.key[:12]} came to two results: the stored one has the digest {stored.digest}, and a "
                    f"worker that was taken for lost has found {content.result.digest}. The first stays. See whether "
                    "machines differ (unroll doctor there), or train it again: unroll doctor --verify --sample 3."
                )
                self.store.event("contradiction", text, trial=said.key)
                self.observer.note(text)

    def _advance(self) -> None:
        now = time.monotonic()
        if now - self.looked >= LOOK:
            self.looked = now
            self.store.look()
        if self.stop and self.told is None:
            self.told = now
            self.observer.stopping()
        if self.stop:
            for active in self.active.values():
                active.channel.stop()
        if now - self.advanced >= 1.0:
            self.advanced = now
            self.schedule.staff(self.executor.slots)
            self.executor.expect(len(self.schedule) + len(self.active))
            if not self.executor.here:  # workers come and go
                self.record = replace(self.record, around=surroundings(self.executor))
            self.observer.advanced(self.schedule.share_done(), self.schedule.seconds_left())
        self._say_what_is_waited_for()

    def _say_what_is_waited_for(self) -> None:
        now = time.monotonic()
        for text in self.executor.news():
            self.observer.note(text)
        slots, before = self.executor.slots, self.slots
        self.slots = slots
        gone = max(0, before - slots)
        self.lost = max(0, self.lost - gone)  # if good ones have left, those that cannot start say so again
        if slots:
            self.tell_waiting = now + UNWATCHED_SECONDS
            return
        self.lost, self.lacking = 0, None  # those that come now are others
        if now >= self.tell_waiting:
            self.tell_waiting = now + WAITING_SECONDS
            why = self.executor.waiting()
            self.observer.note(f"Waiting for the first worker{f' ({why})' if why else ''}.")

    def _patient(self) -> bool:
        """Whether to wait on: workers that have not trained yet have nothing to hand in."""
        waited = time.monotonic() - (self.told or time.monotonic())
        return waited < (GRACE if any(active.reported for active in self.active.values()) else NOTHING_TO_LOSE)
