"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from unroll import registry
from unroll.errors import MeasureError
from unroll.measures.asking import Faults

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


@pytest.fixture(autouse=True)
def measures_of_unroll_never_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure that fails costs its part alone, as a third party's may; in a test, one of unroll's ends it."""
    note = Faults.note

    def strict(self: Faults, error: MeasureError) -> None:
        if error.measure in registry.measures.own():
            raise error
        note(self, error)

    monkeypatch.setattr(Faults, "note", strict)
