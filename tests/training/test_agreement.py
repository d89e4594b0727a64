"""Whole trainings on the native kernels come out as on the reference.

Rounding differs between the two, and training amplifies it: 50 epochs move an LSTM or a GRU at T = 25 by less than 1 %.
A tanh RNN is chaotic from T = 25 on, so there the distribution over seeds is what agrees: benchmarks/README.md has it.

Planted and found: the GRU's recurrent bias left out; the last step of each sequence left out.
"""

from __future__ import annotations

import pytest

from tests.kernels.oracle import needs_native
from unroll import Trial, expand, read_study
from unroll.training import Result, Training, single_thread


def result(trial: Trial) -> Result:
    steps = Training(trial).run()
    with single_thread():
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value


@needs_native
@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_native_trial_comes_out_within_one_per_cent(cell: str):
    losses = []
    for backend in ("reference", "native"):
        study = read_study("adding-notebook", [f'model="{cell}"', "length=25", "seed=1", f"train.backend={backend}"])
        (trial,) = expand(study)
        losses.append(result(trial).metrics["test_mse"])
    reference, native = losses
    assert native == pytest.approx(reference, rel=0.01)
    assert native != reference
