"""A sequence to look at: drawn as the task draws it, written as it is meant, and told the same in text and picture.

Planted and found: a target one step late; an accuracy's positions for all that are scored; another stream; steps
after the end shown as symbols; a sign that markup would read as a tag.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from xml.etree import ElementTree

import numpy as np
import pytest

from unroll import registry
from unroll.layout import wide
from unroll.streams import KeyedStreams
from unroll.tasks import Task
from unroll.tasks.base import NOTHING, Criterion
from unroll.tasks.example import ASKED, FREE, SCORED, example, lines, usual
from unroll.tasks.given import Given
from unroll.tasks.picture import page, svg

DRAWN = [name for name in registry.tasks.own() if not issubclass(registry.tasks.load(name), Given)]


def make(name: str, **settings: Any) -> Task:
    task: Task = registry.tasks.load(name)(**settings)
    return task


def shown(name: str, length: int | None = None, seed: int = 1, **settings: Any) -> list[str]:
    return list(lines(example(make(name, **settings), length, seed), 80))


def test_copy_as_it_is_written() -> None:
    drawn = make("copy", items=3).sequences(KeyedStreams(4).generator("test"), 1, 5)
    symbols = " ".join(map(str, drawn.x[0, :3]))
    assert shown("copy", 5, 4, items=3) == [
        f"x       {symbols} · · · · # · · ·",
        f"y       · · · · · · · · {symbols}",
        "asked                   ^ ^ ^",
    ]
    lane = example(make("copy", items=3), 5).targets[0]
    assert lane.marks == (SCORED,) * 8 + (ASKED,) * 3


@pytest.mark.parametrize(
    ("name", "settings", "sign"),
    [
        ("selective_copy", {}, r"\d+|·|#"),
        ("denoise", {}, r"\d+|·|#"),
        ("recall", {}, r"[kv]\d+|\?"),
        ("recall", {"queries": "many"}, r"[kv]\d+|·"),
        ("induction", {}, "[a-o]|!"),
        ("induction", {"symbols": 40}, r"\d+|!"),
        ("parity", {}, "[01#]"),
        ("order", {}, "[XYabcdEB]"),
        ("modular", {}, r"[-0-4+*#]"),
        ("latch", {}, r"[XY]|\d+"),
        ("latch", {"kind": "2c", "distractors": 5}, "[XYBEa-e]"),
        ("brackets", {}, r"[()]"),
        ("brackets", {"pairs": 4}, r"[][(){}<>]"),
        ("brackets", {"pairs": 9}, r"\d[()]"),
        ("counting", {"symbols": 3}, "[abc]"),
    ],
)
def test_symbols_have_the_signs_of_their_task(name: str, settings: dict[str, Any], sign: str) -> None:
    for seed in range(5):
        found = example(make(name, **settings), seed=seed)
        signs = {one for one in found.inputs[0].signs if one}
        assert all(re.fullmatch(sign, one) for one in signs), signs


def test_answers_have_the_signs_of_their_task() -> None:
    order = example(make("order", relevant=3), 100, 2)
    told = [one for one in order.inputs[0].signs if one in "XY" and one]
    assert order.targets[0].signs[order.inputs[0].signs.index("B")] == "".join(told)
    brackets = example(make("brackets", pairs=2, ask="top"), 30)
    opened: list[str] = []
    for sign, answer in zip(brackets.inputs[0].signs, brackets.targets[0].signs, strict=True):
        if sign in "([":
            opened.append({"(": ")", "[": "]"}[sign])
        else:
            opened.pop()
        assert answer == (opened[-1] if opened else "0")
    recall = example(make("recall"), 3)
    pairs = dict(zip(recall.inputs[0].signs[:8:2], recall.inputs[0].signs[1:8:2], strict=True))
    assert recall.targets[0].signs[-1] == pairs[recall.inputs[0].signs[-1]]


def test_a_shorter_sequence_ends_and_what_is_not_scored_is_free() -> None:
    found = example(make("counting"), 9, 3)
    x, y = found.inputs[0].signs, found.targets[0]
    end = x.index("")
    assert x == ("a",) * (end // 2) + ("b",) * (end // 2) + ("",) * (18 - end)
    assert y.signs == ("",) * (end // 2) + ("b",) * (end // 2 - 1) + ("$",) + ("",) * (18 - end)
    assert y.marks == tuple(ASKED if sign else FREE for sign in y.signs)


def test_numbers_are_those_of_the_split() -> None:
    split = make("narma").sequences(KeyedStreams(7).generator("test"), 1, 30)
    found = example(make("narma"), 30, 7)
    np.testing.assert_array_equal(found.inputs[0].values, split.x[0, :, 0])
    assert np.isnan(found.targets[0].values[:20]).all()
    np.testing.assert_array_equal(found.targets[0].values[20:], split.y[0, :, 0])
    assert example(make("delay"), 60).left_out == (0, 16)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("width", [24, 80])
def test_text_fits_and_holds_every_step(name: str, width: int) -> None:
    found = example(make(name))
    text = list(lines(found, width))
    assert max(map(wide, text)) <= width
    for lane in found.lanes:
        rows = [line for line in text if line.split(" ")[0] == lane.name]
        assert " ".join(rows).split() == [
            word for row in rows for word in [lane.name, *row.removeprefix(lane.name).split()]
        ]
        assert [word for row in rows for word in row.split()[1:]] == [sign for sign in lane.signs if sign]


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_markup_with_every_sign(name: str) -> None:
    found = example(make(name))
    drawn = ElementTree.fromstring(svg(found))
    assert float(drawn.get("width", 0)) <= 720
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    for lane in found.lanes:
        assert lane.name in texts
    if found.inputs[0].values is None:
        for sign in found.inputs[0].signs:
            assert not sign or sign in texts
    assert svg(found) == svg(example(make(name)))
    assert found.length == usual(make(name))


def test_a_sign_is_no_markup() -> None:
    picture = ElementTree.fromstring(svg(example(make("brackets", pairs=4), 60)))
    assert "<" in [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "<script" not in page(make("brackets", pairs=4))
    assert NOTHING in svg(example(make("copy")))


def test_a_notebook_shows_a_task_and_why_it_has_no_sequence() -> None:
    class Still(Task):
        name = "still"
        summary = "draws nothing"
        inputs: ClassVar[int] = 1
        outputs: ClassVar[int] = 1
        readout: ClassVar[str] = "last"
        solved: ClassVar[Criterion] = make("adding").solved

        def baseline(self, length: int) -> float:
            return 1.0

    assert "draws nothing: give it a method" in Still()._repr_html_()
    html = make("copy")._repr_html_()
    assert html.startswith("<h4>copy</h4>")
    assert "<svg" in html
    assert "0.125" in html


def test_lengths_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="5 is too short"):
        example(make("narma"), 5)
