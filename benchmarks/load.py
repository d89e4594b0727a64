"""How much a coordinator and its store bear: a simulated executor answers as fast as it can.

Run: python -m benchmarks.load [--conditions 1000] [--seeds 100]

Everything but the trainings is real: planning, the main loop, the store, what is shown and reported afterwards. A
result is of 8 kB, as small trainings have it: what takes the coordinator longer is stored faster by the byte.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from unroll import registry
from unroll.executors import Channel, Executor
from unroll.running import execute
from unroll.running.calibration import Calibration, Samples, calibrate, shape
from unroll.running.messages import Batch, Outcome, Said, Start
from unroll.study import Study, Trial
from unroll.training import Result

EPOCHS, UPDATES = 2, 700
NUMERICS = {"cpu": "simulated"}


class Simulated(Executor):
    """Takes no time: every trial is complete when it is asked for. Its loss is noise around a share of the length."""

    def __init__(self, workers: int | None = None):
        self.slots = workers or 64
        self._given: SimpleQueue[tuple[Callable[..., Any], Any, Channel, Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[..., Any], item: Any, channel: Channel) -> Future[Any]:
        """See Executor."""
        future: Future[Any] = Future()
        self._given.put((call, item, channel, future))
        return future

    def shutdown(self, *, now: bool = False) -> None:
        """See Executor."""
        self._given.put(None)
        self._thread.join()

    def describe(self) -> str:
        """See Executor."""
        return f"{self.slots} simulated workers"

    def _answer(self) -> None:
        noise = np.random.default_rng(1)
        number = 0
        while (given := self._given.get()) is not None:
            call, item, channel, future = given
            if call is calibrate:
                future.set_result(measured(item))
                continue
            number += 1
            batch: Batch = channel.ask(Start(str(number)))
            for order in batch.orders:
                channel.send(Said(str(number), order.trial.key, done(order.trial, noise)))
            future.set_result(True)


def measured(wanted: Samples) -> Calibration:
    """Return a calibration by which updates take hardly any time."""
    return Calibration({shape(trial): [(trial.length, 1e-5)] for trial, *_ in wanted.cohorts})


def done(trial: Trial, noise: np.random.Generator) -> Outcome:
    """Return how a simulated training ends."""
    return Outcome(NUMERICS, {"host": "none"}, result(trial.length, noise))


def result(length: int, noise: np.random.Generator) -> Result:
    """Return a result of 8 kB."""
    loss = np.float32(length / 1000 * (1 + 0.1 * noise.random()))
    updates = np.linspace(0.2, loss, UPDATES, dtype=np.float32)
    epochs = np.full(EPOCHS, loss, dtype=np.float32)
    seconds = np.full(EPOCHS, 0.1, dtype=np.float32)
    metrics = {"test_mse": float(loss), "train_loss": float(loss), "validation_mse": float(loss)}
    return Result(
        {**metrics, "solved": float(loss < 0.01), "seconds_per_epoch": 0.1},
        {
            "loss": updates,
            "grad_norm": updates + 1,
            "train_loss": epochs,
            "seconds": seconds,
            "validation_loss": epochs,
        },
        noise.bytes(2_000),
    )


def study(conditions: int, seeds: int, lengths: tuple[int, ...] = (5, 10, 20, 50, 100)) -> Study:
    """Return a study of so many conditions, a multiple of twice the lengths: two models, and learning rates."""
    rates = [round(1e-4 * (1 + number), 6) for number in range(conditions // (2 * len(lengths)))]
    factors = {"task": ["adding"], "model": ["lstm", "gru"], "length": lengths, "seed": [*range(seeds)]}
    return Study(
        name="load",
        factors={**factors, "train.learning_rate": rates},
        task={"train": 7_000, "validation": 100, "test": 100},
        model={"hidden": 4},
        train={"epochs": EPOCHS, "batch": 20},
    )


def measure(conditions: int, seeds: int, folder: Path) -> dict[str, float]:
    """Run, show and report a study whose trials take no time; return seconds, bytes and rates."""
    registry.executors.register("simulated", Simulated)
    asked, store = study(conditions, seeds), folder / "load.db"
    trials = conditions * seeds
    begin = time.monotonic()
    summary = execute(asked, store, executor="simulated", max_trials=trials)
    ran = time.monotonic() - begin
    if summary.complete != trials:
        raise RuntimeError(f"{summary}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    shown = read("show", folder)
    table = (folder / "show").read_text()
    if sum(f"/{seeds} " in line for line in table.splitlines()) < conditions:
        raise RuntimeError("the table does not show every trial")
    return {
        "trials": trials,
        "seconds": ran,
        "trials a second, with planning": trials / ran,
        "bytes of memory": memory,
        "bytes of the store": sum(path.stat().st_size for path in folder.glob("load.db*")),
        **shown,
        **read("report", folder),
    }


def read(command: str, folder: Path) -> dict[str, float]:
    """Run ``unroll show`` or ``unroll report`` of the study; return its seconds, and those of processors."""
    words = [sys.executable, "-c", "from unroll.cli.main import main; main()", command, "load", "--store", "load.db"]
    words += ["--out", "page.html"] if command == "report" else []
    begin = time.monotonic()
    with (folder / command).open("w") as out, subprocess.Popen(words, cwd=folder, stdout=out) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"unroll {command} failed")
    return {
        f"seconds of {command}": time.monotonic() - begin,
        f"seconds of processors, {command}": used.ru_utime + used.ru_stime,
    }


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unroll-load-", dir=".") as folder:
        print(json.dumps(measure(options.conditions, options.seeds, Path(folder)), indent=2))


if __name__ == "__main__":
    main()
