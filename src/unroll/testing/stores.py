"""The store's contract as executable prose, for ours and for third parties' stores.

Subclass ``StoreConformance`` in a test module, give ``open_store``, and let pytest collect it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from unroll.errors import StoreError, StoreHeldError, StoreMissingError, UnknownNameError
from unroll.store import MeasureRecord, PlannedStudy, PlannedTrial, State, Store
from unroll.store.digests import results_digest
from unroll.store.seals import CHECKSUM, checkpoint_seal
from unroll.study.trial import digest

WEIGHTS = safetensors.numpy.save({"readout.weight": np.arange(6, dtype=np.float32).reshape(1, 6)})
FINGERPRINT: Mapping[str, Any] = {"numerics": {"torch": "2.6.0"}, "circumstances": {"threads": 1}}


def planned_trial(seed: int, **changes: Any) -> PlannedTrial:
    """Return a trial whose key follows from its specification, as keys do."""
    condition = {
        "format": 1,
        "task": "adding",
        "model": "lstm",
        "length": 50,
        "protocol": "keyed",
        "settings": {"task": {}, "model": {}, "train": {"learning_rate": 1e-3}},
    }
    spec = {"seed": seed, **condition}  # not the last, as in those that trials have
    values: dict[str, Any] = {
        "key": digest(spec),
        "condition": digest(condition),
        "task": "adding",
        "model": "lstm",
        "length": 50,
        "seed": seed,
        "protocol": "keyed",
        "spec": spec,
        "parameters": 17_025,
        "baseline": 1 / 6,
        "solved_metric": "test_mse",
        "solved_below": 0.01,
        "notes": "markers anywhere",
        "declared": {"score": {"name": "test_mse", "words": "test MSE"}, "quantities": [], "chance": 0.5},
    }
    return PlannedTrial(**{**values, **changes})


def planned_study(name: str, trials: tuple[PlannedTrial, ...]) -> PlannedStudy:
    """Return a study of these trials, with the facts of a plug-in that nobody has."""
    return PlannedStudy(
        digest=hashlib.sha256(name.encode()).hexdigest(),
        name=name,
        question="How long can it remember?",
        spec={"study": {"name": name}},
        overrides=("train.epochs=3",),
        plugins={"adding": {"sources": ["@article{...}"], "tags": ["memory"]}},
        trials=trials,
    )


def finish(store: Store, key: str, **changes: Any) -> None:
    """Finish a running trial with results of which each differs from the others, under their own digest."""
    values: dict[str, Any] = {
        "metrics": {"test_mse": 0.004, "seconds_per_epoch": 0.1, "updates_to_solve": 120.0},
        "histories": {"train_loss": np.linspace(1, 0, 7), "gradient_norm": np.linspace(2, 3, 70)},
        "axes": {"train_loss": "epoch", "gradient_norm": "update"},
        "parameters": WEIGHTS,
        "fingerprint": FINGERPRINT,
        "seconds": 1.25,
        **changes,
    }
    added = changes.get("measures", {}).values()
    theirs = {name for measure in added for name in (*measure.metrics, *measure.histories)}
    values.setdefault("digest", digest_of({k: values[k] for k in ("metrics", "histories", "parameters")}, theirs))
    store.finish(key, **values)


def digest_of(results: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """Return the digest of results as ``Store.finish`` takes them, without what measures added."""
    metrics = {name: value for name, value in results["metrics"].items() if name not in without}
    curves = {
        name: np.asarray(values, "<f4").tobytes()
        for name, values in results["histories"].items()
        if name not in without
    }
    return results_digest(metrics, curves, results.get("parameters", b""))


def sealed(tensors: bytes, **position: Any) -> tuple[bytes, dict[str, Any]]:
    """Return a checkpoint's bytes, and its position with the checksum over both."""
    return tensors, position | {CHECKSUM: checkpoint_seal(tensors, position)}


class StoreConformance(ABC):
    """What every store promises. Each test opens its own store in an empty folder."""

    @abstractmethod
    def open_store(self, path: Path, write: bool) -> Store:
        """Open the store under test at ``path``; with ``write``, create it if need be."""

    def test_a_planned_trial_waits(self, tmp_path: Path) -> None:
        """Planning changes nothing else, and the study comes back as it was asked."""
        study = planned_study("one", (planned_trial(2), planned_trial(1)))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(study)
            assert store.study_by_digest(study.digest) == study
            assert store.states([t.key for t in study.trials]) == {
                study.trials[0].key: State.waiting,
                study.trials[1].key: State.waiting,
            }

    def test_planning_twice_is_planning_once(self, tmp_path: Path) -> None:
        """Resume plans again: neither rows nor lines of the timeline may double."""
        study = planned_study("one", (planned_trial(1), planned_trial(2)))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(study)
            before = store.trials(), store.studies(), store.events()
            store.plan(study)
            assert (store.trials(), store.studies(), store.events()) == before

    def test_a_result_belongs_to_every_study_that_asks_for_it(self, tmp_path: Path) -> None:
        """Results are content-addressed: the second study finds its trial complete."""
        shared = planned_trial(1)
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("first", (shared,)))
            store.claim(shared.key)
            finish(store, shared.key)
            store.plan(planned_study("second", (planned_trial(2), shared)))
            assert store.trial(shared.key).state is State.complete
            first, second = store.studies()
            assert (first.counts[State.complete], first.counts[State.waiting]) == (1, 0)
            assert (second.counts[State.complete], second.counts[State.waiting]) == (1, 1)

    def test_a_finished_trial_is_there_for_a_reader_at_once(self, tmp_path: Path) -> None:
        """It is committed before anyone is told; what was measured comes back bit for bit."""
        trial = planned_trial(1)
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (trial,)))
            assert store.claim(trial.key) == 1
            finish(store, trial.key)
            with self.open_store(tmp_path / "results.db", write=False) as reader:
                record = reader.trial(trial.key)
                assert record.state is State.complete
                assert record.metrics["test_mse"] == 0.004
                assert record.fingerprint == FINGERPRINT
                assert (len(record.digest or ""), record.seconds) == (64, 1.25)
                assert reader.parameters(trial.key) == WEIGHTS
                loss = reader.history(trial.key, "train_loss")
                np.testing.assert_array_equal(loss, np.linspace(1, 0, 7).astype(np.float32), strict=True)
                assert list(reader.histories(trial.key)) == ["train_loss", "gradient_norm"]

    def test_what_measures_added_is_told_apart(self, tmp_path: Path) -> None:
        """Their metrics are a trial's like all others, but its digest does not cover them."""
        key = planned_trial(1).key
        norms = {"gradient_norm": np.linspace(2, 3, 70)}
        own = digest_of({"metrics": {"test_inputs": 7.0}, "histories": norms})
        measure = MeasureRecord(digest=own, metrics=("test_inputs",), histories=("gradient_norm",))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            store.claim(key)
            assert store.measures(key) == {}
            finish(store, key, metrics={"test_mse": 0.004, "test_inputs": 7.0}, measures={"overlap": measure})
            assert store.measures(key) == {"overlap": measure}
            assert store.trial(key).metrics["test_inputs"] == 7.0
            assert store.verify().verified == 1

    def test_a_finished_trial_never_changes(self, tmp_path: Path) -> None:
        """No second result, no failure, no restart."""
        key = planned_trial(1).key
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            store.claim(key)
            finish(store, key)
            before = store.trial(key)
            with pytest.raises(StoreError):
                store.claim(key)
            with pytest.raises(StoreError):
                finish(store, key, digest="cd" * 32)
            with pytest.raises(StoreError):
                store.fail(key, error={"type": "E"}, fingerprint=None, histories={}, axes={})
            with pytest.raises(StoreError):
                store.release(key, "stopped")
            with pytest.raises(StoreError):
                store.save_checkpoint(key, b"", {}, {})
            assert store.retry([key]) == 0
            assert store.trial(key) == before

    def test_a_refused_result_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """NaN is no final value; the trial is running as before and can still finish."""
        key = planned_trial(1).key
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            store.claim(key)
            with pytest.raises(ValueError, match="test_mse"):
                finish(store, key, metrics={"ok": 1.0, "test_mse": float("nan")})
            with pytest.raises(ValueError, match="axis"):
                finish(store, key, axes={})
            assert store.trial(key).state is State.running
            assert store.histories(key) == {}
            finish(store, key)

    def test_a_checkpoint_lasts_until_the_trial_finishes(self, tmp_path: Path) -> None:
        """A later one replaces it; releasing keeps it; finishing drops it."""
        key = planned_trial(1).key
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            assert store.checkpoint(key) is None
            store.claim(key)
            store.save_checkpoint(key, b"old", {"epoch": 1}, {"torch": "2.6.0"})
            store.save_checkpoint(key, b"new", {"epoch": 2, "loss": 0.1}, {"torch": "2.6.0"})
            store.release(key, "stopped")
            assert store.trial(key).state is State.waiting
            saved = store.checkpoint(key)
            assert saved is not None
            assert (saved.tensors, saved.position) == (b"new", {"epoch": 2, "loss": 0.1})
            assert saved.numerics == {"torch": "2.6.0"}
            assert store.claim(key) == 2
            finish(store, key)
            assert store.checkpoint(key) is None
            assert store.kept_states() == ()

    def test_the_last_checkpoint_stays_where_it_is_asked_for(self, tmp_path: Path) -> None:
        """It stays whole, is told by ``kept_states``, and is forgotten with its study."""
        first, second = planned_trial(1), planned_trial(2)
        with self.open_store(tmp_path / "results.db", write=True) as store:
            study = planned_study("one", (first, second))
            store.plan(study)
            for trial in (first, second):
                store.claim(trial.key)
                store.save_checkpoint(trial.key, *sealed(b"last", epoch=7), {"torch": "2.6.0"})
                assert store.kept_states() == ()
                finish(store, trial.key, keep_checkpoint=trial is second)
            assert store.kept_states() == (second.key,)
            saved = store.checkpoint(second.key)
            assert saved is not None
            assert (saved.tensors, saved.position["epoch"]) == (b"last", 7)
            assert store.trial(second.key).state is State.complete
            assert store.verify().faults == ()
            store.forget(study.digest)
            assert store.kept_states() == ()

    def test_a_failure_is_kept_until_it_is_tried_again(self, tmp_path: Path) -> None:
        """The error and the histories so far stay for whoever asks; a new attempt starts clean."""
        key = planned_trial(1).key
        error = {"type": "DivergedError", "message": "NaN", "traceback": "...", "epoch": 2, "update": 9}
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            store.claim(key)
            curve = np.array([1.0, np.nan])
            store.fail(key, error=error, fingerprint=None, histories={"loss": curve}, axes={"loss": "epoch"})
            record = store.trial(key)
            assert (record.state, record.error) == (State.failed, error)
            np.testing.assert_array_equal(store.history(key, "loss"), curve.astype(np.float32))
            assert store.retry([key]) == 1
            record = store.trial(key)
            assert (record.state, record.attempts, record.error) == (State.waiting, 0, None)
            assert store.claim(key) == 1
            assert store.histories(key) == {}
            finish(store, key)

    def test_a_dead_writers_trial_waits_again(self, tmp_path: Path) -> None:
        """Whoever opens the store next for writing finds no trial running, and the timeline says why."""
        key = planned_trial(1).key
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (planned_trial(1),)))
            store.claim(key)
        with self.open_store(tmp_path / "results.db", write=True) as store:
            assert store.trial(key).state is State.waiting
            assert store.events(trial=key)[-1]["kind"] == "released"

    def test_there_is_one_writer(self, tmp_path: Path) -> None:
        """The second is refused while the first lives, and let in afterwards."""
        with (
            self.open_store(tmp_path / "results.db", write=True),
            pytest.raises(StoreHeldError),
        ):
            self.open_store(tmp_path / "results.db", write=True)
        self.open_store(tmp_path / "results.db", write=True).close()

    def test_a_reader_changes_nothing(self, tmp_path: Path) -> None:
        """It creates no store, and its writing methods are refused."""
        with pytest.raises(StoreMissingError):
            self.open_store(tmp_path / "results.db", write=False)
        assert list(tmp_path.iterdir()) == []
        self.open_store(tmp_path / "results.db", write=True).close()
        with (
            self.open_store(tmp_path / "results.db", write=False) as reader,
            pytest.raises(StoreError, match="reading only"),
        ):
            reader.plan(planned_study("one", ()))

    def test_the_beginning_of_a_key_is_enough(self, tmp_path: Path) -> None:
        """From six digits on, where only one trial has them."""
        keys = ["abcdef0" + "0" * 57, "abcdef1" + "0" * 57]
        trials = tuple(planned_trial(seed, key=key) for seed, key in enumerate(keys))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", trials))
            assert store.trial("ABCDEF1").key == keys[1]
            for unclear in ("abcdef", "abcde", "abcdff", "abcd_f0", ""):
                with pytest.raises(UnknownNameError):
                    store.trial(unclear)
            with pytest.raises(UnknownNameError):
                store.claim("abcdef1")

    def test_forgetting_a_study_spares_the_others(self, tmp_path: Path) -> None:
        """Only the trials that nobody else asks for go."""
        alone, shared = planned_trial(1), planned_trial(2)
        first, second = planned_study("first", (alone, shared)), planned_study("second", (shared,))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(first)
            store.plan(second)
            for key in (alone.key, shared.key):
                store.claim(key)
                finish(store, key)
            assert store.forget(first.digest) == 1
            assert [study.name for study in store.studies()] == ["second"]
            assert [trial.key for trial in store.trials()] == [shared.key]
            assert store.parameters(shared.key)
            with pytest.raises(UnknownNameError):
                store.forget(first.digest)

    def test_the_timeline_tells_what_happened(self, tmp_path: Path) -> None:
        """Each change of state has its line; others can be added."""
        key = planned_trial(1).key
        study = planned_study("one", (planned_trial(1),))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(study)
            store.claim(key)
            store.event("note", "a checkpoint did not fit", trial=key, data={"torch": "2.5"})
            store.release(key, "stopped")
            store.claim(key)
            finish(store, key)
            kinds = [event["kind"] for event in store.events(study=study.digest)]
            assert kinds == ["planned", "started", "note", "released", "started", "finished"]
            assert store.events(trial=key)[1]["data"] == {"torch": "2.5"}

    def test_what_is_stored_is_verified(self, tmp_path: Path) -> None:
        """Keys and digests are seen to be what they should be; made-up ones are unverified, not damaged."""
        sound, by_hand = planned_trial(1), planned_trial(2, key="f" * 64)
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (sound, by_hand)))
            for trial in (sound, by_hand):
                store.claim(trial.key)
                finish(store, trial.key)
            found = store.verify()
            assert (found.verified, found.unverified, found.faults) == (1, 1, ())
            assert store.forget_damaged() == 0
            assert store.trial(sound.key).damage is None

    def test_frames_hold_what_the_trials_hold(self, tmp_path: Path) -> None:
        """One row per trial in the order asked for, each metric a column; histories in long form."""
        done, waiting = planned_trial(1), planned_trial(2, baseline=float("nan"))
        with self.open_store(tmp_path / "results.db", write=True) as store:
            store.plan(planned_study("one", (done, waiting)))
            store.claim(done.key)
            finish(store, done.key)
            frame = store.frame([waiting.key, done.key, "f" * 64])
            assert frame["key"].tolist() == [waiting.key, done.key]
            assert frame["state"].tolist() == ["waiting", "complete"]
            assert np.isnan(frame["test_mse"][0])
            assert frame["test_mse"][1] == 0.004
            assert np.isnan(frame["baseline"][0])
            assert frame["baseline"][1] == 1 / 6
            assert store.frame()["seed"].tolist() == [1, 2]
            long = store.history_frame(None, "gradient_norm")
            assert long["step"].tolist() == list(range(1, 71))
            assert set(long["axis"]) == {"update"}
            assert long["value"].tolist() == store.history(done.key, "gradient_norm").tolist()
