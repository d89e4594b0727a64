"""The contract of a task as executable prose, for ours and for third parties' tasks.

Subclass ``TaskConformance`` in a test module, give ``task``, and let pytest collect it::

    class TestAdding(TaskConformance):
        def task(self, **settings):
            return Adding(**settings)
"""

from __future__ import annotations

import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from unroll import registry
from unroll.capabilities import Continues
from unroll.citation import cited
from unroll.streams import KeyedStreams, Streams
from unroll.streams.notebook import NotebookStreams
from unroll.tasks import Dataset, Split, Task
from unroll.testing.untouched import global_generators_untouched

ARRAYS = ("x", "y", "at", "asked")
PROTOCOLS: tuple[Callable[[int], Streams], ...] = (KeyedStreams, NotebookStreams)


class TaskConformance(ABC):
    """What every task promises, at the ``lengths`` that the subclass names."""

    lengths: ClassVar[tuple[int, ...]] = (4, 11)
    """Lengths that the task accepts."""
    too_short: ClassVar[tuple[int, ...]] = (0, -1)
    """Lengths that it refuses."""
    baseline_is_exact: ClassVar[bool] = True
    """Whether the baseline is the loss of the best constant, not of another predictor that remembers nothing."""

    @abstractmethod
    def task(self, **settings: Any) -> Task:
        """Return the task under test with these settings, ``train``, ``validation`` and ``test`` among them."""

    def datasets(self, seed: int = 1, **settings: Any) -> Iterator[tuple[Task, int, Dataset]]:
        """Yield a small dataset of each length and protocol."""
        task = self.task(**{"train": 40, "validation": 20, "test": 30, **settings})
        for length in self.lengths:
            for protocol in PROTOCOLS:
                yield task, length, task.dataset(protocol(seed), length)

    def test_splits_have_their_sizes_and_shapes(self) -> None:
        """As ``unroll.tasks.Split`` says them: numbers or ids, targets that are numbers or classes, steps that rise."""
        for sizes in ((40, 20, 30), (1, 0, 1)):
            for task, length, data in self.datasets(train=sizes[0], validation=sizes[1], test=sizes[2]):
                steps = task.total_steps(length)
                for split, n in zip((data.train, data.validation, data.test), sizes, strict=True):
                    assert len(split) == n
                    _inputs_are_right(task, split, (n, steps))
                    _targets_are_right(task, split, (n, steps))

    def test_every_number_is_finite(self) -> None:
        """No NaN and no infinity, in inputs or targets."""
        for _, _, data in self.datasets():
            assert all(np.isfinite(array).all() for array in _arrays(data))

    def test_the_same_streams_give_the_same_bits(self) -> None:
        """Data are a pure function of settings, seed and length."""
        for (_, _, one), (_, _, two) in zip(self.datasets(seed=5), self.datasets(seed=5), strict=True):
            assert _bits(one) == _bits(two)

    def test_another_seed_gives_other_data(self) -> None:
        """In each of the splits."""
        for (_, _, one), (_, _, two) in zip(self.datasets(seed=5), self.datasets(seed=6), strict=True):
            assert all(a != b for a, b in zip(_bits(one), _bits(two), strict=True))

    def test_the_splits_are_different_data(self) -> None:
        """No split repeats another, so that the test split measures what was not trained on."""
        for _, _, data in self.datasets(train=30, validation=30, test=30):
            assert len(set(_bits(data))) == 3

    def test_a_split_does_not_depend_on_the_sizes_of_the_others(self) -> None:
        """Under the protocol keyed: more training data leave validation and test data as they were."""
        for length in self.lengths:
            sizes = [{"train": 5, "validation": 7, "test": 9}, {"train": 50, "validation": 7, "test": 9}]
            sizes += [{"train": 5, "validation": 70, "test": 9}, {"train": 5, "validation": 7, "test": 90}]
            base, *others = (_bits(self.task(**size).dataset(KeyedStreams(3), length)) for size in sizes)
            for changed, other in enumerate(others):
                assert [place for place in range(3) if other[place] != base[place]] == [changed]

    def test_the_streams_are_asked_in_their_order(self) -> None:
        """``data``, ``validation``, ``test``, and nothing else: the protocol notebook depends on it."""

        class Watched(KeyedStreams):
            asked: ClassVar[list[str]] = []

            def generator(self, name: str) -> Any:
                self.asked.append(name)
                return super().generator(name)

        self.task(train=2, validation=2, test=2).dataset(Watched(1), self.lengths[0])
        assert Watched.asked == ["data", "validation", "test"]

    def test_global_generators_are_left_alone(self) -> None:
        """Neither Python's, nor NumPy's, nor PyTorch's generator is read, seeded or moved."""
        with global_generators_untouched():
            for _ in self.datasets():
                pass

    def test_the_baseline_is_the_loss_of_the_best_constant(self) -> None:
        """Within five standard errors, of 20,000 sequences; else the baseline must at least be a number above zero."""
        for length in self.lengths:
            task = self.task(train=20_000, validation=0, test=1)
            assert 0 < task.baseline(length) < float("inf")
            y = task.dataset(KeyedStreams(1), length).train.y
            if task.objective == "mse":
                numbers = y.astype(np.float64)
                losses = np.square(numbers - numbers.mean(axis=0)).reshape(len(y), -1).mean(axis=1)
            else:
                losses = registry.objectives.load(task.objective)().constant(y)
            if self.baseline_is_exact:
                # Of n sequences, each free number of the best answer takes about half of one in n from the loss.
                fitted = 0.0 if task.objective == "mse" else y.shape[1] * task.outputs / (2 * len(y) * y.shape[1])
                error = losses.std() / len(y) ** 0.5
                assert abs(losses.mean() - task.baseline(length)) < 5 * error + fitted + 1e-12

    def test_an_accuracy_has_its_chance(self) -> None:
        """That of always answering the most frequent class of each asked position, within five standard errors."""
        for length in self.lengths:
            task = self.task(train=20_000, validation=0, test=1)
            chance = task.chance(length)
            assert (chance is None) == (task.objective == "mse")
            if chance is None:
                continue
            data = task.dataset(KeyedStreams(1), length).train
            asked = data.y >= 0 if data.asked is None else data.asked
            counts = [np.bincount(y[one]) for y, one in zip(data.y.T, asked.T, strict=True) if one.any()]
            best = sum(count.max() for count in counts) / asked.sum()
            assert abs(best - chance) < 5 * (chance / asked.sum()) ** 0.5 + 0.02

    def test_lengths_that_make_no_sense_are_refused(self) -> None:
        """ValueError, with the length in the message, before anything is drawn."""
        for length in self.too_short:
            with pytest.raises(ValueError, match=str(length)):
                self.task().check_length(length)
        for length in self.lengths:
            self.task().check_length(length)

    def test_settings_are_frozen_and_plain(self) -> None:
        """They become part of the trial key: JSON must hold them, and bring the same task back."""
        task = self.task()
        plain = json.loads(json.dumps(task.model_dump(), allow_nan=False))
        assert type(task)(**plain) == task
        assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301 - our own bytes
        for name in plain:
            with pytest.raises(ValidationError):
                setattr(task, name, plain[name])
        with pytest.raises(ValidationError):
            self.task(no_such_setting=1)
        for name in ("train", "test"):
            with pytest.raises(ValidationError):
                self.task(**{name: 0})

    def test_the_facts_are_there(self) -> None:
        """Name, summary and sources whose entries are found; a criterion that a training can reach."""
        task = self.task()
        assert task.name.isidentifier()
        assert task.summary
        assert "\n" not in task.summary
        assert len(cited(type(task))) == len(task.sources)
        assert task.solved.below is None or task.solved.below > 0
        objective = registry.objectives.load(task.objective)
        measured = {objective.score.name, *(quantity.name for quantity in objective.counted)}
        assert task.solved.metric in measured or isinstance(task, Continues)
        if task.solved.metric == objective.score.name:
            assert task.solved.below is not None
            assert task.solved.below < task.baseline(self.lengths[0])
        assert task.inputs >= 1
        assert task.outputs >= 1


def _inputs_are_right(task: Task, split: Split, shape: tuple[int, int]) -> None:
    if task.tokens:
        assert split.x.dtype in (np.uint8, np.int32)
        assert split.x.shape == shape
        assert not split.x.size or 0 <= split.x.min() <= split.x.max() < task.inputs
    else:
        assert split.x.dtype == np.float32
        assert split.x.shape == (*shape, task.inputs)


def _targets_are_right(task: Task, split: Split, shape: tuple[int, int]) -> None:
    n, steps = shape
    scored = {"last": 1, "every": steps}.get(task.readout)
    if task.readout == "some":
        assert split.at is not None
        assert split.at.dtype == np.int32
        assert (np.diff(split.at, axis=1) > 0).all()
        assert not split.at.size or 0 <= split.at.min() <= split.at.max() < steps
        scored = split.at.shape[1]
    else:
        assert split.at is None
    if task.objective == "mse":
        assert split.y.dtype == np.float32
        assert split.y.shape == ((n, task.outputs) if task.readout == "last" else (n, scored, task.outputs))
        return
    assert split.y.dtype == np.int32
    assert split.y.shape == (n, scored)
    assert not split.y.size or -1 <= split.y.min() <= split.y.max() < task.outputs
    assert (split.y >= 0).any(axis=1).all(), "each sequence has a scored position"
    if split.asked is not None:
        assert split.asked.dtype == np.bool_
        assert split.asked.shape == split.y.shape
        assert not (split.asked & (split.y < 0)).any(), "only what is scored is asked"


def _arrays(data: Dataset) -> list[np.ndarray]:
    every = [getattr(split, name) for split in (data.train, data.validation, data.test) for name in ARRAYS]
    return [array for array in every if array is not None]


def _bits(data: Dataset) -> list[bytes]:
    def of(split: Split) -> bytes:
        return b"".join(array.tobytes() for array in (getattr(split, name) for name in ARRAYS) if array is not None)

    return [of(data.train), of(data.validation), of(data.test)]
