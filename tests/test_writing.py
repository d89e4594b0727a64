"""Continuing a text: against whole sequences at once, known probabilities, and beginnings of every kind.

Planted and found: the last symbol of the beginning left unread; a symbol drawn and another one fed; the same number
drawn for every symbol; probabilities that are not normalised; ids that count the symbol of all others as one of those
kept.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.sequences import finish
from tests.sequences import trained as trained_on_numbers
from unroll import Study, expand, generate
from unroll.errors import PromptError
from unroll.generation import Trained
from unroll.models.network import Network

TEXT = "the cat sat on the mat, and the dog sat on the cat. " * 40 + "@é"
FACTORS = {"task": ["text"], "length": [12], "seed": [1]}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "words.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def study(path: Path, model: str = "gru", **task: Any) -> Study:
    return Study(
        name="write",
        factors={**FACTORS, "model": [model]},
        task={"file": str(path), **task},
        model={"hidden": 16},
        train={"epochs": 4, "batch": 8, "learning_rate": 0.02},
    )


def trained(path: Path, model: str = "gru", **task: Any) -> Trained:
    (trial,) = expand(study(path, model, **task))
    training, _ = finish(trial)
    return Trained(trial, training.task, training.network.eval())


@pytest.mark.parametrize("model", ["gru", "lstm", "feedforward"])
@pytest.mark.parametrize("level", ["char", "byte"])
def test_the_likeliest_symbol_is_that_of_the_whole_sequence_at_once(path: Path, model: str, level: str) -> None:
    made = trained(path, model, level=level)
    begun, steps = "the dog sat", 30
    written = generate(made, begun, steps)
    assert (written.prompt, written.sample, len(written.continuation)) == (begun, None, steps)
    known = sorted(set(TEXT[: len(TEXT) - 2 * (len(TEXT) // 20)]))
    ids = [known.index(one) + 1 for one in begun + written.continuation]
    inputs = torch.nn.functional.one_hot(torch.tensor([ids]), len(known) + 1).float()
    with torch.no_grad():
        answers = made.network(inputs)[0].argmax(dim=1).tolist()
    assert answers[len(begun) - 1 : -1] == ids[len(begun) :]
    assert generate(made, begun, 5).continuation == written.continuation[:5]


class Known(Network):
    """Says the same probabilities after each symbol but one, after which only the symbol 2 can come."""

    def __init__(self, shares: list[float]):
        super().__init__()
        self.register_buffer("logs", 7.0 + torch.tensor(shares).log())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def step(self, x_t: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        sure = torch.full_like(self.logs, -1e4)
        sure[2] = 0.0
        logs = torch.where(x_t[0, 1] > 0, sure, self.logs)
        return logs.unsqueeze(0), None

    def initialise(self, generator: Any) -> None:
        raise NotImplementedError


def test_symbols_are_drawn_by_their_probabilities_and_the_drawn_one_is_fed(path: Path) -> None:
    shares = [0.0001, 0.2, 0.5, 0.2999]
    made = trained(path, keep=3)
    known = Trained(made.trial, made.task, Known(shares))
    one = generate(known, "t", 4_000, sample=5).continuation
    assert generate(known, "t", 4_000, sample=5).continuation == one
    assert generate(known, "t", 4_000, sample=6).continuation != one
    assert generate(known, "t", 100).continuation == made.task.text_of([2]) * 100
    signs = {made.task.text_of([place]): place for place in range(4)}
    ids = [signs[sign] for sign in one]
    followers = {before: Counter(b for a, b in pairwise(ids) if a == before) for before in (1, 2, 3)}
    assert set(followers[1]) == {2}
    for before in (2, 3):
        count = followers[before].total()
        for place, share in enumerate(shares):
            assert abs(followers[before][place] / count - share) < 4 * math.sqrt(share / count) + 1e-3


def test_a_symbol_that_is_none_of_those_kept_is_written_as_a_box(path: Path) -> None:
    made = trained(path, keep=3)
    assert set(generate(Trained(made.trial, made.task, Known([0.9, 0.1, 1e-6, 1e-6])), "t", 9).continuation) == {"□"}


def test_bytes_are_read_and_written_as_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("é und è " * 200, encoding="utf-8")
    made = trained(file, level="byte")
    task = made.task
    assert [int(task._corpus().kept[one - 1]) for one in task.read("é")] == list("é".encode())
    assert task.text_of(task.read("è é")) == "è é"
    assert task.text_of(task.read("é")[:1]) == "\\xc3"
    with pytest.raises(PromptError, match=r"Byte 2 of the prompt, 0xff, is none of"):
        task.read("\udcc3\udcff")  # as a command line hands over bytes that are no UTF-8
    with pytest.raises(PromptError, match="Character 1 of the prompt is half of one"):
        task.read("\ud800")
    with pytest.raises(PromptError, match="Byte 2 of the prompt, 0x62, is none of the 7 bytes"):
        generate(made, "ub")


@pytest.mark.parametrize(
    ("prompt", "given", "message"),
    [
        (
            "the cat\ns",
            {},
            r'Character 8 of the prompt, "\\n", is none of the 14 characters that the network knows: ␣,',
        ),
        ("thé", {}, 'Character 3 of the prompt, "é"'),
        ("", {}, "Give its beginning, such as"),
        (None, {}, "Give its beginning, such as"),
        ([1, 2], {}, r"Give its beginning, not \[1, 2\]"),
        ("the", {"teacher_forced": True}, "no teacher forcing"),
        ("the", {"sample": -1}, "-1 is no seed"),
        ("the", {"sample": True}, "True is no seed"),
        ("the", {"sample": 0.5}, "0.5 is no seed"),
        ("the", {"steps": 0}, "0 steps cannot be generated"),
    ],
)
def test_what_cannot_be_continued_is_said(path: Path, prompt: Any, given: dict[str, Any], message: str) -> None:
    made = trained(path)
    with pytest.raises(PromptError, match=message):
        generate(made, prompt, **given)


def test_an_answer_that_is_no_number_is_said(path: Path) -> None:
    made = trained(path, keep=3)
    with pytest.raises(PromptError, match="the network's answer is no number"):
        generate(Trained(made.trial, made.task, Known([math.nan] * 4)), "t")


def test_numbers_are_not_drawn() -> None:
    with pytest.raises(PromptError, match="continues numbers"):
        generate(trained_on_numbers(), [1, 3, 5, 7, 9], sample=1)
    with pytest.raises(PromptError, match="is no prompt: give numbers"):
        generate(trained_on_numbers(), "1,3,5,7,9")
