"""What a run would take, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unroll import registry
from unroll.defaults import MAX_TRIALS, STORE
from unroll.executors import Channel
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.kept import begun, shorter, why_anew
from unroll.running.planning import check, plan
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import checkpoint_bytes, disk_bytes, memory_bytes, usable_cores
from unroll.running.work import registered_plugins
from unroll.store import State, Store
from unroll.study import Study, Trial


@dataclass(frozen=True)
class Foresight:
    """What a run would take.

    ``trials`` in all, ``complete`` and ``failed`` in the store already; ``parameters`` of the smallest and the largest
    network; ``seconds`` expected for what is missing, None where nothing could be measured; ``memory`` and ``disk`` in
    bytes, of all workers together and of all results that are missing. ``kept_state``: bytes of the states that are
    kept beside them, 0 unless that was asked for; ``going_on``: how many trials start from such a state. ``cores``
    that the ``workers`` may use: more workers than cores share them, and the time knows it.
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


def foresee(
    study: Study,
    store: str | Path = STORE,
    *,
    trials: tuple[Trial, ...] | None = None,
    executor: str = "processes",
    workers: int | None = None,
    max_trials: int = MAX_TRIALS,
    retry_failed: bool = False,
    part: Part | None = None,
    keep_state: bool = False,
) -> Foresight:
    """Say what a study, or the ``part`` of it, would take; with ``retry_failed``, its failed trials among the rest.

    ``trials`` and ``keep_state`` as in ``execute``.

    Checks and plans it, measures for about two seconds how fast this machine trains, and writes nothing.
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
    calibration = Calibration()
    with registry.executors.load(executor)(workers or usable_cores()) as runner:
        slots = min(runner.slots, max(1, len(missing)))
        if missing:
            wanted = samples(missing, registered_plugins())
            measured = runner.submit(calibrate, wanted, Channel(lambda message: None))
            if measured.exception() is None:  # else nothing is known of the time
                calibration = measured.result()
    memory = sorted(memory_bytes(trial, planned[trial.key].parameters) for trial in missing)
    counts = [trial.parameters for trial in planned.values()]
    return Foresight(
        trials=len(trials),
        complete=sum(state is State.complete for state in states.values()),
        failed=sum(state is State.failed for state in states.values()),
        parameters=(min(counts, default=0), max(counts, default=0)),
        seconds=Schedule(missing, calibration, slots, usable_cores(), behind).seconds_left(),
        memory=sum(memory[-slots:]),
        disk=sum(disk_bytes(trial, planned[trial.key].parameters) for trial in missing),
        workers=slots,
        kept_state=sum(
            checkpoint_bytes(trial, planned[trial.key].parameters)
            for trial in missing
            if keep_state and not why_anew(trial)
        ),
        going_on=len(behind),
        cores=usable_cores(),
    )
