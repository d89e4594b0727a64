"""What a run would take, without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unroll import registry
from unroll.defaults import MAX_TRIALS, STORE
from unroll.executors import Channel
from unroll.running.calibration import Calibration, calibrate, samples
from unroll.running.planning import check, plan
from unroll.running.schedule import Schedule
from unroll.running.shards import Part
from unroll.running.sizes import disk_bytes, memory_bytes, usable_cores
from unroll.running.work import registered_plugins
from unroll.store import State, Store
from unroll.study import Study


@dataclass(frozen=True)
class Foresight:
    """What a run would take.

    ``trials`` in all, ``complete`` and ``failed`` in the store already; ``parameters`` of the smallest and the largest
    network; ``seconds`` expected for what is missing; ``memory`` and ``disk`` in bytes, of all workers together and of
    all results that are missing.
    """

    trials: int
    complete: int
    failed: int
    parameters: tuple[int, int]
    seconds: float
    memory: int
    disk: int
    workers: int


def foresee(
    study: Study,
    store: str | Path = STORE,
    *,
    executor: str = "processes",
    workers: int | None = None,
    max_trials: int = MAX_TRIALS,
    part: Part | None = None,
) -> Foresight:
    """Say what a study, or the ``part`` of it, would take.

    Checks and plans it, measures for about two seconds how fast this machine trains, and writes nothing.
    """
    trials = check(study, max_trials)
    if part is not None:
        trials = tuple(part(trials))
    planned = {trial.key: trial for trial in plan(study, trials).trials}
    states: dict[str, State] = {}
    if Path(store).exists():
        with Store.open(store) as opened:
            states = opened.states(list(planned))
    missing = [trial for trial in trials if states.get(trial.key, State.waiting) in (State.waiting, State.running)]
    calibration = Calibration()
    with registry.executors.load(executor)(workers or usable_cores()) as runner:
        slots = min(runner.slots, max(1, len(missing)))
        if missing:
            wanted = samples(missing, registered_plugins())
            calibration = runner.submit(calibrate, wanted, Channel(lambda message: None)).result()
    memory = sorted(memory_bytes(trial, planned[trial.key].parameters) for trial in missing)
    counts = [trial.parameters for trial in planned.values()]
    return Foresight(
        trials=len(trials),
        complete=sum(state is State.complete for state in states.values()),
        failed=sum(state is State.failed for state in states.values()),
        parameters=(min(counts), max(counts)),
        seconds=Schedule(missing, calibration, slots).seconds_left(),
        memory=sum(memory[-slots:]),
        disk=sum(disk_bytes(trial, planned[trial.key].parameters) for trial in missing),
        workers=slots,
    )
