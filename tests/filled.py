"""Any study in a store, with results drawn at random in place of training: what tables and labels are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unroll import registry
from unroll.measures.horizons.table import REGIMES
from unroll.reading import Results
from unroll.store import PlannedStudy, PlannedTrial, State, Store
from unroll.study import Study, Trial, expand
from unroll.testing.stores import digest_of

STEPS, HORIZON = 8, 32


def filled(path: Path, study: Study, *, complete: bool = True, seed: int = 1) -> Results:
    """Return the results of a study; without ``complete`` every third trial waits."""
    trials = expand(study)
    rng = np.random.default_rng(seed)
    with Store.open(path, write=True) as store:
        store.plan(planned(study, trials))
        states = store.states([trial.key for trial in trials])
        for place, trial in enumerate(trials):
            if states[trial.key] is State.waiting and (complete or place % 3):
                _finish(store, trial, rng)
    return Results(study, path)


def planned(study: Study, trials: tuple[Trial, ...]) -> PlannedStudy:
    """Return a study as the store keeps it; of its plug-ins only tasks are asked, for their variant."""
    return PlannedStudy(
        digest=study.digest,
        name=study.name,
        question=study.question,
        spec=study.model_dump(),
        overrides=(),
        plugins={"task": {}, "model": {}},
        trials=tuple(
            PlannedTrial(
                key=trial.key,
                condition=trial.condition,
                task=trial.task,
                model=trial.model,
                length=trial.length,
                seed=trial.seed,
                protocol=trial.protocol,
                spec=trial.spec,
                parameters=4417,
                baseline=1 / 6,
                solved_metric="test_mse",
                solved_below=0.01,
                notes=registry.tasks.make(trial.task, trial.task_settings).notes,
            )
            for trial in trials
        ),
    )


def _finish(store: Store, trial: Trial, rng: np.random.Generator) -> None:
    def drawn(count: int = 1) -> np.ndarray:
        return np.exp(rng.uniform(math.log(1e-9), math.log(1e5), count))

    metrics: dict[str, float] = {
        "test_mse": float(drawn()[0]),
        "seconds_per_epoch": float(drawn()[0]),
        "train_loss": 1.0,
    }
    metrics["solved"] = float(metrics["test_mse"] < 0.01)
    histories: dict[str, np.ndarray] = {"train_loss": drawn(3)}
    axes = {"train_loss": "epoch"}
    if trial.generate is not None:
        task = registry.tasks.make(trial.task, trial.task_settings)
        horizon = HORIZON if task.readout == "every" else 1
        found = {"continuation": drawn(STEPS), "truth": np.arange(STEPS) * 1e3, "relative_error": drawn(STEPS)}
        for regime in REGIMES:
            found |= {
                f"{name}_{regime}": drawn(horizon) for name in ("relative_error", "absolute_error", "one_step_error")
            }
            metrics[f"n_{regime}"] = 200.0
        histories |= found
        axes |= dict.fromkeys(found, "horizon")
        metrics |= {"relative_error_8": float(drawn()[0]), "one_step_relative_error_within": float(drawn()[0])}
        metrics |= {"train_inputs": 1234.0, "test_inputs": 567.0, "test_seen": 0.25, "output_ceiling": 45.5}
    _store(store, trial.key, metrics, histories, axes)


def _store(
    store: Store, key: str, metrics: Mapping[str, float], histories: Mapping[str, Any], axes: Mapping[str, str]
) -> None:
    store.claim(key)
    store.finish(
        key,
        metrics=metrics,
        histories=histories,
        axes=axes,
        parameters=bytes(40),
        fingerprint={"numerics": {}, "circumstances": {}},
        digest=digest_of({"metrics": metrics, "histories": histories}),
        seconds=2.0,
    )
