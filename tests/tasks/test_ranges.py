"""Ranges as settings, and what was stored before them: keys, data and measures of commit aea545a.

Planted and found: a range in the key although it is the default; another order of values; the training inputs of
``split = "none"`` compared and dropped.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.measures.recorded import recorded
from tests.sequences import ORACLES, study
from unroll import expand, read_study
from unroll.models.resolve import resolve
from unroll.streams import KeyedStreams
from unroll.streams.notebook import NotebookStreams
from unroll.tasks.geometric import Geometric
from unroll.tasks.linear_recurrence import LinearRecurrence
from unroll.tasks.odd_numbers import OddNumbers
from unroll.tasks.ranges import between, in_range, outwards, values_of
from unroll.tasks.sine import Sine
from unroll.training.result import Result

KEYS = {
    ("odd_numbers", 1): "1620624acc3d2feca0e154238c5e606d1e8dffb951d999bfd5f1029ddd2ee9c5",
    ("odd_numbers", 2): "a7dcc3b5046fe4c32192272fad5aa3eb3c4b8f7985149628e838c421fd9e74b0",
    ("odd_numbers", 3): "16d5e37bf45edb970f650d0e345acab68962cce8361a66ef2e3e8bed0644facf",
    ("fibonacci", 1): "b3847a220b58715d50b32873e84e17382a0906c1696e26173d9446fa11a1c123",
    ("fibonacci", 2): "190d80d6d91cd0ddf0c8e2ce970541609b2bd12f1ca69f4839add3775982c26d",
    ("fibonacci", 3): "1dfd16baabe2782d83445dce1b095111c49a4f047b7f34edee2c13f4e298041a",
}
"""Of ``numbers-notebook``."""
FREE = {
    "odd_numbers": "8798c5d1ff9aa6fad87756dddd5b6de4b343fbe1f3d3161ec62f2c9de2f63c6e",
    "fibonacci": "772817172768b5ceb50c83c70987da0d9a9b04b2041d35fec7e362f0b48c3bbb",
    "linear_recurrence": "d631b4b84fa5c3a029169c9d4a4fefff05162a87d83162941cba190e90d293d3",
    "geometric": "299ad8f96448e8e437b3ceef9c12bd321a52e0afa7e305632d18a103c77692d4",
    "sine": "a4594f9f0382f289c1c13b8b6deba9372300720af9de98a3d7295e6a8a334002",
    "alternating": "b4af1fdd914e20b6607fd39bb1211e834d2e0931ea30aab094d5d69ab0ad7db8",
}
"""Of a small study whose splits share their parameters."""
DATA = {
    "odd_numbers": "b5e1e39fcfb91dfa8e80c877879d1fb1f738c30daff1f73ee4e3ffcb67709e9c",
    "fibonacci": "90def47ca7a57589366627440efbc31d37db672faf15978cb11c32849976735f",
}
MEASURES = {
    "odd_numbers": "b99d4abe20a16756c8f20cae23fd656e1e0f058179af0f3f55ca7dcefc31ba4c",
    "fibonacci": "ee5747f6702ed00392555d86e30292e80f643a3d0173a2b1b438fdc697b48c15",
    "linear_recurrence": "e13c8a5725e0e8c72121d56eee4ba4f3054f54a59ec84ed9f68dc2db22f182f2",
    "geometric": "e83f051f74a88efebf91bdaf1d54e7de68e00025ae8d04375f8985a2752e0551",
    "alternating": "3c6af1752165137c2153da13698157d621bf885992fe55046add95c22e8097ad",
}
"""Digests of what is measured of a network that adds its last two values, without rounding."""
ON_INTEL = {"geometric": "d19b2cd85a9b7ed98325e92ded987b62a61ddf3046b3f1d9fc6e11878e18db41"}
"""What NumPy's powers make of them with AVX-512 on Intel's processors, where their last bits are others."""


def test_the_notebook_trials_keep_their_keys_and_data() -> None:
    trials = {(trial.task, trial.seed): trial for trial in expand(read_study("numbers-notebook"))}
    assert {name: trial.key for name, trial in trials.items()} == KEYS
    for task, digest in DATA.items():
        data = resolve(trials[task, 1]).task.dataset(NotebookStreams(1, "python"), trials[task, 1].length)
        total = hashlib.sha256()
        for split in (data.train, data.test):
            total.update(split.x.tobytes() + split.y.tobytes())
        assert total.hexdigest() == digest


@pytest.mark.parametrize("task", FREE)
def test_trials_without_a_split_keep_their_keys(task: str) -> None:
    (trial,) = expand(study(task, task_settings={"split": "none"}))
    assert trial.key == FREE[task]
    (parted,) = expand(study(task))
    assert parted.versions["parting"] == "2", "other data, another key"
    (prompted,) = expand(study(task, task_settings={"split": "none", "max_terms": 30}, factors={"length": [20]}))
    assert prompted.versions["prompt"] == "2", "another prompt, another key"


@pytest.mark.parametrize("task", MEASURES)
def test_trials_without_a_split_are_measured_as_before(task: str) -> None:
    (trial,) = expand(study(task, task_settings={"split": "none", "representation": "raw"}))
    found = recorded(trial, ORACLES["fibonacci"])
    assert Result(found.metrics, found.histories, b"").digest in (MEASURES[task], ON_INTEL.get(task))


RANGED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("odd_numbers", {"starts": [[1, 13, 2]]}, {"starts": [[1, 15, 2]]}),
    ("odd_numbers", {"steps": [2]}, {"steps": [[2, 4, 2]]}),
    ("fibonacci", {"starts": [[0, 2], [1, 3]]}, {"starts": [[0, 2], [1, 4]]}),
    ("geometric", {"ratios": list(Geometric().ratios)}, {"ratios": [[0.5, 2, 0.1]]}),
    ("geometric", {"starts": [[-5, -1], [1, 5]]}, {"starts": [1.0, 2.0]}),
    ("sine", {"periods": [[6, 16]]}, {"periods": [[6, 17]]}),
    ("sine", {"amplitudes": [[0.5, 2.5, 0.5]]}, {"amplitudes": [1.0]}),
    ("alternating", {"levels": [[-4, -1], [1, 4]]}, {"levels": [[-5, -1], [1, 5]]}),
]


@pytest.mark.parametrize(("task", "default", "changed"), RANGED)
def test_a_range_is_in_the_key_where_it_is_another(task: str, default: dict[str, Any], changed: dict[str, Any]) -> None:
    plain, same, other = (expand(study(task, task_settings=given))[0] for given in ({}, dict(default), dict(changed)))
    assert same.key == plain.key
    assert other.key != plain.key
    assert type(plain).from_spec(other.spec) == other
    assert resolve(other).task != resolve(plain).task == resolve(same).task


def test_values_by_hand() -> None:
    assert in_range(1, 7, 2) == (1, 3, 5, 7)
    assert values_of(((-2, -1), 0.5, (1, 2))) == (-2, -1, 0.5, 1, 2)
    assert between((1, 3, 4)) == (2, 3.5)
    assert outwards((-2.0, 1.0, 3.0)) == (-5, 4, 6)
    assert OddNumbers(starts=[[5, 9, 2]], steps=[2, 6]).grid() == ((5, 7, 9), (2, 6))
    assert OddNumbers(steps=[2, 6]).rule == "x(t+1) = c x(t) + b".replace("c ", "")
    varied = LinearRecurrence(coefficients=([0.5, 1.5, 0.5], -1), constant=[0, 1], starts=[[0, 1], [0, 1]])
    assert varied.rule == "x(t+1) = c1 x(t) - x(t-1) + b"
    assert varied.grid() == ((0, 1), (0, 1), (0, 1), (0.5, 1, 1.5))
    assert {"larger", "starts", "step", "coefficients"} == varied.beyond().keys()
    assert Sine(periods=[6.0], phases=[0.0], amplitudes=[1.0, 2.0, 3.0]).tuples() == 3


@given(
    c=st.sampled_from([0.5, 1.0, 1.5]),
    b=st.sampled_from([0.0, 1.0]),
    starts=st.tuples(st.integers(0, 9), st.integers(1, 9)),
)
def test_the_truth_finds_the_coefficients(c: float, b: float, starts: tuple[int, int]) -> None:
    task = LinearRecurrence(coefficients=([0.5, 1.5, 0.5], -0.75), constant=[0, 1], starts=[[0, 9], [0, 9]])
    terms = task.terms(np.array([[*starts, b, c]], dtype=np.float64), 12, 6)[0]
    known = task.truth(terms[:7], 5, 6)
    if known is not None:  # None where the prompt leaves them open
        np.testing.assert_allclose(known, terms[7:], rtol=1e-6, atol=1e-6)


def test_bad_ranges_are_refused() -> None:
    for given_ in ([[5, 1]], [[1, 5, 0]], [[1]], []):
        with pytest.raises(ValidationError):
            Geometric(ratios=given_)
    with pytest.raises(ValidationError):
        OddNumbers(starts=[[1, 3], [1, 3]])


@pytest.mark.parametrize("task", ["sine", "alternating"])
def test_long_sequences_are_checked_at_once(task: str) -> None:
    """The baseline of sequences of 6 to 1,000 terms is that of all their windows, each coded once."""
    short, long = ({"min_terms": 6, "max_terms": most} for most in (24, 1_000))
    (trial,) = expand(study(task, task_settings={**long, "representation": "raw"}))
    assert 0 < resolve(trial).task.baseline(trial.length) < 10
    one = resolve(expand(study(task, task_settings={**short, "representation": "prefix_max", "split": "none"}))[0]).task
    y = one.model_copy(update={"train": 6_000}).dataset(KeyedStreams(1), 6).train.y.astype(np.float64)
    assert one.baseline(6) == pytest.approx(float(y.var()), rel=0.05)


def test_the_baseline_of_scaled_sequences_is_exact() -> None:
    """Against all windows of all sequences of all lengths, one by one."""
    for form in ("raw", "difference"):
        task = OddNumbers(representation=form, scale="whole", split="none")
        found = []
        for start in range(1, 14, 2):
            for n in range(6, 13):
                whole = (start + 2.0 * np.arange(n)) / (start + 2.0 * (n - 1))
                for offset in range(n - 5):
                    window = whole[None, offset : offset + 6]
                    found += task.coding.encode(window)[0, 1:].tolist()
        assert task.baseline(5) == pytest.approx(np.var(found), rel=1e-6)
