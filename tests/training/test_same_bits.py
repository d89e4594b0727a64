"""Whole trials under every instruction set that is here, and against committed digests: the same bits everywhere.

``small.json`` has the digest of what each small trial stores, of every task and recurrent model; a sample of them is
trained here, all of them under each level of instructions by ``make test-native``.

Planted, each seen to change digests: steps through PyTorch; ratios raised to powers by NumPy; the last step's loss by
PyTorch.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernels.oracle import needs_native
from tests.training.small import MODELS, digests_under, levels
from unroll import registry
from unroll.kernels import isas
from unroll.kernels.pick import UNFUSED

pytestmark = needs_native

GOLDEN = json.loads(Path(__file__).with_name("small.json").read_text(encoding="utf-8"))
SAMPLE = (
    ("tanh_rnn", "geometric"),
    ("tanh_rnn", "recall"),
    ("gru", "linear_recurrence"),
    ("gru", "delay"),
    ("lstm", "sine"),
    ("lstm", "copy"),
)


@pytest.mark.skipif(set(isas()) <= set(UNFUSED), reason="this processor has no fused multiply-add, and so other bits")
@pytest.mark.parametrize("level", levels())
def test_a_trial_stores_the_same_bits_on_every_processor(level: str) -> None:
    digests = digests_under(level, SAMPLE)
    assert {tuple(name.split()[:2]) for name in digests} == set(SAMPLE)
    assert digests == {name: GOLDEN[name] for name in digests}


def test_every_task_is_among_those_compared() -> None:
    plugins = {name: registry.tasks.load(name) for name in registry.tasks.names()}
    ours = {name for name, plugin in plugins.items() if plugin.__module__.startswith("unroll.")}
    every = {(model, task) for model in MODELS for task in ours}
    assert {tuple(name.split()[:2]) for name in GOLDEN} == every, "write what python -m tests.training.small prints"
