"""Noise while a network trains, such as dropout: torch's global generator, lent to the network for one update."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def noise(seed: int, update: int) -> Iterator[None]:
    """Let torch's global generator give the noise of one update, and put it back as it was.

    What is drawn is a pure function of (trial seed, update), under both protocols: neither what the process did before
    nor where a training was resumed is in it.
    """
    before = torch.get_rng_state()
    word = hashlib.sha256(f"unroll/{seed}/noise/{update}".encode()).digest()[:8]
    torch.default_generator.manual_seed(int.from_bytes(word, "little"))
    try:
        yield
    finally:
        torch.set_rng_state(before)
