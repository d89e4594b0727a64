"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from unroll import registry

# Tests run beside each other, one a core: threads within an operation would only fight over the cores.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    """What a test registers is sent to every worker that the process starts after it; so it goes with the test."""
    families = (registry.tasks, registry.models, registry.measures, registry.objectives, registry.executors)
    before = [dict(family._registered) for family in families]
    yield
    for family, registered in zip(families, before, strict=True):
        family._registered.clear()
        family._registered.update(registered)
