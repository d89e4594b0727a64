"""A store filled by hand: results of a study that nobody had to train, under any names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from unroll.reading import Results
from unroll.store import PlannedStudy, PlannedTrial, Store
from unroll.study import Study
from unroll.study.trial import digest
from unroll.testing.stores import digest_of

BASELINE = 1 / 6
SECONDS = {"tanh_rnn": 0.01, "lstm": 0.02}
FINGERPRINT = {
    "numerics": {"torch": "2.13.0", "backend": "native"},
    "circumstances": {"python": "3.11.7", "host": "secret-machine", "pid": 1, "threads": 1},
}


def loss(model: str, length: int, seed: int) -> float:
    """Return a test MSE: the tanh RNN fails beyond 25 steps, the others never."""
    if model == "tanh_rnn" and length > 25:
        return BASELINE * (1 + 0.01 * seed)
    return 1e-5 * length * (1 + 0.1 * seed)


def stored(
    path: Path,
    *,
    name: str = "by-hand",
    question: str = "Which cells remember?",
    pairs: Iterable[tuple[str, str]] = (("adding", "tanh_rnn"), ("adding", "lstm"), ("adding", "gru")),
    lengths: Iterable[int] = (10, 25, 50),
    seeds: Iterable[int] = (1, 2, 3),
    rates: Iterable[float] = (0.001,),
    state: Callable[[str, int, int], str] = lambda *_: "complete",
    norms: Callable[[str, int, int], Any] = lambda *_: np.linspace(2.0, 0.1, 40),
    result: Callable[[str, int, int], float] = loss,
    epochs: int = 4,
    fingerprint: Mapping[str, Any] = FINGERPRINT,
) -> Results:
    """Return the results of a study; ``state``, ``norms`` and ``result`` are asked with model, length and seed."""
    pairs, lengths, seeds, rates = list(pairs), list(lengths), list(seeds), list(rates)
    varying = {"train.learning_rate": rates} if len(rates) > 1 else {}
    study = Study(
        name=name,
        question=question,
        factors=[
            {"task": [task], "model": [model], "length": lengths, "seed": seeds, **varying} for task, model in pairs
        ],
    )
    trials = [_planned(*pair, *rest) for pair in pairs for rest in product(lengths, seeds, rates)]
    sources = {"sources": ["@misc{" + "x}"]}
    plugins = {"task": {task: sources for task, _ in pairs}, "model": {}}
    with Store.open(path, write=True) as store:
        store.plan(
            PlannedStudy(
                digest=study.digest,
                name=name,
                question=question,
                spec=study.model_dump(),
                overrides=(),
                plugins=plugins,
                trials=tuple(trials),
            )
        )
        for trial in trials:
            facts = trial.model, trial.length, trial.seed
            curve = np.asarray(norms(*facts), dtype=np.float32)
            _fill(store, trial, state(*facts), curve, result(*facts), epochs, fingerprint)
    return Results(study, path)


def _planned(task: str, model: str, length: int, seed: int, rate: float) -> PlannedTrial:
    condition = {"task": task, "model": model, "length": length, "rate": rate}
    settings = {
        "task": {"train": 640, "test": 2000},
        "model": {"hidden": 8},
        "train": {"epochs": 4, "learning_rate": rate, "clip_norm": None},
    }
    return PlannedTrial(
        key=digest({**condition, "seed": seed}),
        condition=digest(condition),
        task=task,
        model=model,
        length=length,
        seed=seed,
        protocol="keyed",
        spec={"settings": settings},
        parameters=100,
        baseline=BASELINE,
        solved_metric="test_mse",
        solved_below=0.01,
        notes="markers anywhere",
    )


def _fill(
    store: Store,
    trial: PlannedTrial,
    state: str,
    norms: np.ndarray,
    mse: float,
    epochs: int,
    fingerprint: Mapping[str, Any],
) -> None:
    if state == "waiting":
        return
    store.claim(trial.key)
    histories = {"grad_norm": norms, "train_loss": np.geomspace(BASELINE, max(mse, 1e-12), epochs)}
    axes = {"grad_norm": "update", "train_loss": "epoch"}
    if state == "failed":
        error = {"type": "DivergedError", "message": "The loss became nan.\nmore", "traceback": "", "epoch": 1}
        store.fail(trial.key, error=error, fingerprint=fingerprint, histories=histories, axes=axes)
        return
    metrics = {
        "test_mse": mse,
        "solved": float(mse < 0.01),
        "train_loss": mse,
        "seconds_per_epoch": SECONDS.get(trial.model, 0.015) * math.sqrt(trial.length),
    }
    if mse < 0.01:
        metrics["updates_to_solve"] = 20.0
    store.finish(
        trial.key,
        metrics=metrics,
        histories=histories,
        axes=axes,
        parameters=b"",
        fingerprint=fingerprint,
        digest=digest_of({"metrics": metrics, "histories": histories}),
        seconds=2.0,
    )
