"""The keyed streams, and the data of each task that is drawn from them, are what they were when they were written down.

``make test-native`` compares the same with an old NumPy on Arm. Planted and found: uniforms of 52 bits; ties among
distinct numbers not skipped; the epoch left out of an order's key; validation drawn from the stream of the test.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.streams.golden import TASKS, digests
from unroll import registry
from unroll.tasks.given import Given


def test_streams_and_data_are_what_they_were() -> None:
    assert digests() == json.loads(Path(__file__).with_name("golden.json").read_text())


def test_every_task_that_draws_is_among_them() -> None:
    loaded = {name: registry.tasks.load(name) for name in registry.tasks.names()}
    ours = {
        name for name, task in loaded.items() if task.__module__.startswith("unroll.") and not issubclass(task, Given)
    }
    assert ours == set(TASKS), "name a new task in golden.py, and write its digests: what that module prints"
