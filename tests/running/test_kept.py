"""More epochs go on from the kept state of fewer, with the bits of one go, or begin anew and say so.

Planted and found: a state without the optimizer's; one that is taken whatever else differs; the shortest of several
taken for the longest; numerics that are not compared; a schedule or early stopping that goes on; a checkpoint that is
kept though nobody asked; one that nothing comes of kept as well.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.running.conftest import bits
from tests.running.test_run import Recorder, tiny
from unroll import expand
from unroll.running import execute, foresee
from unroll.running.calibration import Calibration, shape
from unroll.running.sizes import checkpoint_bytes
from unroll.store import Store
from unroll.study import Study
from unroll.training import count_parameters
from unroll.training.loop import Training


@pytest.fixture(autouse=True)
def _no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the measurement before each run: it would make updates of its own, and cost more than the trials."""
    for room in ("run", "foresight"):
        monkeypatch.setattr(f"unroll.running.{room}.calibrate", lambda wanted, channel: Calibration())


def one(epochs: int, *more: str) -> Study:
    return tiny("length=10", "model=gru", f"train.epochs={epochs}", *more)


def run(study: Study, store: Path, keep: bool = False) -> list[str]:
    """Run a study; return what was said."""
    recorder = Recorder()
    summary = execute(study, store, executor="inline", keep_state=keep, observer=recorder)
    assert summary.complete == len(expand(study))
    return recorder.notes


def key(study: Study) -> str:
    return expand(study)[0].key


def went_on(store: Path) -> list[str]:
    """Return what the timeline says of trials that went on from others."""
    with Store.open(store) as opened:
        return [event["message"] for event in opened.events() if "goes on after" in event["message"]]


def same(study: Study, store: Path, tmp_path: Path) -> bool:
    """Say whether a trial has the bits of one go."""
    straight = tmp_path / "straight.db"
    run(study, straight)
    return bits(store)[key(study)] == bits(straight)[key(study)]


@pytest.mark.parametrize("protocol", ["keyed", "notebook"])
@pytest.mark.parametrize(
    "optimizer",
    [
        ["train.optimizer=adam"],
        ["train.optimizer=adamw", "train.weight_decay=0.1"],
        ["train.optimizer=sgd", "train.momentum=0.9"],
        ["train.optimizer=rmsprop", "train.alpha=0.9"],
    ],
    ids=lambda how: how[0],
)
def test_more_epochs_go_on_with_the_same_bits(optimizer: list[str], protocol: str, store: Path, tmp_path: Path) -> None:
    how = [*optimizer, f"protocol={protocol}"]
    assert run(one(2, *how), store, keep=True) == []
    assert run(one(5, *how), store, keep=True) == ["One trial continues from where a training with fewer epochs ended."]
    assert run(one(7, *how), store) == ["One trial continues from where a training with fewer epochs ended."]
    assert [message.partition(" goes on ")[2][:19] for message in went_on(store)] == [
        "after the two epoch",
        "after the five epoc",
    ]
    assert same(one(7, *how), store, tmp_path)
    assert same(one(5, *how), store, tmp_path)


@settings(max_examples=8, deadline=None)
@given(
    fewer=st.integers(1, 4),
    more=st.integers(1, 4),
    model=st.sampled_from(["tanh_rnn", "lstm", "gru"]),
    batch=st.sampled_from([7, 16, 64]),
    validation=st.sampled_from([0, 10]),
)
def test_whatever_is_trained(
    fewer: int, more: int, model: str, batch: int, validation: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    how = [f"model={model}", f"train.batch={batch}", f"task.validation={validation}"]
    run(one(fewer, *how), folder / "results.db", keep=True)
    run(one(fewer + more, *how), folder / "results.db")
    assert len(went_on(folder / "results.db")) == 1
    assert same(one(fewer + more, *how), folder / "results.db", folder)


def test_a_training_that_goes_on_trains_only_what_is_new(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(one(3), store, keep=True)
    updates = []
    note = Training._note
    monkeypatch.setattr(Training, "_note", lambda self, *what: (updates.append(self.noted), note(self, *what)))
    run(one(5), store)
    assert updates == list(range(12, 20))


def test_it_goes_on_from_the_longest(store: Path) -> None:
    for epochs in (1, 4, 2):
        execute(one(epochs), store, executor="inline", keep_state=True)
    run(one(3), store)
    run(one(6), store)
    assert ["two epochs" in went_on(store)[-2], "four epochs" in went_on(store)[-1]] == [True, True]


@pytest.mark.parametrize(
    "other",
    ["train.learning_rate=0.002", "model.hidden=5", "seed=[2]", "length=11", "task.train=65", "train.batch=15",
     "train.clip_norm=1.0", "train.weight_decay=0.1", "protocol=notebook", "model=lstm"],
)  # fmt: skip
def test_another_trial_is_not_gone_on_from(other: str, store: Path) -> None:
    run(one(2), store, keep=True)
    assert run(one(4, other), store) == []
    assert went_on(store) == []


def test_fewer_epochs_begin_at_the_beginning(store: Path) -> None:
    run(one(4), store, keep=True)
    assert run(one(2), store) == []
    assert went_on(store) == []


ANEW = "One trial is in the store with fewer epochs and starts afresh: "


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (["train.schedule=cosine"], "trainings with a learning-rate schedule cannot be continued."),
        (
            ["train.schedule=step", "train.step_epochs=1"],
            "trainings with a learning-rate schedule cannot be continued.",
        ),
        (["train.patience=5"], "trainings with early stopping cannot be continued."),
    ],
    ids=str,
)
def test_what_depends_on_its_end_begins_anew_and_says_so(
    how: list[str], reason: str, store: Path, tmp_path: Path
) -> None:
    run(one(2, *how), store, keep=True)
    with Store.open(store) as opened:
        assert opened.kept_states() == (), "a state from which nothing goes on is not kept"
    assert run(one(4, *how), store, keep=True) == [ANEW + reason]
    assert went_on(store) == []
    assert same(one(4, *how), store, tmp_path)


def test_where_no_state_was_kept_it_says_so(store: Path) -> None:
    run(one(2), store)
    with Store.open(store) as opened:
        assert opened.kept_states() == ()
    assert run(one(4), store) == [
        ANEW + "the state of the shorter training was not kept (unroll run --keep-state keeps it)."
    ]


def test_other_numerics_begin_anew_and_say_so(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(one(2), store, keep=True)
    from unroll.running import work

    known = work.numerics_of
    with monkeypatch.context() as patch:
        patch.setattr(work, "numerics_of", lambda *of: {**known(*of), "cpu": "another"})
        notes = run(one(4), store)
    assert len(notes) == 2
    assert "starts afresh: the state after the two epochs of trial" in notes[1]
    assert "was made under other numerics (cpu" in notes[1]
    assert went_on(store) == []


def test_a_damaged_state_begins_anew_and_says_so(store: Path, tmp_path: Path) -> None:
    run(one(2), store, keep=True)
    with sqlite3.connect(store) as db:
        db.execute("UPDATE checkpoints SET tensors = zeroblob(length(tensors))")
    db.close()
    assert "starts afresh: The checkpoint of trial" in run(one(4), store)[1]
    assert same(one(4), store, tmp_path)


def test_a_trial_that_went_on_and_was_stopped_goes_on_from_its_own(
    store: Path, tmp_path: Path, at_each_update: None
) -> None:
    from unroll.running.observer import Observer

    run(one(2), store, keep=True)

    class Interrupt(Observer):
        def progressed(self, *_: object) -> None:
            raise KeyboardInterrupt

    longer = one(100)
    with pytest.raises(KeyboardInterrupt):
        execute(longer, store, executor="inline", observer=Interrupt())
    run(longer, store)
    assert same(longer, store, tmp_path)


def test_fitted_models_have_no_epochs_that_could_go_on(store: Path) -> None:
    from tests.sequences import study

    fitted = study("odd_numbers", "linear")
    run(fitted, store, keep=True)
    with Store.open(store) as opened:
        assert opened.kept_states() == ()
    assert run(fitted.model_copy(update={"train": {"epochs": 9}}), store) == []


def test_a_kept_state_is_part_of_what_is_verified_and_merged(store: Path, tmp_path: Path) -> None:
    from unroll import merge

    run(one(2), store, keep=True)
    merge([store], tmp_path / "other.db")
    with Store.open(tmp_path / "other.db") as opened:
        assert opened.kept_states() == (key(one(2)),)
        assert opened.verify().faults == ()
    run(one(4), tmp_path / "other.db")
    assert len(went_on(tmp_path / "other.db")) == 1


def test_the_dry_run_foresees_what_is_kept_and_what_goes_on(store: Path) -> None:
    study = one(30, "model.hidden=32", "seed=[1,2]")
    assert foresee(study, store, executor="inline").kept_state == 0
    foreseen = foresee(study, store, executor="inline", keep_state=True)
    assert (foreseen.going_on, foreseen.disk) == (0, foresee(study, store, executor="inline").disk)
    run(study, store, keep=True)
    with Store.open(store) as opened:
        kept = [opened.checkpoint(trial) for trial in opened.kept_states()]
    assert len(kept) == 2
    real = sum(len(saved.tensors) + len(json.dumps(saved.position)) for saved in kept if saved is not None)
    assert real <= foreseen.kept_state <= 1.3 * real
    assert foreseen.kept_state == sum(checkpoint_bytes(trial, count_parameters(trial)) for trial in expand(study))
    longer = foresee(one(40, "model.hidden=32", "seed=[1,2,3]"), store, executor="inline", keep_state=True)
    assert longer.going_on == 2


def test_the_time_of_a_trial_that_goes_on_is_that_of_its_new_epochs(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(one(3), store, keep=True)
    longer = one(4)
    measured = Calibration({shape(expand(longer)[0]): [(10, 1.0)]})
    for room in ("run", "foresight"):
        monkeypatch.setattr(f"unroll.running.{room}.calibrate", lambda wanted, channel: measured)
    whole = foresee(longer, tmp_path / "none.db", executor="inline").seconds
    assert foresee(longer, store, executor="inline").seconds == pytest.approx(whole / 4)
    recorder = Recorder()
    execute(longer, store, executor="inline", observer=recorder)
    assert recorder.outlooks[0].seconds == pytest.approx(whole / 4)
