"""Text that somebody else wrote is inert wherever it comes out: no control character, no override, no formula.

The strings go through the public doors: commands, exporters, report, figures, notebook. Planted and found: a command
that prints past ``say``; a table on rich's own console; the report's environment without its finalizer; a figure that
draws a name as it is; a tick's label; formulas after a blank; C1 left alone; JSON with an override as it is.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import unroll
from tests.analysis.builders import trials
from tests.stored import stored
from unroll.analysis import conditions
from unroll.exporters import to_csv, to_json, to_latex, to_markdown
from unroll.exporters.html import to_html
from unroll.inert import UNSAFE, inert
from unroll.plots import to_svg
from unroll.report import report
from unroll.running import Outlook
from unroll.running.jupyter import JupyterProgress
from unroll.running.progress import LiveProgress, PlainProgress
from unroll.terminal import Terminal

SOURCE = Path(unroll.__file__).parent
DANGEROUS = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x00", "\x08\x08", "\r", "\x7f", "\u202e", "\u2066", "\u2028",
             "\x85", "\u200f", "\ufeff"]  # fmt: skip
ANY = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp", "Cs")]
BIDI = [chr(code) for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in
        ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")]  # fmt: skip
hostile = st.lists(
    st.sampled_from(DANGEROUS + BIDI) | st.sampled_from(ANY) | st.text(max_size=4), min_size=1, max_size=6
).map("".join)


def safe(text: str, breaks: str = "\n\t") -> bool:
    """An oracle by the Unicode database, not by the expression under test."""
    return not any(
        (unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") and c not in breaks)
        or c in BIDI
        or c in "\u061c\u200e\u200f"
        for c in text
    )


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_every_character_that_is_not_safe_is_an_escape_and_nothing_else_is_changed(text: str):
    shown = inert(text)
    assert safe(shown)
    assert safe(inert(text, line=True), "")
    assert (
        "".join(c for c in text if not UNSAFE.match(c)) == re.sub(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}", "", shown)
        or "\\" in text
    )
    assert inert("größe – 模型 मॉडल 🧠 e\u0301, \\x1b\n\tö") == "größe – 模型 मॉडल 🧠 e\u0301, \\x1b\n\tö"


def test_all_of_unicode():
    everything = "".join(map(chr, range(0x110000)))
    assert safe(inert(everything))
    assert set(ANY) - {"\t", "\n"} <= set(UNSAFE.findall(everything))


@settings(deadline=None, max_examples=12)
@given(name=hostile, note=hostile)
def test_exporters(name: str, note: str):
    frame = trials({(name, 9): [0.1, 0.2]}, task=note)
    frame["notes"] = note
    table = conditions(frame)
    for text in (
        to_markdown(table, (), name),
        to_latex(table, (), name),
        to_html(table, (), name),
        to_csv(frame),
        to_json(frame),
    ):
        assert safe(text), text
    if not any("\ud800" <= c <= "\udfff" for c in name):
        assert json.loads(to_json(frame))[0]["model"] == name, "JSON's escapes read as the same"
    for row in csv.reader(io.StringIO(to_csv(frame.rename(columns={"notes": note})), newline="")):
        for cell in row:
            assert not re.match(r"\s*[=+@＝＋－＠]|\s*-(?![\d.]|inf)|[\t\n]", cell), cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\n=", "\t", "\u202e=", "＝", "\x00="])
def test_a_formula_is_none_whatever_hides_it(start: str):
    cell = next(csv.reader(io.StringIO(to_csv(pd.DataFrame({"a": [start + "1+1"]})).partition("\n")[2], newline="")))[0]
    assert cell[0] == "'" or re.match(r"\\[xu]", cell)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile)
@example(text="\x1b[2J[red]bold[/red]:boom:")
def test_terminals(text: str):
    from rich.table import Table
    from rich.text import Text

    for colours in ("standard", None):
        screen = io.StringIO()
        terminal = Terminal(file=screen, width=90, force_terminal=colours is not None, color_system=colours)
        table = Table(title=text, caption=text)
        table.add_column(text)
        table.add_row(text)
        table.add_row(Text(text, style="bold"))
        terminal.print(table)
        terminal.print(text, Text(text))
        terminal.print(Text.assemble(("a", "bold"), text))
        rest = re.sub("\x1b\\[[0-9;]*m", "", screen.getvalue()) if colours else screen.getvalue()
        assert safe(rest), repr(rest)


@settings(deadline=None, max_examples=10)
@given(message=hostile)
def test_the_view_of_a_run(message: str):
    study = unroll.read_study("adding-quick")
    trial = unroll.expand(study)[0]
    error = {"type": "ValueError", "message": message}
    seen = io.StringIO()
    live = Terminal(file=seen, width=120, force_terminal=True, color_system=None)
    for observer in (PlainProgress(Terminal(file=seen, width=120)), LiveProgress(live)):
        observer.begin(Outlook(study, "results.db", 1, 0, 0, 5.0, "one worker"))
        observer.note(message)
        observer.failed(0, trial, error)
        observer.end()
    moves = re.compile("\x1b\\[[0-9;?]*[A-Za-z]|\r")
    assert safe(moves.sub("", seen.getvalue()))
    notebook = JupyterProgress()
    notebook._headline = message
    notebook._remarks.append(message)
    assert safe(notebook._text())
    assert safe(notebook._html())


class Texts(HTMLParser):
    """All texts and attributes of a page, as a browser reads them."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for _, value in attrs]


def test_report_and_figures(tmp_path: Path):
    text = "".join(DANGEROUS) + "<b>"
    pairs = [("a" + text, "m" + text), ("b", "n" + text)]
    results = stored(tmp_path / "hostile.db", question=text, pairs=pairs, lengths=[10, 20], seeds=[1, 2],
                     state=lambda model, length, seed: "failed" if seed == 2 else "complete")  # fmt: skip
    page = report(results)
    assert safe(page)
    assert safe("".join(Texts(page).found))
    for name in ("lengths", "solved", "learning", "gradients", "timing"):
        svg = to_svg(results.plot.draw(name))
        assert safe("".join(ElementTree.fromstring(svg).itertext()))
    assert r"m\x1b[2J" in svg.replace("&lt;", "<"), "and the name is there"
    assert safe(results._repr_html_())
    study = unroll.Study(
        name="x", question=text, factors={"task": [text], "model": ["gru"], "length": [5], "seed": [1]}
    )
    assert safe(study._repr_html_())


def toml(text: str) -> str:
    """A string of a study file that holds this."""
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text if not "\ud800" <= c <= "\udfff") + '"'


@pytest.fixture
def results_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMMANDS = (
    *("check {s}", "check {s} --json", "run {s} --dry-run", "show {s}", "show {s} --json", "export {s}", "report {s}"),
    *("plot {s} lengths --out a.svg", "generate --study {s}", "cite {s}", "forget {s} --yes", "check {s} --set {t}=1"),
    *(
        "check {t}",
        "show {t}",
        "show {s} --store {t}",
        "merge {t}",
        "copy {t} a.toml",
        "run {s} --executor {t}",
        "doctor --store {t}",
    ),
    *("export {s} --format {t}", "plot {s} {t} --out b.svg", "plot {s} lengths --out {t}", "run {s} --shard {t}"),
    *("generate --study {s} --prompt {t}", "generate --study {s} --task {t}"),
)


@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile, place=st.integers(0, 7))
@example(text="\x1b[2J\u202e\x9b", place=0)
@example(text="\x1b[2J\u202e\x9b", place=5)
def test_commands(text: str, place: int, results_in: Path, unroll_command: Callable[..., tuple[str, str]]):
    written(text, place)
    argument = text.replace("\x00", "").lstrip("-").encode(errors="ignore").decode() or "x"
    for command in COMMANDS:
        out, err = unroll_command(*(part.format(s="s.toml", t=argument) for part in command.split()))
        assert safe(out), (command, out)
        assert safe(err), (command, err)
        assert "Traceback" not in err


LONG = "Ж" * 5000


@pytest.mark.parametrize("place", [*range(8), None])
def test_a_message_repeats_little(place: int | None, results_in: Path, unroll_command: Callable[..., tuple[str, str]]):
    """In the file at one place; or, where there is none, as an argument: 5,000 characters are also no path."""
    written("s" if place is None else LONG, 0 if place is None else place)
    commands = COMMANDS if place is None else [command for command in COMMANDS if "{t}" not in command][:4]
    for command in commands:
        _, err = unroll_command(*(part.format(s="s.toml", t=LONG) for part in command.split()))
        for line in err.splitlines():
            assert line.count("Ж") <= 200, (command, line[:300])
        assert "The output cannot be written" not in err, command


def written(text: str, place: int) -> None:
    """Write a study file with this text at one of eight places."""
    lines = {
        "name": '"s"', "question": '"q"', "task": '"adding"', "model": '"gru"', "factor": '"train.epochs"',
        "key": '"hidden"', "where": '"gru"', "top": '"protocol"',
    }  # fmt: skip
    lines[list(lines)[place]] = toml(text)
    Path("s.toml").write_text(
        'name = {name}\nquestion = {question}\n{top} = "keyed"\n[factors]\ntask = [{task}]\nmodel = [{model}]\n'
        "length = [5]\nseed = [1]\n{factor} = [1]\n[model]\n{key} = 2\n[[where]]\nmatch = {{ model = {where} }}\n"
        "train = {{ batch = 3 }}\n".format(**lines)
    )


@pytest.fixture
def unroll_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[str, str]]:
    """Call ``unroll ARGUMENTS``; what it printed."""
    from unroll.cli.main import main

    def call(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["unroll", *arguments])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr()

    return call


def test_nothing_prints_but_through_the_doors():
    """A gate: who writes to a screen is named here, and who prints is nobody."""
    doors = {"cli/output.py", "terminal.py", "cli/doctor.py"}  # doctor: a bar that moves, of our own numbers alone
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "typer.echo", "typer.secho", "click.echo", "input"), (
                    f"{name}:{node.lineno}"
                )
                if called in ("Console", "rich.print", "sys.stdout.write", "sys.stderr.write"):
                    assert name in doors, f"{name}:{node.lineno}"
