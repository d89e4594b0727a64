"""A study of all cells has the same bits wherever its trials run: here, in processes, on Dask, in parts merged.

Planted and found: a worker that draws its data from another seed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from tests.executors.dask_cluster import Cluster, Forge
from tests.running.conftest import bits
from unroll import Study

pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')

OTHER_SEED = """
import unroll.running.work as work
train = work.Training
def other(trial, *arguments, **options):
    return train(trial.replace(seed=trial.seed + 1), *arguments, **options)
work.Training = other
"""


def cells() -> Study:
    return Study(
        name="cells",
        factors={
            "task": ["adding"],
            "model": ["tanh_rnn", "gru", "lstm", "feedforward", "linear"],
            "length": [6],
            "seed": [1, 2],
            "train.backend": ["auto", "torch"],
        },
        task={"train": 200, "validation": 40, "test": 40},
        train={"epochs": 2, "batch": 20},
    )


def run(store: Path, **options: object) -> Path:
    assert set(unroll.run(cells(), store, progress=False, **options).trials()["state"]) == {"complete"}
    return store


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return bits(run(tmp_path_factory.mktemp("here") / "results.db", executor="inline"))


@pytest.fixture
def cluster(forge: Forge, tmp_path: Path):
    made = Cluster(forge, tmp_path, 1)
    yield made
    made.close()


def test_in_processes(here: dict, tmp_path: Path):
    assert bits(run(tmp_path / "results.db", executor="processes", workers=2)) == here


def test_on_dask(here: dict, tmp_path: Path, cluster: Cluster):
    options = {"scheduler": cluster.address}
    assert bits(run(tmp_path / "results.db", executor="dask", executor_options=options)) == here
    cluster.end(cluster.workers[0])
    plant = tmp_path / "plant.py"
    plant.write_text(OTHER_SEED)
    cluster.add(plant=str(plant))
    assert bits(run(tmp_path / "other.db", executor="dask", executor_options=options)) != here


def test_in_parts_that_are_merged(here: dict, tmp_path: Path):
    parts = [tmp_path / f"{number}.db" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        unroll.run(cells(), part, executor="inline", progress=False, shard=f"{number}/3")
    unroll.merge(parts, tmp_path / "all.db")
    assert bits(tmp_path / "all.db") == here
