"""HTML: the table of conditions as a notebook shows it, with its caption under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unroll.exporters.table import NONE, caption, columns
from unroll.inert import html
from unroll.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from unroll.quantity import Quantity


def to_html(table: pd.DataFrame, factors: Sequence[str], title: str, counted: Mapping[str, Quantity] = NONE) -> str:
    """Return a table of the conditions and its caption; a fragment, which the page around it gives its style."""
    found = columns(table, factors, html, number, counted)
    aligned = [f' style="text-align: {"right" if column.numeric else "left"}"' for column in found]
    head = "".join(f"<th{style}>{column.name}</th>" for column, style in zip(found, aligned, strict=True))
    rows = (
        "".join(f"<td{style}>{column.cells[row]}</td>" for column, style in zip(found, aligned, strict=True))
        for row in range(len(table))
    )
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return (
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
        f"<p><small>{html(caption(table, title))}</small></p>"
    )
