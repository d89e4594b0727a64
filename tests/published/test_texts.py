"""A text quotes what is stored, and a number changed by hand is found, wherever it stands.

Planted and found: a digit changed by hand in a sentence and in a table; a table's file, a picture changed by hand; a
claim that its table does not bear out; a measured number without a mark; a comparison of a block's first line alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from published.__main__ import main
from published.export import store_tables
from published.marks import MarkError, marks
from published.quantities import quantity
from published.tables import TABLES, Stored, digest_of
from published.texts import ROOT, faults, rewrite, texts
from published.unmarked import unmarked


def found(root: Path, name: str = "README.md") -> list[str]:
    return list(faults(root / name, Stored(root / TABLES), root))


def write(root: Path, text: str, name: str = "README.md") -> list[str]:
    (root / name).write_text(text)
    rewrite(root / name, Stored(root / TABLES))
    return found(root, name)


def test_texts_are_written_from_the_tables_and_then_agree(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--check"], root) == 1
    assert 'the text has "?", stored is "3 of 10"' in capsys.readouterr().err
    assert main(["--write"], root) == 0
    text = (root / "README.md").read_text()
    assert "-->3 of 10<!-- / -->" in text
    assert "-->0.072<!-- / -->" in text
    assert "| tanh RNN | 50 | 3 of 10 |\n" in text
    assert main(["--check"], root) == 0
    before = (root / "README.md").stat().st_mtime_ns
    assert main(["--write"], root) == 0
    assert (root / "README.md").stat().st_mtime_ns == before, "what agrees is not written again"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_digit_changed_by_hand_is_found(root: Path, data: st.DataObject):
    rewrite(root / "README.md", Stored(root / TABLES))
    text = (root / "README.md").read_text()
    places = [
        (mark, mark.begins + digit.start())
        for mark in marks(text)
        if mark.kind == "="
        for digit in re.finditer(r"\d", mark.content)
    ]
    mark, place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))
    (root / "README.md").write_text(text[:place] + other + text[place + 1 :])
    try:
        (fault,) = found(root)
        assert fault.startswith(f"README.md:{mark.line}: = {mark.said}: the text has")
    finally:
        (root / "README.md").write_text(text)


@pytest.mark.parametrize("path", texts(ROOT), ids=lambda path: path.name)
def test_every_number_that_this_repository_quotes_is_watched(path: Path, tmp_path: Path):
    stored, text = Stored(ROOT / TABLES), path.read_text()
    assert list(faults(path, stored, ROOT)) == []
    assert "&lt;!--" not in MarkdownIt("commonmark").enable("table").render(text), "no reader sees a mark"
    copy = tmp_path / path.name
    for mark in marks(text):
        digit = re.search(r"\d", mark.content)
        if mark.kind != "=" or digit is None or mark.said.split()[1] in ("picture", "output"):
            continue
        place = mark.begins + digit.start()
        copy.write_text(text[:place] + str((int(digit[0]) + 1) % 10) + text[place + 1 :])
        assert any(f":{mark.line}: = {mark.said}: " in fault for fault in faults(copy, stored, tmp_path)), mark


def test_a_sentence_that_does_not_hold_is_found(root: Path):
    claim = "So <!-- ? memory all solved=n where length<=50 -->all of them solve it<!-- / -->."
    (fault,) = write(root, claim)
    assert "does not hold: 3 of 4 rows of memory/conditions are solved=n" in fault
    assert write(root, claim.replace("all solved=n where", "some solved=n where model=gru")) == []
    assert (
        write(root, claim.replace("all solved=n where length<=50", "none solved=n where model=tanh_rnn length=50"))
        == []
    )
    joined = claim.replace(" -->all", "; memory all solved=n where model=gru -->all")
    assert "3 of 4" in write(root, joined)[0], "each of several claims counts"
    assert "No row" in write(root, claim.replace("<=50", "=51"))[0], "of nothing, nothing is claimed"


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("memory solvd where model=gru length=10", 'no column "solvd". Did you mean "solved"?'),
        ("memory solved where modle=gru", 'no column "modle". Did you mean "model"?'),
        ("memory solved where model=gru", "2 rows"),
        ("memory solved where model=lstm", "No row"),
        ("memory solved where length", '"length" is no condition'),
        ("memory solved model=gru", "not one value"),
        ("memory med(solved)", '"med" is unknown'),
        ("memory/trials solved", 'no table "trials"'),
        ("memroy solved", 'Nothing is stored of "memroy". Did you mean "memory"?'),
        ("memory max(solved) as loud", "form"),
        ("memory output", "begins with"),
        ("memory picture", "reads"),
        ("memory findings where kind=other", "No finding"),
        ("memory pivot solved by model", "reads"),
        ("memory solved where model='gru", "cannot be read"),
    ],
)
def test_a_mark_that_asks_for_what_is_not_there_says_what_is(root: Path, mark: str, said: str):
    (root / "README.md").write_text(f"In <!-- = {mark} -->3<!-- / --> seeds.")
    (fault,) = found(root)
    assert fault.startswith("README.md:1: ")
    assert said in fault
    with pytest.raises(MarkError, match=r"README\.md, line 1"):
        rewrite(root / "README.md", Stored(root / TABLES))


WORDS = [
    *(
        "memory",
        "memory/findings",
        "memory/facts",
        "solved",
        "test_mse",
        "model",
        "n",
        "length=10",
        "model<3",
        "'",
        ";",
    ),
    *("table", "pivot", "output", "picture", "show", "findings", "all", "where", "as", "of", "by", "across", "called"),
    *("fixed", "3", "word", "percent", "max(model)", "median(test_mse)", "sum(solved)", "count"),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from("=?"), said=st.lists(st.sampled_from(WORDS) | st.text("ab =<>,;'\"()", max_size=5), max_size=8)
)
def test_no_mark_ends_in_a_traceback(root: Path, kind: str, said: list[str]):
    (root / "README.md").write_text(f"In <!-- {kind} memory {' '.join(said)} -->3<!-- / --> seeds.")
    assert all(fault.startswith("README.md") for fault in found(root))


def test_blocks(root: Path):
    blocks = {
        "show": "```text\n  model   n\n  gru    10\n```",
        "pivot test_mse_median as 2 by model across length":
            "| model | length 10 | length 50 |\n|---|---:|---:|\n| tanh RNN | 0.00070 | 0.072 |\n"
            "| GRU | 4.5e-05 | 0.00035 |",
        "table model; test_mse as 1 called each seed where length=10":
            "| model | each seed |\n|---|---|\n| tanh RNN | 0.0005  0.0009 |\n| GRU | 4e-05  5e-05 |",
        "findings where kind=found": "> The GRU solves it.",
        "findings where sentence~long?": "> How long?",
    }  # fmt: skip
    for said, block in blocks.items():
        assert write(root, f"<!-- = memory {said} -->\n<!-- / -->\n") == []
        assert f"-->\n{block}\n<!-- / -->" in (root / "README.md").read_text()
    text = "<!-- = memory output -->\n```text\n$ unroll show memory\nwas\n```\n<!-- / -->\n"
    assert write(root, text) == []
    assert (root / "README.md").read_text() == text.replace("was", "as it says")
    (root / "README.md").write_text(text.replace("show", "report"))
    assert "is not stored" in found(root)[0]


def test_numbers_over_several_rows():
    rows = [{"a": 1, "b": 2.0}, {"a": 3, "b": None}]
    assert quantity(rows, "count") == 2
    assert quantity(rows, "sum(a)") == 4
    assert quantity(rows, "range(a)") == (1, 3)
    assert quantity(rows, "max(b)") == 2.0


def test_a_picture_is_the_one_that_was_stored(root: Path):
    (root / "docs" / "lengths.svg").write_text("<svg/>")
    facts = {"pictures": {"lengths": {"alt": "Losses.", "file": digest_of(root / "docs" / "lengths.svg")}}}
    store_tables(root / TABLES / "drawn", {"conditions": [{"n": 1}]}, facts)
    assert write(root, "<!-- = drawn picture lengths lengths.svg -->\n<!-- / -->\n", "docs/a.md") == []
    assert "![Losses.](lengths.svg)" in (root / "docs" / "a.md").read_text()
    (root / "docs" / "lengths.svg").write_text("<svg></svg>")
    (fault,) = found(root, "docs/a.md")
    assert "is not the picture that was stored" in fault


def test_what_was_never_published_says_so(root: Path, capsys: pytest.CaptureFixture[str]):
    (root / "src" / "unroll" / "studies").mkdir(parents=True)
    (root / "src" / "unroll" / "studies" / "later.toml").write_text("")
    text = "It is <!-- = later solved -->?<!-- / -->.\n\n<!-- = later picture traps figures/traps.svg -->\n<!-- / -->\n"
    assert write(root, text) == []
    said = (root / "README.md").read_text()
    assert "(not yet published)" in said
    assert "\n*Not yet published: `make published ONLY=later`.*\n" in said
    main(["--check"], root)
    assert "Not yet published: later." in capsys.readouterr().err
    (fault,) = write(root, "So <!-- ? later all solved=n -->it is<!-- / -->.")
    assert 'Nothing is stored of "later"' in fault, "a claim rests on results"


def test_a_table_changed_by_hand_is_found_and_so_is_one_that_nobody_quotes(
    root: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["--write"], root) == 0
    table = root / TABLES / "memory" / "conditions.csv"
    table.write_text(table.read_text().replace("0.00035", "0.00034"))
    store_tables(root / TABLES / "forgotten", {"conditions": [{"n": 1}]}, {})
    capsys.readouterr()
    assert main(["--check"], root) == 1
    said = capsys.readouterr().err
    assert "memory/conditions.csv was changed by hand" in said
    assert "forgotten: no text quotes it" in said


@pytest.mark.parametrize(
    "measured",
    ["29 %", "3 of 10 seeds", "0.151", "5.3e-05", "2.05x", "21 minutes", "0/3 solved", "none of three seeds"],
)
def test_a_measured_number_without_a_mark_is_found(root: Path, measured: str):
    (fault,) = write(root, f"# One\n\nIt has {measured} in the end.\n")
    assert fault.startswith("README.md:3: ")
    assert write(root, f"It has <!-- given: a paper -->{measured}<!-- / --> in the end.\n") == []
    assert "Say whence" in write(root, f"It has <!-- given: -->{measured}<!-- / --> in the end.\n")[0]
    assert unmarked(f"```text\n$ unroll show a\n{measured}\n```\n"), "what a program printed is looked at"
    assert not unmarked(f"Say `{measured}`.\n\n```python\n# {measured}\n```\n"), "code is not"


def test_study_files_and_notebooks_are_read_by_their_comments(root: Path):
    (root / "notebooks").mkdir()
    assert write(root, "# It has 29 % of it.\nx = 0.151\n", "notebooks/a.py") == [
        "notebooks/a.py:1: 29 % looks measured, without a mark. published/README.md says how."
    ]
    text = "# <!-- = memory findings where kind=found -->\n# <!-- / -->\n"
    assert write(root, text, "notebooks/a.py") == []
    assert (root / "notebooks" / "a.py").read_text() == text.replace("\n", "\n# > The GRU solves it.\n", 1)
