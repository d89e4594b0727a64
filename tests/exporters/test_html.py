"""The table of a notebook holds what Markdown's holds, whatever a study, a task or a model is named.

Planted and found: a cell that is not escaped; a caption that is not.
"""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.analysis.builders import trials
from tests.exporters.test_table import STORY
from unroll.analysis import conditions
from unroll.exporters import to_markdown
from unroll.exporters.html import to_html

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a</td></tr></table>",
    "&lt;b&gt;",
    "' onclick='",
]


class Cells(HTMLParser):
    """The tags of a fragment, and the texts of its cells."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells and self.tags[-1] in ("td", "th"):
            self.cells[-1] += data.strip("\n")


def test_the_cells_are_those_of_markdown():
    table = conditions(trials(STORY))
    lines = to_markdown(table, (), "mine").splitlines()
    expected = [cell.strip() for line in (lines[0], *lines[2:6]) for cell in line.strip("|").split("|")]
    text = to_html(table, (), "mine")
    assert Cells(text).cells == expected
    assert "(n = 1 to 3)" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name: str):
    plain = to_html(conditions(trials({("gru", 9): [0.1]}, task="plain")), (), "plain")
    hostile = to_html(conditions(trials({(name, 9): [0.1]}, task=name)), (), name)
    assert Cells(hostile).tags == Cells(plain).tags
    assert Cells(hostile).cells[len(Cells(plain).cells) // 2] == name
