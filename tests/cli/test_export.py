"""``unroll export``: weights of any trial as a safetensors file, and what is asked of the wrong thing.

Planted and found: a key taken for a study; the file of another trial; text formats of a key that are written empty.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.numpy

from unroll import read_study, results
from unroll.store import Store


@pytest.fixture
def keys(finished: str) -> list[str]:
    return results(read_study(finished)).trials()["key"].tolist()


def test_the_weights_of_every_trial_as_they_are_stored(keys: list[str], unroll: Callable) -> None:
    assert len(keys) == 4
    for key in keys:
        done = unroll("export", key[:9], "--format", "safetensors")
        assert done.code == 0, done.err
        assert f"Wrote {key[:8]}.safetensors: the weights of " in done.err
        assert done.out == ""
        with Store.open("results.db") as store:
            stored, parameters = store.parameters(key), store.trial(key).parameters
        assert Path(f"{key[:8]}.safetensors").read_bytes() == stored
        tensors = safetensors.numpy.load(stored)
        assert sum(values.size for values in tensors.values()) == parameters
    assert len({Path(f"{key[:8]}.safetensors").read_bytes() for key in keys}) == 4


def test_a_file_of_another_name(keys: list[str], unroll: Callable) -> None:
    assert unroll("export", keys[0], "--format", "safetensors", "--out", "mine.st").code == 0
    assert [path.name for path in Path().glob("*.safetensors")] == []
    assert safetensors.numpy.load(Path("mine.st").read_bytes())


def test_what_does_not_go_together(finished: str, keys: list[str], unroll: Callable) -> None:
    for arguments, message in (
        ([keys[0]], "csv is a format of a study's results; of a trial there are its weights: --format safetensors"),
        (
            [finished, "--format", "safetensors"],
            "holds the weights of one trial. Name it by its key",
        ),
        ([keys[0], "--format", "safetensors", "--set", "seed=1"], "--set would choose nothing"),
        ([keys[0], "--format", "safetensor"], 'Unknown format "safetensor". Did you mean "safetensors"?'),
        (["0" * 12, "--format", "safetensors"], "No trial 000000000000 in the store"),
    ):
        done = unroll("export", *arguments)
        assert done.code == 2
        assert message in done.err
    assert list(Path().glob("*.safetensors")) == []


def test_a_trial_that_is_not_complete_has_no_weights(study: str, unroll: Callable) -> None:
    from unroll.running import execute

    execute(read_study(study), "results.db", executor="inline", part=lambda trials: ())
    with Store.open("results.db") as store:
        key = store.trials()[0].key
    done = unroll("export", key, "--format", "safetensors")
    assert "has no trained parameters: it is waiting" in done.err
    assert done.code == 2
