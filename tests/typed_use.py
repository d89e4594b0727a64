"""What a user writes who has NumPy's and Python's own values at hand. ``make lint`` checks its types, strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import unroll
from unroll.generation import Continuation, Trained


def designed() -> unroll.Study:
    """A study of arrays, ranges and NumPy's numbers."""
    return unroll.Study(
        name="mine",
        factors={
            "task": ["odd_numbers"],
            "model": np.array(["gru", "lstm"]),
            "length": np.array([4, 5]),
            "seed": range(1, 3),
            "train.learning_rate": np.geomspace(1e-3, 1e-2, 2),
        },
        task={"train": np.int32(20), "validation": np.uint8(4), "test": np.int64(4)},
        model={"hidden": np.int64(2)},
        train={"epochs": np.int64(1)},
        generate={"prompt": np.array([1, 3, 5]), "steps": np.int64(2)},
        where=[{"match": {"length": np.int64(5)}, "train": {"clip_norm": np.float64(0.5)}}],
    )


def plainly() -> unroll.Study:
    """The same in Python's own values."""
    return unroll.Study(
        name="mine",
        factors={
            "task": ["odd_numbers"],
            "model": ["gru", "lstm"],
            "length": [4, 5],
            "seed": [1, 2],
            "train.learning_rate": [float(rate) for rate in np.geomspace(1e-3, 1e-2, 2)],
        },
        task={"train": 20, "validation": 4, "test": 4},
        model={"hidden": 2},
        train={"epochs": 1},
        generate={"prompt": [1, 3, 5], "steps": 2},
        where=[{"match": {"length": 5}, "train": {"clip_norm": 0.5}}],
    )


def chosen(study: unroll.Study, store: Path) -> Trained:
    """One of its trained models, by NumPy's numbers."""
    settings = {"train.learning_rate": np.float64(1e-3)}
    return unroll.load_model(study, store, model="gru", seed=np.int64(1), length=np.int16(4), settings=settings)


def continued(model: Trained) -> list[Continuation]:
    """The same prompt in every way that a user has it."""
    return [
        unroll.generate(model, [1, 3, 5], 2),
        unroll.generate(model, (1.0, 3.0, 5.0), steps=np.int64(2)),
        unroll.generate(model, range(1, 6, 2), np.uint8(2)),
        unroll.generate(model, np.array([1, 3, 5]), 2),
        unroll.generate(model, np.array([1, 3, 5], dtype=np.float32), steps=np.int8(2)),
        unroll.generate(model, [np.int64(1), np.float32(3), 5], steps=2),
    ]


def layers() -> tuple[type, ...]:
    """What is reached through the package alone."""
    return (
        unroll.errors.PromptError,
        unroll.tasks.Task,
        unroll.models.Model,
        unroll.measures.Plots,
        unroll.nn.LSTM,
    )
