"""Marks are found where they stand, and refused where Markdown would show something else.

Planted and found: a mark at the beginning of a line taken as one within it; a prefix lost in a notebook's block.
"""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from published.marks import MarkError, marks, unprefixed, written


def values(text: str) -> str:
    return written(text, lambda mark: f"<{mark.said}>")


def test_what_stands_between_the_comments_is_replaced():
    assert values("In <!-- = a solved -->3<!-- / --> of 4.") == "In <!-- = a solved --><a solved><!-- / --> of 4."


def test_a_mark_may_go_over_lines_and_into_quotations():
    (mark,) = marks("# Some <!-- = a solved\n#   where length=50 -->3<!-- / --> seeds")
    assert mark.said == "a solved where length=50"
    assert mark.line == 1


@pytest.mark.parametrize("prefix", ["", "# ", "> "])
def test_a_block_keeps_what_its_lines_begin_with(prefix: str):
    text = f"{prefix}<!-- = a table -->\n{prefix}old\n{prefix}<!-- / -->\n"
    new = written(text, lambda mark: "one\n\ntwo")
    lines = [f"{prefix}one", prefix.rstrip(), f"{prefix}two"]
    assert new == f"{prefix}<!-- = a table -->\n" + "\n".join(lines) + f"\n{prefix}<!-- / -->\n"
    assert written(new, lambda mark: "one\n\ntwo") == new
    assert unprefixed(marks(new)[0]) == "one\n\ntwo"


def test_claims_and_givens_hold_other_marks():
    text = "So <!-- ? a all n=3 -->it is in <!-- = a n -->3<!-- / --> of them<!-- / -->."
    assert [mark.kind for mark in marks(text)] == ["=", "?"]
    assert "<a n>" in values(text)


def test_other_comments_are_nobodys_business():
    assert marks("<!-- Written by docs/commands.py = or ? -->\n<!--more-->") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a <!-- = a n -->3 of 4", "is not closed"),
        ("3<!-- / --> of 4", "closes nothing"),
        ("a <!-- = a n -->3 <!-- = a n -->4<!-- / --><!-- / -->", "holds another mark"),
        ("some\n<!-- = a n -->3<!-- / --> seeds", "begins a line"),
        ("some <!-- given: b -->3 or\n<!-- / -->", "begins a line"),
        ("some <!-- = a table -->\n3\n<!-- / -->", "does not begin one"),
    ],
)
def test_what_would_not_be_shown_as_it_is_meant_is_refused(text: str, said: str):
    with pytest.raises(MarkError, match=said):
        marks(text)
    with pytest.raises(MarkError, match="line "):
        marks(text)


def test_a_reader_sees_the_numbers_and_nothing_else():
    text = (
        "In <!-- = a n -->3<!-- / --> seeds.\n\n<!-- = a table -->\n| a | b |\n|---|---:|\n| *x* | 1 |\n<!-- / -->\n\n"
        "<!-- ? a all n=3 -->\nA *claim*.\n<!-- / -->\n"
    )
    assert len(marks(text)) == 3
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "&lt;" not in html
    assert "<td><em>x</em></td>" in html
    assert "<p>A <em>claim</em>.</p>" in html
