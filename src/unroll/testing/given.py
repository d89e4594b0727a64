"""What a task promises whose data are given, not drawn: see ``unroll.tasks.given``."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from unroll.streams import KeyedStreams
from unroll.tasks import Task
from unroll.testing.tasks import TaskConformance, bits


class GivenConformance(TaskConformance):
    """The contract of a task without ``train``, ``validation`` and ``test``: the data say how many there are.

    Baseline and chance are not those of draws, so the subclass compares them with its own data. What is asked of
    sizes and of streams that draw is left out.
    """

    no_exact_baseline: ClassVar[str] = "it is that of training's mean or frequencies on the test part"
    no_oracle: ClassVar[str] = "no rule gives the answers: the data are what people made"
    seeds_part: ClassVar[bool] = False
    """Whether the seed decides which example comes into which split."""

    def sized(self, **settings: Any) -> Task:
        """Return the task without the sizes, which it does not have."""
        return self.task(
            **{name: value for name, value in settings.items() if name not in ("train", "validation", "test")}
        )

    def test_another_seed_gives_other_data(self) -> None:
        """Where the seed parts the data; else it changes nothing of them."""
        for (_, _, one), (_, _, two) in zip(self.datasets(seed=5), self.datasets(seed=6), strict=True):
            assert all((a != b) == self.seeds_part for a, b in zip(bits(one), bits(two), strict=True))

    def test_a_split_does_not_depend_on_the_sizes_of_the_others(self) -> None:
        """Does not apply: there are no sizes to choose."""
        pytest.skip("no sizes to choose")

    def test_the_streams_are_asked_in_their_order(self) -> None:
        """Of the three, in their order, as many as it needs."""

        class Watched(KeyedStreams):
            asked: ClassVar[list[str]] = []

            def generator(self, name: str, epoch: int = 0) -> Any:
                self.asked.append(name)
                return super().generator(name, epoch)

        self.task().dataset(Watched(1), self.lengths[0])
        assert Watched.asked == ["data", "validation", "test"][: len(Watched.asked)]

    def test_an_accuracy_has_its_chance(self) -> None:
        """A share of classes has one, between 0 and 1; how large it is, is compared with the data by the subclass."""
        for length in self.lengths:
            task = self.task()
            chance = task.chance(length)
            assert (chance is None) == (task.objective == "mse")
            assert chance is None or 0 < chance < 1

    def test_what_the_current_symbol_tells_is_told(self) -> None:
        """A line is a number; how right it is, is compared with the data by the subclass."""
        second = self.task().second(self.lengths[0])
        assert second is None or 0 < second.loss < float("inf")

    def test_the_sizes_are_no_settings(self) -> None:
        """Nobody can ask for more than there is."""
        assert not {"train", "validation", "test", "fresh"} & set(self.task().resolved())
