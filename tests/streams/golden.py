"""What the keyed streams give, as digests that every processor, Python and NumPy must come to.

    python -m tests.streams.golden      prints them; ``golden.json`` is what they were when they were first written

Needs no torch, so that it runs wherever NumPy does: on Arm it is run by qemu (``make test-native``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from unroll import registry
from unroll.streams.keyed import KeyedStreams

TASKS = (
    "adding",
    "multiplication",
    "copy",
    "selective_copy",
    "denoise",
    "recall",
    "induction",
    "parity",
    "order",
    "modular",
    "latch",
    "delay",
    "brackets",
    "counting",
    "narma",
    "mackey_glass",
    "odd_numbers",
    "fibonacci",
    "linear_recurrence",
    "geometric",
    "sine",
    "alternating",
    "announce",
)
LENGTHS = (3, 10, 50)
SEEDS = (1, 2, 3)
SIZES = {"train": 60, "validation": 7, "test": 20}
EPOCHS = (0, 1, 2)


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of arrays: kind, shape and little-endian bytes of each."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.name}{array.shape}".encode())
        found.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()


def streams(seed: int) -> Iterator[tuple[str, str]]:
    """Yield what the streams of a trial seed give: numbers of each kind, initial weights, orders."""
    of = KeyedStreams(seed)
    generator = of.generator("data")
    drawn = (
        generator.uniform(-1.0, 2.0, (50, 3)),
        generator.integers(-7, np.array([3, 2**40]), (50, 2)),
        generator.distinct(50, 9, 4),
        generator.permutation(100),
    )
    yield f"draws, seed {seed}", digest(*drawn)
    yield f"normal, seed {seed}", digest(of.generator("data").normal((20_000,)))
    yield f"weights, seed {seed}", digest(of.generator("init").uniform(-0.125, 0.125, (257,)).astype(np.float32))
    for epoch in EPOCHS:
        yield f"order, seed {seed}, epoch {epoch}", digest(of.order(epoch, 10_000))


def data(name: str, length: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield the digest of a task's three splits, where it has sequences of this length."""
    task = registry.tasks.load(name)(**SIZES)
    try:
        task.check_length(length)
    except ValueError:
        return
    found = task.dataset(KeyedStreams(seed), length)
    splits = (found.train, found.validation, found.test)
    parts = [part for split in splits for part in (split.x, split.y, split.at, split.asked)]
    yield f"{name}, length {length}, seed {seed}", digest(*(part for part in parts if part is not None))


def digests() -> dict[str, str]:
    """Return all digests, by what they are of."""
    found = dict(pair for seed in SEEDS for pair in streams(seed))
    return found | {
        key: value for name in TASKS for length in LENGTHS for seed in SEEDS for key, value in data(name, length, seed)
    }


if __name__ == "__main__":
    print(json.dumps(digests(), indent=1))
