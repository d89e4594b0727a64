"""``unroll run``: what it foresees.

Faults planted here, each seen to be found: two batches drawn where the data are fewer; a MemoryError of the measurement
that is not caught; failed trials left out of a dry run that retries them; --keep-state that is not passed on.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unroll.running import calibration, work
from unroll.study import Trial


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    text = 'name = "a"\nfactors = {task = ["adding"], model = ["gru"], length = [3], seed = [1, 2]}\n'
    Path("a.toml").write_text(f"{text}task = {{train = 8, test = 8}}\nmodel = {{hidden = 2}}\ntrain = {{epochs = 1}}\n")
    return "a.toml"


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_a_batch_beyond_all_memory_is_run_and_foreseen(file: str, options: list[str], unroll) -> None:
    done = unroll("run", file, "--set", "train.batch=10000000", "--executor", "inline", *options)
    assert done.code == 0, done.err


@pytest.mark.parametrize("dry", [True, False])
def test_no_memory_for_the_measurement_is_no_estimate(
    file: str, dry: bool, unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(trial: Trial) -> None:
        raise MemoryError("Unable to allocate 149. GiB")

    monkeypatch.setattr(calibration, "Training", none_left)
    done = unroll("run", file, "--executor", "inline", *(["--dry-run"] if dry else []))
    assert done.code == 0
    assert "an unknown time on" in (done.out if dry else done.err)
    if dry:
        assert json.loads(unroll("run", file, "--executor", "inline", "--dry-run", "--json").out)["seconds"] is None


def test_a_dry_run_counts_the_failed_ones_that_would_be_tried_again(
    file: str, unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(trial: Trial) -> None:
        raise RuntimeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(work, "Training", broken)
        assert unroll("run", file, "--executor", "inline").code == 1
    first, again = (
        json.loads(unroll("run", file, "--executor", "inline", "--dry-run", "--json", *options).out)
        for options in ([], ["--retry-failed"])
    )
    assert first["failed"] == again["failed"] == 2
    assert first["seconds"] == first["disk"] == 0
    assert again["seconds"] > 0
    assert again["disk"] > 0


def test_a_kept_state_is_foreseen_and_gone_on_from(file: str, unroll) -> None:
    dry = ("run", file, "--executor", "inline", "--dry-run")
    assert "kept state" not in unroll(*dry).out
    assert "kept state" in unroll(*dry, "--keep-state").out
    assert unroll("run", file, "--executor", "inline", "--keep-state").code == 0
    longer = ["run", file, "--executor", "inline", "--set", "train.epochs=2"]
    assert "2 from a kept state" in unroll(*longer, "--dry-run").out
    assert "Two trials continue from where a training with fewer epochs ended." in unroll(*longer).err
