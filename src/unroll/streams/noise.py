"""Noise while a network trains, such as dropout: torch's global generator, lent to the network for one update."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

CPU = torch.device("cpu")


@contextmanager
def noise(seed: int, update: int, device: torch.device = CPU) -> Iterator[None]:
    """Let torch's global generator give the noise of one update, and put it back as it was; a GPU's its own as well.

    What is drawn is a pure function of (trial seed, update), under both protocols: neither what the process did before
    nor where a training was resumed is in it. Not of it is dropout inside of a cuDNN layer of a GPU, which has a
    generator that PyTorch gives nobody.
    """
    before = torch.get_rng_state()
    word = hashlib.sha256(f"unroll/{seed}/noise/{update}".encode()).digest()[:8]
    start = int.from_bytes(word, "little")
    torch.default_generator.manual_seed(start)
    try:
        with _of_device(start, device):
            yield
    finally:
        torch.set_rng_state(before)


@contextmanager
def _of_device(start: int, device: torch.device) -> Iterator[None]:
    if device.type == "cpu":
        yield
        return
    if device.type == "cuda":
        generator = torch.cuda.default_generators[device.index]
        before = generator.get_state()
        generator.manual_seed(start)
        try:
            yield
        finally:
            generator.set_state(before)
        return
    state = torch.mps.get_rng_state()
    torch.mps.manual_seed(start)
    try:
        yield
    finally:
        torch.mps.set_rng_state(state)
