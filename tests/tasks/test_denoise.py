"""The denoising problem against its definition, written here again.

Planted and found: places with replacement, as in the authors' code (a fifth of the sequences at T = 200 then ask for a
symbol that was overwritten); a cue that reads as a blank; an accuracy over the blanks; a place at the cue's own step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.denoise import Denoise
from unroll.testing.tasks import TaskConformance


class TestDenoise(TaskConformance):
    lengths = (1, 7)

    def task(self, **settings: Any) -> Denoise:
        return Denoise(**{"items": 4, "symbols": 5, **settings})

    def oracle(self, task: Denoise, length: int, seen: Any) -> Any:
        """A blank up to the cue; after it, what was no blank, in its order."""
        text = "".join(" " if symbol == 0 else chr(96 + symbol) for symbol in seen)
        before, _, after = text.partition(chr(96 + task.symbols + 1))
        if not after:
            return 0
        assert after.isspace()
        return ord("".join(before.split())[len(after) - 1]) - 96


def test_the_cue_is_read_and_only_the_answers_are_asked():
    task = Denoise(items=3)
    split = task.sequences(KeyedStreams(1).generator("data"), 50, 6)
    assert (split.x[:, 8] == 10).all()
    assert task.inputs > 10
    assert split.asked is not None
    assert (split.asked == (np.arange(12) > 8)).all()


def test_symbols_stand_anywhere_before_the_cue():
    """3 of 8 steps, all equally likely."""
    x = Denoise(items=3).sequences(KeyedStreams(1).generator("data"), 20_000, 6).x
    found = ((x > 0) & (x < 10)).mean(axis=0)
    assert found == pytest.approx([3 / 8] * 8 + [0] * 4, abs=4 * (3 / 8 * 5 / 8 / 20_000) ** 0.5)


def test_numbers_by_hand():
    assert Denoise().baseline(200) == pytest.approx(0.0999, abs=5e-5)
    assert Denoise(symbols=8).baseline(100) == pytest.approx(0.17329, abs=5e-6)
    assert Denoise().chance(200) == 1 / 9
