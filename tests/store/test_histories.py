"""What is written comes back bit for bit."""

import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unroll.errors import UnknownNameError
from unroll.store import Store
from unroll.testing.stores import finish, planned_study, planned_trial


def positive_zero(value: float) -> float:
    """SQLite keeps whole numbers without the sign of a zero."""
    return value + 0.0


seeds = itertools.count()
curves = hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder) / "results.db", write=True) as store,
    ):
        yield store


def running(store: Store, **changes: object) -> str:
    trial = planned_trial(next(seeds), **changes)
    store.plan(planned_study(trial.key, (trial,)))
    store.claim(trial.key)
    return trial.key


@settings(max_examples=40, deadline=None)
@given(histories=st.dictionaries(names, curves, max_size=3), axis=st.sampled_from(["epoch", "update", "horizon"]))
def test_histories(store: Store, histories: dict[str, np.ndarray], axis: str) -> None:
    key = running(store)
    finish(store, key, histories=histories, axes=dict.fromkeys(histories, axis))
    read = store.histories(key)
    assert list(read) == list(histories)
    for name, curve in histories.items():
        assert read[name].dtype == np.float32
        assert read[name].tobytes() == curve.tobytes()
        assert store.history(key, name).flags.writeable
        assert store.history_frame([key], name)["value"].to_numpy().tobytes() == curve.tobytes()


@settings(max_examples=40, deadline=None)
@given(
    metrics=st.dictionaries(names.map("metric {}".format), st.floats(allow_nan=False).map(positive_zero)),
    parameters=st.binary(),
)
def test_metrics_and_parameters(store: Store, metrics: dict[str, float], parameters: bytes) -> None:
    key = running(store)
    finish(store, key, metrics=metrics, parameters=parameters)
    assert store.trial(key).metrics == metrics
    assert {name: value.hex() for name, value in store.trial(key).metrics.items()} == {
        name: value.hex() for name, value in metrics.items()
    }
    assert store.parameters(key) == parameters


@settings(max_examples=40, deadline=None)
@given(
    position=st.dictionaries(names, st.floats(allow_nan=False) | st.integers() | names | st.none()),
    tensors=st.binary(),
)
def test_checkpoints(store: Store, position: dict[str, object], tensors: bytes) -> None:
    key = running(store)
    store.save_checkpoint(key, tensors, MappingProxyType(position), {})
    saved = store.checkpoint(key)
    assert saved.tensors == tensors
    assert json.dumps(saved.position) == json.dumps(position)


def test_a_history_is_one_dimensional(store: Store) -> None:
    key = running(store)
    with pytest.raises(ValueError, match=r"'loss' has shape \(2, 2\)"):
        finish(store, key, histories={"loss": np.ones((2, 2))}, axes={"loss": "epoch"})
    with pytest.raises(ValueError, match="axis 'batch'"):
        finish(store, key, histories={"loss": [1.0]}, axes={"loss": "batch"})


def test_a_metric_does_not_hide_a_column(store: Store) -> None:
    with pytest.raises(ValueError, match="'seed'"):
        finish(store, running(store), metrics={"seed": 1.0})


def test_a_history_that_is_not_there_names_those_that_are(store: Store) -> None:
    key = running(store)
    with pytest.raises(UnknownNameError, match="is running and has none"):
        store.history(key, "loss")
    finish(store, key)
    with pytest.raises(UnknownNameError, match="gradient_norm, train_loss"):
        store.history(key, "loss")


def test_an_empty_frame_has_its_columns(tmp_path: Path) -> None:
    with Store.open(tmp_path / "results.db", write=True) as empty:
        assert {"key", "state", "baseline", "seconds"} <= set(empty.frame().columns)
        assert list(empty.history_frame(None, "loss").columns)[-3:] == ["axis", "step", "value"]
        assert empty.history_frame([], "loss").empty
