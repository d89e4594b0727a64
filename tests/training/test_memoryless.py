"""The measure ``memoryless`` against scipy and by property; and a trial's digest, which it must not touch.

Faults planted here, each seen to be found: the mean of the training targets as the constant, which a learned constant
can beat; examples of one sequence counted as independent; the measure's metrics among those of the digest.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sequences import study as numbers_study
from tests.training.test_loop import finish, trial
from unroll import expand
from unroll.kernels import isas
from unroll.kernels.pick import pick
from unroll.objectives.mse import MSE
from unroll.training import Result, Training, single_thread, train
from unroll.training.memoryless import memoryless
from unroll.training.numerics import numerics
from unroll.training.result import Measured

NAMES = {"memoryless_mse", "memoryless_gain", "memoryless_gain_error", "memoryless_sequences"}


def of_mse(y: np.ndarray, losses: np.ndarray, sequences: np.ndarray | None = None) -> Measured:
    """The measure of these targets, under the mean squared error."""
    return memoryless("mse", MSE().constant(y), losses, sequences)


def drawn(seed: int, n: int, shape: tuple[int, ...] = (1,)) -> tuple[np.ndarray, np.ndarray]:
    """Targets, float32, and a model's losses on them."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, *shape)).astype(np.float32), generator.exponential(size=n)


@pytest.mark.parametrize("shape", [(1,), (3,), (5, 2)])
def test_gain_and_error_are_those_of_a_paired_test(shape: tuple[int, ...]):
    y, losses = drawn(1, 50, shape)
    found = of_mse(y, losses).metrics
    axes = tuple(range(y.ndim - 1))
    constant = ((y.astype(float) - y.astype(float).mean(axis=axes)) ** 2).reshape(50, -1).mean(axis=1)
    assert found["memoryless_mse"] == pytest.approx(constant.mean())
    assert found["memoryless_gain"] == pytest.approx((constant - losses).mean())
    assert found["memoryless_gain_error"] == pytest.approx(stats.sem(constant - losses))
    expected = stats.ttest_rel(constant, losses).statistic
    assert found["memoryless_gain"] / found["memoryless_gain_error"] == pytest.approx(expected)
    assert found["memoryless_sequences"] == 50


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(-10, 10) | st.floats(-0.01, 0.01))
def test_no_constant_is_better_than_the_best_one(seed: int, n: int, beside: float):
    y, _ = drawn(seed, n)
    losses = np.square(y.astype(float) - y.astype(float).mean() - beside).reshape(n, -1).mean(axis=1)
    assert of_mse(y, losses).metrics["memoryless_gain"] <= 1e-12 * losses.mean()


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(2, 5))
def test_repeated_examples_make_nothing_more_certain(seed: int, n: int, times: int):
    y, losses = drawn(seed, n)
    once = of_mse(y, losses).metrics
    repeated = of_mse(np.tile(y, (times, 1)), np.tile(losses, times), np.tile(np.arange(n), times)).metrics
    assert repeated == pytest.approx(once, rel=1e-9, abs=1e-12)


def test_one_sequence_has_no_error():
    y, losses = drawn(1, 5)
    assert of_mse(y, losses, np.zeros(5, dtype=np.int64)).metrics.keys() == NAMES - {"memoryless_gain_error"}


def test_a_trial_measures_it():
    one = trial()
    training = Training(one)
    result = finish(training.run())
    found = result.measured["memoryless"].metrics
    assert found.keys() == NAMES
    y = training.test.y.double().numpy()
    assert found["memoryless_mse"] == pytest.approx(y.var())
    assert found["memoryless_gain"] == pytest.approx(y.var() - result.metrics["test_mse"], abs=1e-6)
    assert result.all_metrics.items() >= found.items()


def test_windows_of_one_number_sequence_belong_together():
    training = Training(expand(numbers_study("fibonacci", "tanh_rnn"))[0])
    result = finish(training.run())
    sequences = result.measured["memoryless"].metrics["memoryless_sequences"]
    assert 1 < sequences < len(training.test.y)


COVERED = (
    {"test_mse", "train_loss", "validation_mse", "solved"},
    {"loss", "grad_norm", "train_loss", "validation_loss"},
)
"""The metrics and the histories of a trial of the adding problem that its digest covers, for ever."""


def as_it_was_defined(result: Result) -> str:
    """The digest as the first stores have it: named values, named histories, weights."""
    total = hashlib.sha256()
    for name in sorted(COVERED[0]):
        total.update(f"{name}={float(result.metrics[name]).hex()}\n".encode())
    for name in sorted(COVERED[1]):
        total.update(f"{name}:".encode() + result.histories[name].astype("<f4").tobytes())
    total.update(result.parameters)
    return total.hexdigest()


GOLDEN = {
    "reference": (
        {"instructions": "AVX2", "cpu": "AMD EPYC"},
        "4d51ccf13402a72871251aea2353739bee73bde06a261e3ea49f2d46df5fb57c",
    ),
    "native": (
        {"instructions": "AVX2", "cpu": "AMD EPYC", "kernel instructions": "v3"},
        "63481fe0269524a5b892829a4f754521a3b7593445a97ab80974251ca03544c0",
    ),
}
"""Digests of one trial before there was any measure, and the numerics under which they were computed."""


@pytest.mark.parametrize("backend", GOLDEN)
def test_a_trials_digest_is_what_it_was_before_there_were_measures(backend: str):
    if backend == "native" and not isas():
        pytest.skip("no native kernels are installed")
    with single_thread():
        result = finish(train(trial("gru", train={"backend": backend})))
    assert result.measured
    assert result.digest == as_it_was_defined(result)
    where, golden = GOLDEN[backend]
    here = numerics(pick("gru", backend=backend))
    if where.items() <= here.items():
        assert result.digest == golden


def test_a_measure_has_a_digest_of_its_own():
    y, losses = drawn(1, 20)
    one, other = of_mse(y, losses), of_mse(y, losses * 1.001)
    assert one.digest == of_mse(y, losses).digest != other.digest
