"""A user's text, against windows, counts and logarithms in plain Python.

Planted and found: the whole file's alphabet for training's; the next symbol taken from the same step; a
window that reaches from one part into the next; bigrams that count the test; ids in the order of frequency; a
column that counts bytes.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unroll.errors import DataError
from unroll.streams import KeyedStreams
from unroll.tasks import text
from unroll.tasks.text import Text
from unroll.testing.given import GivenConformance

WORDS = "the cat sat on a mat while it rained; ça va, und während es regnete 🙂\n"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that characters and pairs lie across the border between two."""
    monkeypatch.setattr(text, "CHUNK", 7)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "words.txt"
    generator = np.random.default_rng(1)
    words = WORDS.split(" ")
    file.write_text(" ".join(words[n] for n in generator.integers(0, len(words), 400)) + "@@@", encoding="utf-8")
    return file


class TestText(GivenConformance):
    lengths = (4, 11)

    @pytest.fixture(autouse=True)
    def _file(self, path: Path) -> None:
        self.path = path

    def task(self, **given: Any) -> Text:
        return Text(**{"file": str(self.path), "keep": 12, **given})

    def asked_for(self, task: Any) -> set[int]:
        symbols, _ = oracle(self.path, 12)
        return set(symbols[: len(symbols) - 2 * (len(symbols) // 20)])


class TestBytes(TestText):
    def task(self, **given: Any) -> Text:
        return super().task(level="byte", keep=300, **given)

    def asked_for(self, task: Any) -> set[int]:
        data = self.path.read_bytes()
        return set(range(1, 1 + len(set(data[: len(data) - 2 * (len(data) // 20)]))))


def oracle(path: Path, keep: int) -> tuple[list[int], int]:
    """The ids of all characters, and how many symbols there are."""
    characters = path.read_text(encoding="utf-8")
    train = characters[: len(characters) - 2 * (len(characters) // 20)]
    ranked = sorted(Counter(train).items(), key=lambda item: (-item[1], item[0]))
    kept = sorted(character for character, _ in ranked[:keep])
    return [kept.index(one) + 1 if one in kept else 0 for one in characters], len(kept) + 1


@pytest.mark.parametrize("keep", [5, 12, 1_000])
def test_windows_follow_each_other_within_a_part(path: Path, keep: int) -> None:
    symbols, alphabet = oracle(path, keep)
    task = Text(file=str(path), keep=keep)
    assert task.inputs == task.outputs == alphabet
    held, data = len(symbols) // 20, task.dataset(KeyedStreams(1), 9)
    begins = (0, len(symbols) - 2 * held, len(symbols) - held)
    ends = (len(symbols) - 2 * held, len(symbols) - held, len(symbols))
    for split, begin, end in zip((data.train, data.validation, data.test), begins, ends, strict=True):
        assert split.x.dtype == np.uint8
        windows = [range(n, n + 9) for n in range(begin, end - 9, 9)]
        assert split.x.tolist() == [[symbols[step] for step in window] for window in windows]
        assert split.y.tolist() == [[symbols[step + 1] for step in window] for window in windows]


def test_baseline_chance_and_criterion_are_those_of_the_counts(path: Path) -> None:
    symbols, alphabet = oracle(path, 12)
    train, held = symbols[: len(symbols) - 2 * (len(symbols) // 20)], len(symbols) // 20
    task = Text(file=str(path), keep=12)
    counts, pairs = Counter(train), Counter(pairwise(train))
    shares = {one: (counts[one] + 1) / (len(train) + alphabet) for one in range(alphabet)}
    asked = task.dataset(KeyedStreams(1), 10).test.y.ravel().tolist()
    assert task.baseline(10) == pytest.approx(-sum(math.log(shares[one]) for one in asked) / len(asked))
    (most, _), *_ = counts.most_common()
    assert task.chance(10) == pytest.approx(asked.count(most) / len(asked))

    def after(one: int, other: int) -> float:
        followers = [pairs[one, third] for third in range(alphabet)]
        kinds = sum(n > 0 for n in followers)
        return (pairs[one, other] + kinds * shares[other]) / (sum(followers) + kinds)

    for length in (1, 10, held - 5):
        targets = symbols[-held:][: (held - 1) // length * length + 1]
        bigram = -sum(math.log(after(*pair)) for pair in pairwise(targets)) / (len(targets) - 1)
        assert task.criterion(length).below == pytest.approx(bigram)
        assert bigram < task.baseline(length)
    windows = task.dataset(KeyedStreams(1), 10).test
    told = list(zip(windows.x.ravel().tolist(), windows.y.ravel().tolist(), strict=True))
    second = task.second(10)
    assert second.loss == pytest.approx(-sum(math.log(after(*pair)) for pair in told) / len(told))
    guesses = {one: max(range(alphabet), key=lambda other: after(one, other)) for one in range(alphabet)}
    assert second.accuracy == pytest.approx(sum(guesses[one] == other for one, other in told) / len(told))


def test_what_is_not_utf_8_has_its_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes("été\nça va ".encode() + b"\xe9 la fin" * 30)
    with pytest.raises(
        DataError, match=r"latin\.txt, line 2, column 7: not UTF-8 text \(byte 0xe9\).*\"byte\""
    ) as caught:
        Text(file=str(file)).check_length(1)
    assert caught.value.setting == "task.file"
    file.write_bytes("été".encode() + b"\xc3")
    with pytest.raises(DataError, match="line 1, column 4: not UTF-8"):
        Text(file=str(file)).check_length(1)


def test_the_mark_before_a_text_is_none_of_its_characters(tmp_path: Path) -> None:
    for name, mark in (("plain", b""), ("marked", b"\xef\xbb\xbf")):
        (tmp_path / name).write_bytes(mark + b"abcd" * 30)
    one, two = (Text(file=str(tmp_path / name)).dataset(KeyedStreams(1), 2).train.x for name in ("plain", "marked"))
    assert one.tolist() == two.tolist()


def test_a_text_that_is_too_short_says_how_long_it_must_be(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    for size, good in ((219, False), (220, True)):
        file.write_bytes(b"ab" * (size // 2) + b"c" * (size % 2))
        if good:
            assert Text(file=str(file)).examples(10) == (19, 1, 1)
            Text(file=str(file)).check_length(10)
        else:
            with pytest.raises(ValueError, match=r"10 is too long for short\.txt.*at least 220 steps"):
                Text(file=str(file)).check_length(10)
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="its 0 steps"):
        Text(file=str(file)).check_length(1)


def test_windows_to_look_at_a_network_with_are_of_the_test_part(path: Path) -> None:
    symbols, _ = oracle(path, 12)
    test = symbols[len(symbols) - len(symbols) // 20 :]
    split = Text(file=str(path), keep=12).sequences(KeyedStreams(1).generator("measure"), 50, 8)
    windows = [test[n : n + 9] for n in range(len(test) - 8)]
    assert all(
        [*x, y[-1]] in windows and x[1:] == y[:-1] for x, y in zip(split.x.tolist(), split.y.tolist(), strict=True)
    )
