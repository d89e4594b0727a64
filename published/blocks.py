"""What stands on lines of its own: tables, what a command printed, sentences, pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from published.marks import Mark, MarkError, unprefixed
from published.quantities import clauses_of, formed, matching, one, quantity
from published.tables import Row, Source
from unroll.wording import MISSING, label

WIDTH = 118


def _split(words: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == ";":
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _table(rows: list[Row], words: list[str]) -> str:
    """Columns: ``VALUE [of VALUE] [as FORM] [called TITLE]``."""
    until = words.index("where") if "where" in words else len(words)
    rows = matching(rows, clauses_of(words[until:]))
    columns = []
    for part in _split(words[:until]):
        called = part.index("called") if "called" in part else len(part)
        clauses = clauses_of(part[:called])
        title = " ".join(part[called + 1 :]) or " ".join(clauses["what"])
        columns.append((title, [one([row], clauses) for row in rows], _is_number(rows, clauses["what"][0])))
    return _markdown(columns)


def _pivot(rows: list[Row], words: list[str]) -> str:
    clauses = clauses_of(words)
    rows = matching(rows, clauses)
    by = [part[0] for part in _split(clauses.get("by", ()))]
    across = clauses.get("across", [])
    if not by or len(across) != 1 or len(clauses["what"]) != 1:
        raise MarkError('A pivot reads "pivot VALUE by COLUMN; ... across COLUMN where ...".')
    if not rows:
        raise MarkError("No row is as the conditions say.")
    form = " ".join(clauses.get("as", ()))
    lines = list(dict.fromkeys(tuple(row[name] for name in by) for row in rows))
    heads = list(dict.fromkeys(row[across[0]] for row in rows))
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((*(row[name] for name in by), row[across[0]]), []).append(row)
    columns = [
        (name, [label(formed(line[place])) for line in lines], _is_number(rows, name)) for place, name in enumerate(by)
    ]
    for head in heads:
        found = [cells.get((*line, head), []) for line in lines]
        said = [formed(quantity(rows, clauses["what"][0]), form) if rows else MISSING for rows in found]
        title = label(head) if isinstance(head, str) else f"{across[0]} {head}"
        columns.append((title, said, True))
    return _markdown(columns)


def _is_number(rows: list[Row], what: str) -> bool:
    return bool(rows) and not any(isinstance(row.get(what), str | list) for row in rows)


def _markdown(columns: Sequence[tuple[str, list[str], bool]]) -> str:
    heads = " | ".join(title for title, _, _ in columns)
    rule = "|".join("---:" if right else "---" for _, _, right in columns)
    rows = zip(*(map(label, cells) for _, cells, _ in columns), strict=True)
    return "\n".join([f"| {heads} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)])


def _show(mark: Mark, source: Source, words: Sequence[str]) -> str:
    if "show" not in source.facts:
        raise MarkError(f"The table of {source.name} is not stored. Run: make published ONLY={source.name}")
    return f"```text\n{source.facts['show']}\n```"


def _output(mark: Mark, source: Source, words: Sequence[str]) -> str:
    """The command is the block's own first line; what follows is what it printed."""
    command = command_of(mark)
    outputs = source.facts.get("outputs", {})
    if command not in outputs:
        raise MarkError(f'The output of "{command}" is not stored. Run: make published ONLY={source.name}')
    return f"```text\n$ {command}\n{outputs[command]}\n```"


def command_of(mark: Mark) -> str:
    """Return the command whose output a block shows."""
    lines = unprefixed(mark).splitlines()
    if len(lines) < 2 or not lines[0].startswith("```") or not lines[1].startswith("$ unroll "):
        raise MarkError('A block of output begins with ```text and the command: "$ unroll ...".')
    return lines[1].removeprefix("$ ")


def _findings(mark: Mark, source: Source, words: Sequence[str]) -> str:
    rows = matching(source.table("findings"), clauses_of(words))
    if not rows:
        raise MarkError("No finding is as the conditions say.")
    quoted = [
        textwrap.fill(row["sentence"], WIDTH - len(mark.prefix), initial_indent="> ", subsequent_indent="> ")
        for row in rows
    ]
    return "\n>\n".join(quoted)


def _picture(mark: Mark, source: Source, words: Sequence[str]) -> str:
    figure, path = picture_of(mark)
    known = source.facts.get("pictures", {})
    if figure not in known:
        raise MarkError(
            f'The picture "{figure}" of {source.name} is not stored. Run: make published ONLY={source.name}'
        )
    return f"![{known[figure]['alt']}]({path})"


def picture_of(mark: Mark) -> tuple[str, str]:
    """Return the figure that a block shows, and its file as seen from the text."""
    words = mark.said.split()
    if len(words) != 4:
        raise MarkError('A picture reads "= STUDY picture FIGURE FILE".')
    return words[2], words[3]


TABLES: dict[str, Callable[[list[Row], list[str]], str]] = {"table": _table, "pivot": _pivot}
BLOCKS: dict[str, Callable[[Mark, Source, Sequence[str]], str]] = {
    "show": _show,
    "findings": _findings,
    "picture": _picture,
    "output": _output,
}
