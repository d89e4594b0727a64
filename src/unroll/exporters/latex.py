r"""LaTeX: the table of conditions for a paper that uses the package booktabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unroll.exporters.table import NONE, Column, caption, columns
from unroll.inert import inert
from unroll.wording import MISSING, number

if TYPE_CHECKING:
    import pandas as pd

    from unroll.quantity import Quantity

ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": r"$-$",
    MISSING: "--",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def to_latex(table: pd.DataFrame, factors: Sequence[str], title: str, counted: Mapping[str, Quantity] = NONE) -> str:
    r"""Return a ``table`` environment. It needs ``\usepackage{booktabs}``, and UTF-8 as LaTeX reads it since 2018.

    A page is narrow: the time is left to the other formats; an n or a baseline that is the same in
    every row stands in the caption only, and so does how many trials are missing.
    """
    found = [column for column in columns(table, factors, escaped, _amount, counted) if not _spared(column)]
    shape = "".join("r" if column.numeric else "l" for column in found)
    header = " & ".join(column.name for column in found)
    rows = [" & ".join(column.cells[row] for column in found) for row in range(len(table))]
    models = list(zip(table["task"], table["model"], strict=True))
    lines = [
        f"    {row} \\\\" + ("\n    \\midrule" if models[i + 1 : i + 2] not in ([], [models[i]]) else "")
        for i, row in enumerate(rows)
    ]
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{escaped(caption(table, title))}}}",
            r"  \small",
            f"  \\begin{{tabular}}{{{shape}}}",
            r"    \toprule",
            f"    {header} \\\\",
            r"    \midrule",
            *lines,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line."""
    return "".join(ESCAPES.get(character, character) for character in " ".join(inert(text).split()))


def _spared(column: Column) -> bool:
    constant = column.name in ("n", "baseline") and len(set(column.cells)) == 1
    return constant or column.name in ("s/epoch", "state")


def _amount(value: float | None, digits: int) -> str:
    """Return a number in math mode, so that its minus is one, and its power of ten is set as a power."""
    mantissa, _, power = number(value, digits).partition("e")
    if mantissa == MISSING:
        return escaped(mantissa)
    return f"${mantissa} \\times 10^{{{int(power)}}}$" if power else f"${mantissa}$"
