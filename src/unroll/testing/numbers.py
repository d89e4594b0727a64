"""The contract of a task of number sequences as executable prose: that of a task, and what generation relies on.

Subclass ``NumbersConformance`` in a test module, give ``task``, and let pytest collect it::

    class TestFibonacci(NumbersConformance):
        def task(self, **settings):
            return Fibonacci(**settings)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from unroll.streams import KeyedStreams
from unroll.tasks import Dataset, Split
from unroll.tasks.numbers import Numbers
from unroll.tasks.windows import constant, draw
from unroll.testing.tasks import TaskConformance


class NumbersConformance(TaskConformance):
    """What every task of number sequences promises, at the ``lengths`` that the subclass names."""

    lengths: ClassVar[tuple[int, ...]] = (3, 5)
    no_exact_baseline: ClassVar[str] = "it is the mean over the grid of sequences, of which the splits hold a part"
    no_oracle: ClassVar[str] = "what follows a window is compared with the rule's own terms"
    unparted: ClassVar[Mapping[str, Any]] = {"split": "none"}

    @abstractmethod
    def task(self, **settings: Any) -> Numbers:
        """Return the task under test with these settings."""

    def representations(self) -> Iterator[Numbers]:
        """Yield the task in every representation that it allows, with enough sequences for all splits."""
        for name in get_args(type(self.task()).model_fields["representation"].annotation):
            yield self.task(representation=name, train=200, validation=100, test=100)

    def test_splits_have_their_sizes_and_shapes(self) -> None:
        """float32; x (N, T, 1); y (N, 1) or (N, T, 1); N windows, at least one where sequences are asked for."""
        for sizes in ((40, 20, 30), (1, 0, 1)):
            for task, length, data in self.datasets(train=sizes[0], validation=sizes[1], test=sizes[2]):
                for split, n in zip((data.train, data.validation, data.test), sizes, strict=True):
                    assert (len(split) > 0) == (n > 0)
                    assert split.x.dtype == split.y.dtype == np.float32
                    assert split.x.shape == (len(split), length, 1)
                    assert split.y.shape == ((len(split), 1) if task.readout == "last" else (len(split), length, 1))

    def test_a_split_does_not_depend_on_the_sizes_of_the_others(self) -> None:
        """Under the protocol keyed, as long as nothing is dropped for being in training."""
        for length in self.lengths:
            sizes = [{"train": 30, "validation": 37, "test": 39}, {"train": 50, "validation": 37, "test": 39}]
            sizes += [{"train": 30, "validation": 70, "test": 39}, {"train": 30, "validation": 37, "test": 90}]
            every = [self.task(split="none", **size).dataset(KeyedStreams(3), length) for size in sizes]
            base, *others = ([split.x.tobytes() for split in _splits(data)] for data in every)
            for changed, other in enumerate(others):
                assert [place for place in range(3) if other[place] != base[place]] == [changed]

    def test_another_seed_gives_other_data(self) -> None:
        """In each of the splits, where all draw from all parameters; those held out may be too few to differ."""
        for (_, _, one), (_, _, two) in zip(
            self.datasets(seed=5, split="none"), self.datasets(seed=6, split="none"), strict=True
        ):
            for a, b in zip(_splits(one), _splits(two), strict=True):
                assert a.x.tobytes() != b.x.tobytes()

    def test_the_target_is_the_window_moved_by_one(self) -> None:
        """What a network puts out at a step is what it is fed at the next."""
        for task, length, data in self.datasets():
            for split in _splits(data):
                if task.readout == "every":
                    np.testing.assert_array_equal(split.x[:, 1:], split.y[:, :-1])
                    assert split.y.shape[1] == length

    def test_no_input_is_in_two_splits(self) -> None:
        """As the network sees them, the prompt's among those held back; those that were dropped are counted."""
        for length in self.lengths:
            for task in self.representations():
                drawn = draw(task, KeyedStreams(1), length, task.beginning(length))
                data = task.dataset(KeyedStreams(1), length)
                assert dict(data.dropped) == dict(drawn.dropped)
                sizes = tuple(map(len, _splits(data)))
                assert sizes == tuple(map(len, (drawn.train, drawn.validation, drawn.test)))
                prompt = task.prompted(np.array([task.beginning(length)]))[:, :length]
                trained, validated, tested = ({row.tobytes() for row in split.x[..., 0]} for split in _splits(data))
                if constant(task, length):
                    assert not any(data.dropped.values())
                    assert tested <= trained
                    continue
                assert not trained & validated
                assert not trained & tested
                assert not validated & tested
                assert prompt[0].tobytes() not in trained | validated
            free = draw(self.task(split="none"), KeyedStreams(1), length, self.task().beginning(length))
            assert not any(free.dropped.values())

    def test_nothing_of_a_regime_was_trained_on(self) -> None:
        """In no regime does a prompt, as the network sees it, occur in training, or twice."""
        for length in self.lengths:
            for task in self.representations():
                if constant(task, length):
                    continue
                trained = {row.tobytes() for row in task.dataset(KeyedStreams(1), length).train.x[..., 0]}
                for values in task.regimes(KeyedStreams(1), length).values():
                    prompts = [row.tobytes() for row in task.prompted(values[:, :length])]
                    assert len({*prompts}) == len(prompts)
                    assert not trained & {*prompts}

    def test_codes_can_be_undone(self) -> None:
        """Value by value, each from the ones decoded before it, in every representation and regime."""
        seen = 0
        for task in self.representations():
            for values in task.regimes(KeyedStreams(2), self.lengths[-1], 12).values():
                seen += len(values)  # none where training has seen all of a regime
                codes, past = task.coding.encode(values), task.coding.start(values[:, :1])
                largest = np.abs(values).max(initial=0.0)
                for t in range(1, values.shape[1]):
                    decoded, past = task.coding.decode(codes[:, t], past)
                    np.testing.assert_allclose(decoded, values[:, t], rtol=1e-9, atol=1e-9 * largest)
        assert seen

    def test_codes_look_only_back(self) -> None:
        """A code never changes with a later value."""
        for task in self.representations():
            for values in task.regimes(KeyedStreams(2), self.lengths[-1], 12).values():
                codes = task.coding.encode(values)
                for t in range(values.shape[1] - 1):
                    changed = values.copy()
                    changed[:, t + 1 :] = -3.0 * changed[:, t + 1 :] + 1e4
                    np.testing.assert_array_equal(task.coding.encode(changed)[:, : t + 1], codes[:, : t + 1])

    def test_the_rule_continues_the_sequences(self) -> None:
        """From the task's own prompt, and from the test sequences."""
        task = self.task()
        prompt = np.array(task.prompt)
        truth = task.truth(prompt, 8, len(prompt))
        assert truth is not None
        assert truth.shape == (8,)
        assert task.rule.startswith("x(t+1) = ")
        for length in self.lengths:
            for regime, values in task.regimes(KeyedStreams(1), length, 8).items():
                for row in values[:20]:
                    known = task.truth(row[:length], 8, length)
                    if known is not None and regime != "step":  # of which a short prompt may not show the rule
                        np.testing.assert_allclose(known, row[length:], rtol=1e-6, atol=1e-6 * np.abs(row).max())

    def test_regimes_are_long_enough_and_repeat(self) -> None:
        """At least "within" and "larger": (n, T + further) finite values, the same for the same streams.

        A regime beyond the trained range may be empty where the code gives the same inputs; raw numbers never are.
        """
        for length in self.lengths:
            task = self.task(representation="raw", train=100, validation=30, test=30)
            found, again = (task.regimes(KeyedStreams(4), length, 20) for _ in range(2))
            assert {"within", "larger"} <= {*found}
            for name, values in found.items():
                assert values.shape == (len(values), length + 20)
                assert len(values) <= 200
                assert len(values) or name not in ("within", "larger")
                assert values.dtype == np.float64
                assert np.isfinite(values).all()
                np.testing.assert_array_equal(values, again[name])
            assert np.abs(found["larger"]).max() > 2 * np.abs(found["within"][:, :length]).min()

    def test_the_number_of_windows_is_as_expected(self) -> None:
        """Within a tenth, of 2,000 sequences."""
        for length in self.lengths:
            windows = len(self.task(split="none").dataset(KeyedStreams(1), length).train)
            assert windows == pytest.approx(self.task(train=2_000).examples(length)[0], rel=0.1)

    def test_the_baseline_is_that_of_the_mean(self) -> None:
        """The mean squared deviation of the targets from their mean, within a tenth, in every representation."""
        for length in self.lengths:
            for task in self.representations():
                free = task.model_copy(update={"split": "none", "train": 4_000})
                y = free.dataset(KeyedStreams(1), length).train.y.astype(np.float64)
                assert task.baseline(length) == pytest.approx(float(y.var()), rel=0.1, abs=1e-12)

    def test_a_scale_that_divides_out_is_refused(self) -> None:
        """``scale = "whole"`` beside a representation of ratios would change nothing."""
        for name in ("prefix_max", "last_value"):
            with pytest.raises(ValidationError):
                self.task(scale="whole", representation=name)


def _splits(data: Dataset) -> tuple[Split, Split, Split]:
    return data.train, data.validation, data.test
