"""Whether the device that trials ask for is there, asked where they are to run, and how many workers that makes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unroll import registry
from unroll.errors import DeviceError, ExecutorError, Problem, StudyError
from unroll.executors import Channel, Executor
from unroll.executors.options import checked
from unroll.running.calibration import Samples, calibrate
from unroll.running.kept import is_fitted
from unroll.store import State, Store
from unroll.study import Study, Trial, expand
from unroll.training.devices import present
from unroll.wording import are, listed


@dataclass(frozen=True)
class Devices:
    """The names of the devices of a kind that a worker found, or why there are none."""

    names: tuple[str, ...]
    absent: str = ""


def look(kind: str, channel: Channel) -> Devices:
    """Return the devices of a kind, such as "cuda", that there are where this is called."""
    try:
        return Devices(present(kind))
    except DeviceError as error:
        return Devices((), str(error))


@dataclass(frozen=True)
class Gain:
    """Seconds of one update of the LSTM on the adding problem, on a GPU and on one core, at these sizes."""

    length: int
    hidden: int
    batch: int
    there: float
    here: float


def gains(kind: str) -> list[Gain]:
    """Return what a GPU that is there brings, measured at the sizes of the shipped studies and at larger ones.

    What could not be measured, such as for a lack of memory, is left out.
    """
    found = []
    for hidden, batch in ((64, 64), (256, 256)):
        factors = {"task": ["adding"], "model": ["lstm"], "length": [100], "seed": [1]}
        settings = {"task": {"train": 2 * batch}, "model": {"hidden": hidden}}
        study = Study(name="gain", factors=factors, train={"batch": batch, "device": kind}, **settings)
        (there,) = expand(study)
        here = there.replace(train=there.train.model_copy(update={"device": "cpu"}))
        seconds = [_seconds(trial) for trial in (there, here)]
        if not any(map(math.isnan, seconds)):
            found.append(Gain(100, hidden, batch, *seconds))
    return found


def _seconds(trial: Trial) -> float:
    measured = calibrate(Samples(((trial,),), {}), Channel(lambda message: None))
    return measured.update_seconds(trial) if measured.points else math.nan


def asked_for(trials: Sequence[Trial]) -> str:
    """Return the device that trials train on, which is one; of those that are all fitted, or of none, the CPU."""
    return next((t.train.device for t in trials if t.train.device != "cpu" and not is_fitted(t)), "cpu")


def engage(
    executor: str, workers: int | None, trials: Sequence[Trial], options: Mapping[str, Any] = MappingProxyType({})
) -> Executor:
    """Return an executor for trials, with ``workers``; without, one a core, or one a GPU where they train on those.

    On a GPU of this machine a worker is asked first; elsewhere each worker has a GPU of its own, or fails its trial.
    Raises StudyError where there is none, ExecutorError for more workers than GPUs, and where ``options`` are not those
    of the executor.
    """
    form: type[Executor] = registry.executors.load(executor)
    given = checked(form.options, options, executor).model_dump(exclude_unset=True)
    kind = asked_for(trials)
    runner = form(workers if kind == "cpu" else workers or 1, **given)
    if kind == "cpu" or not runner.here:
        return runner
    try:
        found = runner.submit(look, kind, Channel(lambda message: None)).result()
        if found.absent:
            raise StudyError(
                [
                    Problem(
                        f'trials are to train on "{kind}". {found.absent} Or train on the CPU: --set train.device=cpu',
                        "train.device",
                    )
                ]
            )
        count = len(found.names)
        if runner.slots > count:
            raise ExecutorError(
                f'Cannot train on "{kind}" with {runner.slots:,} workers: each has a GPU of its own, and '
                f"{are(count, 'GPU')} there ({listed(found.names)}). Ask for {count:,} (--workers {count})."
            )
        if workers is None and count > runner.slots:
            runner.shutdown()
            runner = form(count, **given)
    except BaseException:
        runner.shutdown(now=True)
        raise
    return runner


def untrained(trials: Sequence[Trial], store: str | Path, retry_failed: bool) -> Sequence[Trial]:
    """Return those of some trials that a run would train; of trials of the CPU, which need not be looked at, all."""
    if asked_for(trials) == "cpu" or not Path(store).exists():
        return trials
    settled = {State.complete} if retry_failed else {State.complete, State.failed, State.damaged}
    with Store.open(store) as opened:
        states = opened.states([trial.key for trial in trials])
    return [trial for trial in trials if states.get(trial.key) not in settled]
