"""Every value of a TOML text is found in the line where it stands.

Faults that were planted and seen here: a line counted for each character of a multi-line string; CRLF counted twice; the elements
of the second list of tables numbered on from the first; a quoted key with a dot taken apart.
"""

import json
import time
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.study.places import Path, Places


def paths_of(value: Any, here: Path = ()) -> set[Path]:
    """Every path of what tomllib read."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {here} if here else set()
    for key, item in items:
        found |= paths_of(item, (*here, key))
    return found


# Each line of these texts ends in the paths that begin there, as a comment: an oracle written by hand.
TRICKY = [
    """\
a = 1                       # a
[b]                         # b
c = [                       # b.c
  1,                        # b.c.0
  [2,                       # b.c.1 b.c.1.0
   3], "x]", '#',           # b.c.1.1 b.c.2 b.c.3
]
d = "]"                     # b.d
[b.e.f]                     # b.e b.e.f
g = { h = 1, i = { j = [5,  # b.e.f.g b.e.f.g.h b.e.f.g.i b.e.f.g.i.j b.e.f.g.i.j.0
  6] } }                    # b.e.f.g.i.j.1
""",
    """\
[[where]]                   # where where.0
match = { model = "lstm", length = 500 } # where.0.match where.0.match.model where.0.match.length
[where.train]               # where.0.train
clip_norm = 1.0             # where.0.train.clip_norm
[[where]]                   # where.1
# [[where]] = { ] [
match.model = ["gru"]       # where.1.match where.1.match.model where.1.match.model.0
[[where.inner]]             # where.1.inner where.1.inner.0
x = 1                       # where.1.inner.0.x
[[where.inner]]             # where.1.inner.1
x = 2.5                     # where.1.inner.1.x
[[where]]                   # where.2
[[where.inner]]             # where.2.inner where.2.inner.0
""",
    '''\
a = """                     # a
[not] # a = "table"
\\""" b = 2 \\
"""
b = \'\'\'                     # b
x = """ ]
\'\'\'
c = """"quoted""""          # c
d = ""                      # d
e = [ """                   # e e.0
\\u0041
""", 1979-05-27 07:32:00.5, # e.1
  07:32:00, -1.5e-3, 0xff ] # e.2 e.3 e.4
f.g . h = true              # f f.g f.g.h
f."g" .i = inf              # f.g.i
''',
    """\
empty = []                  # empty
table = {}                  # table
list = [{}, {a = 1},        # list list.0 list.1 list.1.a
  {a.b = 2}]                # list.2 list.2.a list.2.a.b
[ spaced . header ]         # spaced.header
 x = 1                      # spaced.header.x
[spaced]                    # spaced
bare-key_1 = 1              # spaced.bare-key_1
""",
]


def written_paths(text: str) -> dict[Path, int]:
    return {
        tuple(int(part) if part.isdigit() else part for part in name.split(".")): number
        for number, line in enumerate(text.splitlines(), start=1)
        if "# " in line and "[not]" not in line and "{ ] [" not in line
        for name in line.rsplit("# ", 1)[1].split()
    }


@pytest.mark.parametrize("text", TRICKY)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tricky_texts(text: str, newline: str) -> None:
    expected = written_paths(text)
    assert set(expected) == paths_of(tomllib.loads(text.replace("\n", newline)))
    assert Places(text.replace("\n", newline)).paths() == expected


def test_quoted_keys() -> None:
    text = '"train.epochs" = [1]\n\'a"b\'."#".c = 2\n["x.y"."z"]\n"" = 1\n"\\u00e9]" = 3\n3.14 = 4\n'
    assert Places(text).paths() == {
        ("train.epochs",): 1,
        ("train.epochs", 0): 1,
        ('a"b',): 2,
        ('a"b', "#"): 2,
        ('a"b', "#", "c"): 2,
        ("x.y",): 3,
        ("x.y", "z"): 3,
        ("x.y", "z", ""): 4,
        ("x.y", "z", "é]"): 5,
        ("x.y", "z", "3"): 6,
        ("x.y", "z", "3", "14"): 6,
    }


def test_what_is_not_there_has_the_line_of_its_parent() -> None:
    places = Places("\n[train]\nepochs = [1,\n2]\n")
    assert places.line(("train", "epochs", 1, "x")) == 4
    assert places.line(("train", "epochs", 7)) == 3
    assert places.line(("train", "batch")) == 2
    assert places.line(("model", "hidden")) is None
    assert places.line(()) is None


def test_a_large_file_takes_no_minutes() -> None:
    """It once took a minute: the lines were counted from the top for each word."""
    start = time.perf_counter()
    text = f"x = [\n{'1,' * 100_000}\n]\n" + "\n" * 300_000
    assert Places(text).line(("x", 99_999)) == 2
    assert time.perf_counter() - start < 20


# Documents made together with the line of each path, by a writer that chooses among TOML's ways to say the same.

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["a", "b-c", "1", "x.y", "]"])
scalars = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False).map(repr),
    st.booleans().map(lambda b: str(b).lower()),
    st.sampled_from(["1979-05-27 07:32:00", "1979-05-27T07:32:00.999Z", "07:32:00.5", "nan", "0xff", "1_000"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(lambda s: basic(s)),
    st.text('[]{}#=,." a', max_size=6).map(lambda s: f"'{s}'"),
    st.text("[]{}#=,.' a\n", max_size=8).map(lambda s: f'"""{s}"""'),
    st.text('[]{}#=,." a\n', max_size=8).filter(lambda s: '"""' not in s).map(lambda s: f"'''{s}'''"),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
gaps = st.sampled_from(["", " ", "\n", " # ] [ \" ' {\n", "\n\n\t"])
notes = st.sampled_from(["", " # note ]", '\t#[[x]] = """', "\n", "\n# a = [\n"])
tables = st.dictionaries(keys, values, max_size=3)
documents = st.lists(st.tuples(st.sampled_from(["table", "list"]), keys, tables), max_size=5)


def basic(text: str) -> str:
    return json.dumps(text, ensure_ascii=True) if all(ord(c) < 0x10000 for c in text) else "'astral'"


class Writer:
    """Writes TOML text and notes, for each path, the line where it begins."""

    def __init__(self, data: st.DataObject):
        self.text, self.lines, self._data = "", {}, data

    def put(self, text: str) -> None:
        self.text += text

    def begin(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def value(self, value: Any, path: Path, one_line: bool) -> None:
        if isinstance(value, list):
            self.put("[")
            for place, item in enumerate(value):
                self.gap(one_line)
                self.begin((*path, place))
                self.value(item, (*path, place), one_line)
                self.gap(one_line)
                self.put("," if place < len(value) - 1 else "")
            self.gap(one_line)
            self.put("]")
        elif isinstance(value, dict):
            self.put("{ ")
            for place, (key, item) in enumerate(value.items()):
                self.put(", " if place else "")
                self.pair(key, item, path, one_line=True)
            self.put(" }")
        else:
            self.put(value)

    def gap(self, one_line: bool) -> None:
        self.put(" " if one_line else self._data.draw(gaps))

    def pair(self, key: str, value: Any, path: Path, one_line: bool = False) -> None:
        self.begin((*path, key))
        self.put(f"{self.key(key)} = ")
        self.value(value, (*path, key), one_line)

    def key(self, key: str) -> str:
        bare = key.isascii() and key.replace("-", "").isalnum() and self._data.draw(st.booleans())
        return key if bare else f'"{"".join(f"{chr(92)}U{ord(c):08x}" for c in key)}"'

    def line_end(self) -> None:
        self.put(self._data.draw(notes) + "\n")


@settings(max_examples=150, deadline=None)
@given(document=documents, data=st.data(), newline=st.sampled_from(["\n", "\r\n"]))
def test_every_path_of_a_document_is_found_in_its_line(document: list[Any], data: st.DataObject, newline: str) -> None:
    writer, counts, kinds = Writer(data), {}, {}
    for kind, name, table in document:
        if kinds.setdefault(name, kind) != kind or (kind == "table" and name in counts):
            continue
        number = counts[name] = counts.get(name, -1) + 1
        path: Path = (name,) if kind == "table" else (name, number)
        writer.begin((name,))
        writer.begin(path)
        writer.put(f"[{writer.key(name)}]" if kind == "table" else f"[[{writer.key(name)}]]")
        writer.line_end()
        for key, value in table.items():
            writer.pair(key, value, path)
            writer.line_end()
    text = writer.text.replace("\n", newline)
    assert paths_of(tomllib.loads(text)) == set(writer.lines)
    assert Places(text).paths() == writer.lines
