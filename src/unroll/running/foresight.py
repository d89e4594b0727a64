"""What a run would take, without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unroll.defaults import MAX_TRIALS, STORE
from unroll.executors import Channel, Executor, Processes
from unroll.executors.cores import usable_cores
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.cohorts import memory_needed
from unroll.running.devices import asked_for, engage, look
from unroll.running.judging import judge
from unroll.running.kept import begun, is_fitted, shorter, why_anew
from unroll.running.planning import check, plan
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import checkpoint_bytes, disk_bytes
from unroll.running.work import registered_plugins
from unroll.store import State, Store
from unroll.study import Study, Trial


@dataclass(frozen=True)
class Elsewhere:
    """What the same trials would take on another device: ``seconds`` on so many ``workers``; the devices' names.

    All else is as the study asks for it: so it is what the run takes with nothing but ``train.device`` changed.
    """

    device: str
    names: tuple[str, ...]
    seconds: float | None
    workers: int


@dataclass(frozen=True)
class Foresight:
    """What a run would take.

    ``trials`` in all, ``complete`` and ``failed`` in the store already; ``parameters`` of the smallest and the largest
    network; ``seconds`` expected for what is missing, None where nothing could be measured; ``memory`` and ``disk`` in
    bytes, of all workers together and of all results that are missing. ``kept_state``: bytes of the states that are
    kept beside them, 0 unless that was asked for; ``going_on``: how many trials start from such a state. ``cores``
    that the ``workers`` may use: more workers than cores share them, and the time knows it. ``here``: whether those
    are of this machine. ``device``: where they train; ``elsewhere``: the same on a GPU for trials of the CPU, on the
    CPU for those of a GPU; None where there is no GPU, nothing to be measured, or what the study asks for excludes it.
    ``examining``: the share of the time that measures take when trainings have ended.
    """

    trials: int
    complete: int
    failed: int
    parameters: tuple[int, int]
    seconds: float | None
    memory: int
    disk: int
    workers: int
    kept_state: int
    going_on: int
    cores: int
    here: bool
    device: str
    elsewhere: Elsewhere | None
    examining: float


def foresee(
    study: Study,
    store: str | Path = STORE,
    *,
    trials: tuple[Trial, ...] | None = None,
    executor: str = "processes",
    workers: int | None = None,
    executor_options: Mapping[str, Any] = MappingProxyType({}),
    max_trials: int = MAX_TRIALS,
    retry_failed: bool = False,
    part: Part | None = None,
    keep_state: bool = False,
) -> Foresight:
    """Say what a study, or the ``part`` of it, would take; with ``retry_failed``, its failed trials among the rest.

    ``trials``, ``executor_options`` and ``keep_state`` as in ``execute``.

    Checks and plans it, measures for about two seconds how fast this machine trains (with a GPU, two for each of GPU
    and CPU), also where the workers of another one would have to be waited for, and writes nothing. Raises as
    ``execute`` does where the device is not there.
    """
    trials = check(study, max_trials) if trials is None else trials
    if part is not None:
        trials = tuple(part(trials))
    planned = {trial.key: trial for trial in plan(study, trials).trials}
    states: dict[str, State] = {}
    settled = {State.complete} if retry_failed else {State.complete, State.failed}
    missing, behind = list(trials), dict[str, float]()
    if Path(store).exists():
        with Store.open(store) as opened:
            states = opened.states(list(planned))
            missing = [trial for trial in trials if states.get(trial.key) not in settled]
            behind = begun(missing, shorter(opened, missing))
    with engage(executor, workers, missing, executor_options) as runner:
        here, slots = runner.here, min(max(1, runner.slots, runner.queue), max(1, len(missing)))
        if runner.queue:  # whose workers are not waited for
            with Processes(1) as near:
                calibration, elsewhere = _measured(near, missing, slots), None
        else:
            calibration, elsewhere = _measured(runner, missing, slots), _elsewhere(runner, missing)
    counts = [trial.parameters for trial in planned.values()]
    return Foresight(
        trials=len(trials),
        complete=sum(state is State.complete for state in states.values()),
        failed=sum(state is State.failed for state in states.values()),
        parameters=(min(counts, default=0), max(counts, default=0)),
        seconds=Schedule(missing, calibration, slots, usable_cores() if here else None, behind).seconds_left(),
        memory=memory_needed(missing, {trial.key: planned[trial.key].parameters for trial in missing}, slots),
        disk=sum(disk_bytes(trial, planned[trial.key].parameters) for trial in missing),
        workers=slots,
        kept_state=sum(
            checkpoint_bytes(trial, planned[trial.key].parameters)
            for trial in missing
            if keep_state and not why_anew(trial)
        ),
        going_on=len(behind),
        cores=usable_cores() if here else slots,
        here=here,
        device=asked_for(missing),
        elsewhere=elsewhere,
        examining=_examining(calibration, missing),
    )


def _measured(runner: Executor, trials: list[Trial], workers: int) -> Calibration:
    """Return how long trials take where they run, on so many workers; nothing where that cannot be measured."""
    if not trials:
        return Calibration()
    measured = runner.submit(calibrate, samples(trials, registered_plugins(), workers), Channel(lambda message: None))
    return measured.result() if measured.exception() is None else Calibration()


def _elsewhere(runner: Executor, trials: list[Trial]) -> Elsewhere | None:
    """Return what trials of the CPU would take on a GPU, or trials of a GPU on the CPU: measured, by one worker."""
    updated = [trial for trial in trials if not is_fitted(trial)]
    if not updated:
        return None
    kinds = ("cuda", "mps") if asked_for(updated) == "cpu" else ("cpu",)
    for kind in kinds:
        found = runner.submit(look, kind, Channel(lambda message: None)).result()
        if found.names:
            there = _on(trials, kind)
            if there is None:
                return None
            workers = min(usable_cores() if kind == "cpu" else len(found.names), len(there))
            seconds = Schedule(there, _measured(runner, there, workers), workers, usable_cores()).seconds_left()
            return Elsewhere(kind, found.names, seconds, workers)
    return None


def _on(trials: Sequence[Trial], device: str) -> list[Trial] | None:
    """Return trials with another device and all else as it is; None where one of them could not be run so."""
    try:
        there = [trial.replace(train=trial.train.model_copy(update={"device": device})) for trial in trials]
    except ValueError:  # other settings exclude it
        return None
    conditions = {trial.replace(seed=0) for trial in there}
    return None if any(problem for condition in conditions for problem in judge(condition)) else there


def _examining(calibration: Calibration, missing: Sequence[Trial]) -> float:
    """Return the share of the time that goes to measures when trainings have ended; 0 where nothing is to be run."""
    cost = sum(map(calibration.cost, missing))
    return sum(map(calibration.examination_seconds, missing)) / cost if cost else 0.0
