"""The contract of a task as executable prose, for ours and for third parties' tasks.

Subclass ``TaskConformance`` in a test module, give ``task``, and let pytest collect it::

    class TestAdding(TaskConformance):
        def task(self, **settings):
            return Adding(**settings)
"""

from __future__ import annotations

import json
import pickle
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
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
    no_exact_baseline: ClassVar[str] = ""
    """Why the baseline is not the loss of the best constant, where it is that of another answer without an input."""
    ragged: ClassVar[bool] = False
    """Whether sequences of a split end at different steps."""
    oracle_error: ClassVar[float] = 1e-6
    """How wrong the oracle may be: of numbers its root mean squared error, of classes the share of wrong ones."""
    no_oracle: ClassVar[str] = "the subclass gives none"
    """Why there is no oracle, where there is none."""
    unparted: ClassVar[Mapping[str, Any]] = {}
    """Settings under which a few sequences are enough for all splits, at any length."""

    @abstractmethod
    def task(self, **settings: Any) -> Task:
        """Return the task under test with these settings, ``train``, ``validation`` and ``test`` among them."""

    def sized(self, **settings: Any) -> Task:
        """Return the task under test with so many sequences; one whose data are given has the sizes that it has."""
        return self.task(**settings)

    def oracle(self, task: Any, length: int, seen: Any) -> Any:
        """Return the target at the last of the steps ``seen``, (t, I) or of tokens (t,), from the definition alone.

        Write it again from the definition, in another way than the task does; leave it out where nothing can answer.
        """
        raise NotImplementedError

    def asked_for(self, task: Any) -> set[int]:
        """Return the classes that scored positions ask for: all, unless the definition leaves some out."""
        return set(range(task.outputs))

    def datasets(self, seed: int = 1, **settings: Any) -> Iterator[tuple[Task, int, Dataset]]:
        """Yield a small dataset of each length and protocol."""
        task = self.sized(**{"train": 40, "validation": 20, "test": 30, **settings})
        for length in self.lengths:
            for protocol in PROTOCOLS:
                yield task, length, task.dataset(protocol(seed), length)

    def test_splits_have_their_sizes_and_shapes(self) -> None:
        """As ``unroll.tasks.Split`` says them: numbers or ids, targets that are numbers or classes, steps that rise."""
        for sizes in ((40, 20, 30), (1, 0, 1)):
            for task, length, data in self.datasets(train=sizes[0], validation=sizes[1], test=sizes[2]):
                steps, n_of_each = task.total_steps(length), task.examples(length)
                for split, n in zip((data.train, data.validation, data.test), n_of_each, strict=True):
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
            assert bits(one) == bits(two)

    def test_another_seed_gives_other_data(self) -> None:
        """In each of the splits."""
        for (_, _, one), (_, _, two) in zip(self.datasets(seed=5), self.datasets(seed=6), strict=True):
            assert all(a != b for a, b in zip(bits(one), bits(two), strict=True))

    def test_the_splits_are_different_data(self) -> None:
        """No split repeats another, so that the test split measures what was not trained on."""
        for _, _, data in self.datasets(train=30, validation=30, test=30):
            assert len(set(bits(data))) == 3

    def test_a_split_does_not_depend_on_the_sizes_of_the_others(self) -> None:
        """Under the protocol keyed: more training data leave validation and test data as they were."""
        for length in self.lengths:
            sizes = [{"train": 5, "validation": 7, "test": 9}, {"train": 50, "validation": 7, "test": 9}]
            sizes += [{"train": 5, "validation": 70, "test": 9}, {"train": 5, "validation": 7, "test": 90}]
            base, *others = (bits(self.sized(**size).dataset(KeyedStreams(3), length)) for size in sizes)
            for changed, other in enumerate(others):
                assert [place for place in range(3) if other[place] != base[place]] == [changed]

    def test_the_streams_are_asked_in_their_order(self) -> None:
        """``data``, ``validation``, ``test``, and nothing else: the protocol notebook depends on it."""

        class Watched(KeyedStreams):
            asked: ClassVar[list[str]] = []

            def generator(self, name: str, epoch: int = 0) -> Any:
                self.asked.append(f"{name}/{epoch}" if epoch else name)
                return super().generator(name, epoch)

        self.sized(train=2, validation=2, test=2).dataset(Watched(1), self.lengths[0])
        assert Watched.asked == ["data", "validation", "test"]

    def test_global_generators_are_left_alone(self) -> None:
        """Neither Python's, nor NumPy's, nor PyTorch's generator is read, seeded or moved."""
        with global_generators_untouched():
            for _ in self.datasets():
                pass

    def test_the_baseline_is_the_loss_of_the_best_constant(self) -> None:
        """Within four standard errors, of 20,000 sequences.

        Else ``no_exact_baseline`` says why not, and the baseline must at least be a number above zero.
        """
        for length in self.lengths:
            task = self.sized(train=20_000, validation=0, test=1)
            assert 0 < task.baseline(length) < float("inf")
            data = task.dataset(KeyedStreams(1), length).train
            if task.objective == "mse":
                numbers = data.y.astype(np.float64)
                losses = np.square(numbers - numbers.mean(axis=0)).reshape(len(numbers), -1).mean(axis=1)
                scored, fitted = np.ones(len(losses)), 0.0
            else:
                losses = registry.objectives.load(task.objective)().constant(data.y, data.at)
                scored = (data.y >= 0).sum(axis=1)
                # Each free number of the best answer takes about half of one score from the sum of the losses.
                fitted = len(np.unique(_steps(task, data)[data.y >= 0])) * task.outputs / (2 * scored.sum())
            if not self.no_exact_baseline:
                found = (losses * scored).sum() / scored.sum()
                error = np.sqrt(np.square((losses - found) * scored).sum()) / scored.sum()
                assert abs(found - task.baseline(length)) < 4 * error + fitted + 1e-12
        if self.no_exact_baseline:
            pytest.skip(f"no exact baseline: {self.no_exact_baseline}")

    def test_an_accuracy_has_its_chance(self) -> None:
        """That of always giving, at each asked step, what is most frequent there in other sequences.

        Within four standard errors, of 20,000 sequences each.
        """
        for length in self.lengths:
            task = self.sized(train=20_000, validation=0, test=20_000)
            chance = task.chance(length)
            assert (chance is None) == (task.objective == "mse")
            if chance is None:
                continue
            data = task.dataset(KeyedStreams(1), length)
            counts = np.zeros((task.total_steps(length), task.outputs))
            asked = _asked(data.train)
            np.add.at(counts, (_steps(task, data.train)[asked], data.train.y[asked]), 1)
            asked = _asked(data.test)
            right = (data.test.y == counts.argmax(axis=1)[_steps(task, data.test)]) & asked
            found = right.sum() / asked.sum()
            excess = right.sum(axis=1) - found * asked.sum(axis=1)
            error = np.sqrt(np.square(excess).sum()) / asked.sum()
            assert abs(found - chance) < 4 * error + 1e-12

    def test_what_the_current_symbol_tells_is_told(self) -> None:
        """Who sees the current symbol and its step is no better than the baseline, or than the line called "current".

        Of tokens, within four standard errors: answers are learned from 20,000 sequences, tried on others.
        """
        for length in self.lengths:
            if not self.task().tokens:
                return
            task = self.task(train=20_000, validation=0, test=20_000)
            second = task.second(length)
            current = second if second is not None and second.name.startswith("current") else None
            assert task.memoryless == (current is None)
            loss, accuracy = (
                (task.baseline(length), task.chance(length)) if current is None else (current.loss, current.accuracy)
            )
            data = task.dataset(KeyedStreams(1), length)
            counts = np.full((task.total_steps(length), task.inputs, task.outputs), 1e-9)
            places, _ = _current(task, data.train)
            np.add.at(counts, (*places, data.train.y[data.train.y >= 0].astype(np.int64)), 1)
            places, rows = _current(task, data.test)
            targets = data.test.y[data.test.y >= 0]
            shares = counts / counts.sum(axis=2, keepdims=True)
            losses = -np.log(shares[(*places, targets)])
            right = (counts.argmax(axis=2)[places] == targets)[_asked(data.test)[data.test.y >= 0]]
            fitted = 2 * np.count_nonzero(counts.sum(axis=2) > 0.5) * task.outputs / len(targets)
            assert abs(losses.mean() - loss) < 4 * _error(losses, rows) + fitted
            assert accuracy is not None
            askers = rows[_asked(data.test)[data.test.y >= 0]]
            assert abs(right.mean() - accuracy) < 4 * _error(right, askers) + fitted

    def test_each_class_is_asked_for(self) -> None:
        """Of 20,000 sequences, each class that the definition can ask for, and no other."""
        for length in self.lengths:
            task = self.sized(train=20_000, validation=0, test=1)
            if task.objective != "mse":
                y = task.dataset(KeyedStreams(1), length).train.y
                assert set(np.unique(y[y >= 0]).tolist()) == self.asked_for(task)

    def test_an_oracle_solves_it(self) -> None:
        """From what was seen up to a step alone, so that nothing after it can change its target."""
        if type(self).oracle is TaskConformance.oracle:
            pytest.skip(f"no oracle: {self.no_oracle}")
        for length in self.lengths:
            task = self.sized(train=40, validation=0, test=1)
            wrong, squares = [], []
            for seen, target in _scored(task, task.dataset(KeyedStreams(1), length).train):
                answer = self.oracle(task, length, seen)
                wrong.append(not np.array_equal(answer, target))
                squares.append(np.square(np.subtract(answer, target, dtype=np.float64)).mean())
            error = np.mean(squares) ** 0.5 if task.objective == "mse" else np.mean(wrong)
            assert error <= self.oracle_error

    def test_what_is_shorter_ends_with_zeros(self) -> None:
        """After the last score of a sequence that is shorter than others; some sequences are, where any may be."""
        if not self.ragged:
            return
        ends = []
        for task, length, data in self.datasets():
            for x, seen in zip(data.train.x, _ends(task, data.train), strict=True):
                assert not x[seen + 1 :].any()
                ends.append((length, seen))
        assert len(set(ends)) > len(self.lengths)

    def test_short_lengths_are_taken_or_refused(self) -> None:
        """Each of 1 to 12 gives sequences of its steps, or a ValueError that holds it and the bound."""
        for length in range(1, 13):
            task = self.sized(**{"train": 20, "validation": 5, "test": 5, **self.unparted})
            try:
                task.check_length(length)
            except ValueError as error:
                told = re.findall(r"\d+", str(error))
                assert str(length) in told
                assert len(told) > 1
                continue
            assert task.dataset(KeyedStreams(1), length).test.x.shape[1] == task.total_steps(length)

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
        solved = task.criterion(self.lengths[0])
        assert solved.below is None or solved.below > 0
        objective = registry.objectives.load(task.objective)
        measured = {objective.score.name, *(quantity.name for quantity in objective.counted)}
        assert solved.metric in measured or isinstance(task, Continues)
        if solved.metric == objective.score.name:
            assert solved.below is not None
            assert solved.below < task.baseline(self.lengths[0])
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


def _asked(split: Split) -> np.ndarray:
    """Return the positions of which an accuracy is told, (N, S)."""
    return split.y >= 0 if split.asked is None else split.asked


def _steps(task: Task, split: Split) -> np.ndarray:
    """Return the step of each position of the targets, (N, S)."""
    if split.at is not None:
        return split.at
    last = split.x.shape[1] - 1
    steps = np.array([last]) if task.readout == "last" else np.arange(last + 1)
    return np.broadcast_to(steps, (len(split), len(steps)))


def _scores(task: Task, split: Split) -> np.ndarray:
    """Return which positions of the targets are scored, (N, S)."""
    steps = _steps(task, split)
    return np.ones(steps.shape, dtype=bool) if task.objective == "mse" else split.y >= 0


def _current(task: Task, split: Split) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return of each scored position its step and the symbol there, and the number of its sequence."""
    scored = split.y >= 0
    steps, rows = _steps(task, split)[scored], np.nonzero(scored)[0]
    return (steps, split.x[rows, steps]), rows


def _error(values: np.ndarray, rows: np.ndarray) -> float:
    """Return the standard error of a mean over positions, of which those of one sequence belong together."""
    excess = np.bincount(rows, values - values.mean())
    return float(np.sqrt(np.square(excess).sum()) / len(values))


def _ends(task: Task, split: Split) -> np.ndarray:
    """Return the last scored step of each sequence, (N,)."""
    ends: np.ndarray = np.where(_scores(task, split), _steps(task, split), -1).max(axis=1)
    return ends


def _scored(task: Task, split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each scored position, what came up to its step, and its target."""
    targets = split.y[:, None] if split.y.ndim == 2 and task.objective == "mse" else split.y
    for x, y, steps, scores in zip(split.x, targets, _steps(task, split), _scores(task, split), strict=True):
        for target, step, scored in zip(y, steps, scores, strict=True):
            if scored:
                yield x[: step + 1], target


def _arrays(data: Dataset) -> list[np.ndarray]:
    every = [getattr(split, name) for split in (data.train, data.validation, data.test) for name in ARRAYS]
    return [array for array in every if array is not None]


def bits(data: Dataset) -> list[bytes]:
    """Return the bytes of each split."""

    def of(split: Split) -> bytes:
        return b"".join(array.tobytes() for array in (getattr(split, name) for name in ARRAYS) if array is not None)

    return [of(data.train), of(data.validation), of(data.test)]
