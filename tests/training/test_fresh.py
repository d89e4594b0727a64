"""Training sequences drawn anew for each epoch: which they are, and that nothing but the epoch decides it.

Planted and found: the first epoch's sequences kept, in one go or by a training that was frozen within a later epoch;
the mean of an epoch weighed by the first epoch's scored positions; test inputs seen in the last epoch alone counted;
those seen before a freeze forgotten.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.test_loop import finish
from unroll import Study, expand
from unroll.errors import StudyError
from unroll.models.resolve import resolve
from unroll.running import check
from unroll.running.calibration import Calibration, shape
from unroll.running.kept import why_anew
from unroll.running.planning import plan
from unroll.streams import KeyedStreams
from unroll.streams.notebook import NotebookStreams
from unroll.study import Trial
from unroll.tasks.inputs import rows
from unroll.training import Training, single_thread, train

EPOCHS = 4


def study(task: str = "counting", fresh: bool = True, protocol: str = "keyed", **more) -> Study:
    return Study(
        name="fresh",
        protocol=protocol,
        factors={"task": [task], "model": ["gru"], "length": [5], "seed": [1]},
        task={"train": 50, "validation": 10, "test": 30, "fresh": fresh},
        model={"hidden": 3},
        train={"epochs": EPOCHS, "batch": 16, **more},
    )


def trial(*args, **more) -> Trial:
    return expand(study(*args, **more))[0]


def test_each_epoch_has_the_sequences_of_its_own_stream():
    one = trial()
    seen = []
    with single_thread():
        training = Training(one)
        for progress in training.run():
            if progress.updates % training.per_epoch == 0 and len(seen) == progress.epoch < EPOCHS:
                seen.append(training.train.x.numpy().tobytes())
    task = resolve(one).task
    expected = [task.sequences(KeyedStreams(1).generator("data", epoch), 50, 5).x.tobytes() for epoch in range(EPOCHS)]
    assert seen == expected
    assert len(set(seen)) == EPOCHS
    assert seen[0] == task.dataset(KeyedStreams(1), 5).train.x.tobytes(), "the first epoch's are those of any trial"


@pytest.mark.parametrize(("task", "length"), [("counting", 5), ("parity", 8), ("adding", 5)])
@pytest.mark.parametrize("at", [1, 4, 5, 11])
def test_a_training_goes_on_with_the_same_bits_wherever_it_was_frozen(task: str, length: int, at: int):
    one = trial(task).replace(length=length)
    with single_thread():
        whole = finish(train(one))
        steps = train(one)
        for _ in range(at):
            progress = next(steps)
        again = finish(train(one, progress.freeze()))
    assert again.digest == whole.digest
    assert {name: one.digest for name, one in again.measured.items()} == {
        name: one.digest for name, one in whole.measured.items()
    }


def test_the_loss_of_an_epoch_is_over_its_own_scored_positions():
    with single_thread():
        training = Training(trial(task="counting"))
        result = finish(training.run())
    losses = result.histories["loss"].reshape(EPOCHS, -1)
    for epoch in range(EPOCHS):
        y = training.task.epoch(KeyedStreams(1), epoch, 5).y
        scored = (y >= 0).sum(axis=1)[KeyedStreams(1).order(epoch, 50)]
        weights = [scored[first : first + 16].sum() for first in range(0, 50, 16)]
        assert result.histories["train_loss"][epoch] == pytest.approx(np.average(losses[epoch], weights=weights))


def test_what_was_seen_in_any_epoch_counts_as_seen():
    one = trial(task="parity")
    with single_thread():
        result = finish(train(one))
    task = resolve(one).task
    tested = set(rows(task.dataset(KeyedStreams(1), 5).test.x))
    epochs = [set(rows(task.epoch(KeyedStreams(1), epoch, 5).x)) for epoch in range(EPOCHS)]
    seen = tested & set.union(*epochs)
    assert result.all_metrics["test_seen"] == pytest.approx(len(seen) / len(tested))
    assert len(tested & epochs[-1]) < len(seen), "the last epoch alone saw fewer"
    assert "train_inputs" not in result.all_metrics


def test_it_is_in_the_key_only_where_it_is_on():
    on, off = trial(), trial(fresh=False)
    assert on.key != off.key
    assert "fresh" not in off.spec["settings"]["task"]
    assert Trial.from_spec(on.spec).key == on.key
    assert why_anew(on) == ""
    assert plan(study(), [on]).trials[0].notes.endswith("new training sequences in each epoch")


def test_where_nothing_can_be_drawn_anew_it_is_refused():
    with pytest.raises(StudyError, match="splits of sine are drawn together"):
        check(study("sine"))
    with pytest.raises(StudyError, match="notebook draws all data once"):
        check(study("adding", protocol="notebook"))
    with pytest.raises(ValueError, match="no stream data of epoch 1"):
        NotebookStreams(1).generator("data", 1)


def test_an_estimate_counts_the_drawing_of_each_epoch_but_the_first():
    one, once = trial(), trial(fresh=False)
    known = Calibration({shape(one): [(5, 1.0)]}, {}, {shape(one): [(5, 0.01)]})
    assert known.cost(one) - known.cost(once) == pytest.approx((EPOCHS - 1) * 50 * 0.01)
