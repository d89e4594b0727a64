"""Commands that users are told to type do, typed into a shell, what they say.

Faults planted here, each seen to be found: a store, a setting or a file that is not quoted; a study called by its name
and not by its file; --max-trials, --store or --shard left out; overrides in Python's words; a command that lacks an
argument; output to a full device that ends in a traceback; to a closed one that ends in success.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.conftest import STUDY, Done
from unroll.commands import Asked, program
from unroll.running import Summary
from unroll.study import spelled
from unroll.study.files import _override

ODD = "it's [odd] $HOME"

Call = Callable[..., Done]


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A study's file and a store, in names that a shell would take apart."""
    monkeypatch.chdir(tmp_path)
    Path(f"{ODD}.toml").write_text(STUDY)
    return f"{ODD}.toml", f"{ODD}.db"


def told(text: str) -> list[list[str]]:
    """Return the arguments of every command in a text, as a shell hands them over."""
    found = re.findall(rf"{re.escape(program())} (?:run|show|doctor|check) [^\n]*", text)
    return [shlex.split(command.removesuffix("."))[1:] for command in found]


def test_after_a_run(odd: tuple[str, str], unroll: Call) -> None:
    file, store = odd
    given = ["--set", "train.epochs=1", "--set", 'seed=["4", 1]', "--set", "task.train = 16", "--max-trials", "200000"]
    assert unroll("run", file, *given).code == 2
    given[3] = "seed=[4, 1]"
    done = unroll("run", file, *given, "--store", store, "--executor", "inline")
    (shown,) = told(done.err)
    assert shown[0] == "show"
    assert unroll(*shown).code == 0
    failing = unroll("show", file, "--store", store)
    assert failing.code == 1
    run, other = told(failing.err)
    assert unroll(*other).code == 0, "the study of that name that the store holds"
    assert unroll(*run, "--executor", "inline").code == 0
    assert unroll("show", file, "--store", store).code == 0


def test_after_a_stop(odd: tuple[str, str], unroll: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one part: to go on is to go on with that part."""

    def stopped(*_: object, **__: object) -> Summary:
        return Summary(complete=1, failed=0, waiting=3, signal=signal.SIGINT)

    monkeypatch.setattr("unroll.running.execute", stopped)
    monkeypatch.setattr(os, "_exit", sys.exit)
    file, store = odd
    done = unroll("run", file, "--store", store, "--shard", "2/3")
    assert done.code == 128 + signal.SIGINT
    assert told(done.err) == [["run", file, "--store", store, "--shard", "2/3"]]


def test_after_failures(odd: tuple[str, str], unroll: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.running import work

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no luck")

    file, store = odd
    with monkeypatch.context() as patch:
        patch.setattr(work, "Training", broken)
        done = unroll("run", file, "--store", store, "--executor", "inline")
    assert done.code == 1
    *_, why = told(done.err)
    listed = unroll(*why)
    (one,) = told(listed.err)
    traceback = unroll(*one)
    assert "RuntimeError: no luck" in traceback.out


def test_after_copies(odd: tuple[str, str], unroll: Call) -> None:
    assert unroll("run", odd[0], "--executor", "inline").code == 0
    for command, code in ((("copy", "adding-quick", "a b.toml"), 0), (("copy-store", "c d.db"), 0)):
        done = unroll(*command)
        assert done.code == code
        (then,) = told(done.err)
        assert unroll(*then, *(["--dry-run", "--executor", "inline"] if then[0] == "run" else [])).code == 0


def test_a_study_of_another_name_than_its_file(odd: tuple[str, str], unroll: Call) -> None:
    Path("mine.toml").write_text(STUDY.replace('"small"', '"adding-quick"'))
    done = unroll("run", "mine.toml", "--executor", "inline")
    assert told(done.err) == [["show", "mine.toml"]]
    assert told(unroll("show", "mine.toml", "--set", "train.epochs=7").err)[0] == [
        "run", "mine.toml", "--set", "train.epochs=7",
    ]  # fmt: skip


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    source=words,
    overrides=st.lists(words, max_size=3),
    store=words,
    limit=st.sampled_from([100_000, 5, 10**9]),
    verb=st.sampled_from(["run", "show", "check", "report"]),
)
def test_whatever_was_typed_comes_back_through_a_shell(
    source: str, overrides: list[str], store: str, limit: int, verb: str
) -> None:
    typed = Asked(source, tuple(overrides), store, limit).command(verb)
    assert "\n" not in typed
    name, command, study, *options = shlex.split(typed)
    assert (name, command) == (program(), verb)
    assert Path(study) == Path(source)
    assert not study.startswith("-")
    pairs = list(zip(options[::2], options[1::2], strict=True))
    assert [value for option, value in pairs if option == "--set"] == overrides
    named = dict(pairs)
    assert verb == "check" or Path(named.get("--store", "results.db")) == Path(store)
    assert verb not in ("run", "check") or named.get("--max-trials", "100000") == str(limit)


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_a_shell_agrees() -> None:
    typed = Asked("a 'b'.toml", ('seed=["1", 2]', "x=$(id)"), "`c`;d.db", 5).command("run")
    printed = f"unroll() {{ printf '%s\\n' \"$@\"; }}; {typed.replace(program(), 'unroll', 1)}"
    done = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        *("run", "a 'b'.toml", "--set", 'seed=["1", 2]', "--set", "x=$(id)", "--store", "`c`;d.db", "--max-trials", "5")
    ]


values: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.none()
    | words
    | st.sampled_from(["true", "1", " a"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(value=values)
def test_overrides_are_spelled_so_that_set_understands_them(value: Any) -> None:
    (text,) = spelled({"train.setting": value})
    read, replaced, problems = _override({}, [text])
    assert (replaced, problems) == (set(), [])

    def words_for_none(found: Any) -> Any:
        if isinstance(found, list):
            return [words_for_none(one) for one in found]
        return "none" if found is None else found

    assert read == {"train.setting": words_for_none(value)}
    assert repr(read["train.setting"]) == repr(words_for_none(value)), "true is not 1"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["export", "show"])
def test_output_to_a_full_device_or_a_closed_one_is_a_message(odd: tuple[str, str], unroll: Call, command: str) -> None:
    assert unroll("run", odd[0], "--executor", "inline").code == 0
    program = [sys.executable, "-c", "from unroll.cli.main import main; main()", command, odd[0]]
    with open("/dev/full", "w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "unroll: The output cannot be written: No space left on device.\n"
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *program], capture_output=True, text=True, check=False)
    assert closed.returncode == 1
    assert closed.stderr == "unroll: The output cannot be written: Bad file descriptor.\n"
