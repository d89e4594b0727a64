"""A check that the global generators of Python, NumPy and PyTorch are not used."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def state_of_global_generators() -> tuple[bytes, ...]:
    """Return the states of the three global generators as bytes, to be compared."""
    return (
        pickle.dumps(random.getstate()),
        pickle.dumps(np.random.get_state()),  # noqa: NPY002 - the legacy generator is the global one
        torch.get_rng_state().numpy().tobytes(),
    )


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Assert that the block neither seeds nor moves a global generator."""
    before = state_of_global_generators()
    yield
    moved = [a != b for a, b in zip(before, state_of_global_generators(), strict=True)]
    names = ", ".join(name for name, m in zip(("random", "numpy.random", "torch"), moved, strict=True) if m)
    assert not names, f"moved a global generator: {names}"
