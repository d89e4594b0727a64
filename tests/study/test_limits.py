"""Study files that ask for too much are refused before they are parsed; what is odd as a file is a plain error.

Planted and found: no look before parsing; fractions in a list counted as parts of keys; a pipe that is opened, which
waits for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.study.builders import ReadText, studies
from unroll.errors import StudyError
from unroll.study import Study, read_study, shipped_studies, study_text, write_study
from unroll.study.limits import excess

HOSTILE = {
    "a key of 10,000 parts": ".".join(["a"] * 10_000) + " = 1",
    "a header of 10,000 parts": "[" + ".".join(["a"] * 10_000) + "]",
    "quoted parts": ".".join(['"a"'] * 10_000) + " = 1",
    "lists within lists": "a = " + "[" * 100_000,
    "tables within tables": "a = " + "{a = " * 100_000,
    "a key within tables": "a = { " + ".".join(["b"] * 10_000) + " = 1 }",
    "60,000 keys": "".join(f"k{i} = 1\n" for i in range(60_000)),
    "60,000 tables": "".join(f"[t{i}]\n" for i in range(60_000)),
    "400,000 values": "a = [" + "1," * 400_000 + "]",
}
HARD = {
    "strings that never end": '\\"""\n' * 150_000,
    "a string of quotes": '"""' + 'a"b' * 300_000 + "\\",
    "single quotes": "'''" * 300_000,
    "backslashes": '"\\"' * 300_000,
    "digits": "a = " + "1" * 900_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_too_much_is_refused_before_it_is_parsed(name: str, read: ReadText, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tomllib, "loads", lambda text: pytest.fail("it was parsed"))
    with pytest.raises(StudyError, match=r"line \d+: (nested )?more than \d") as caught:
        read(HOSTILE[name])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", HARD)
def test_looking_takes_a_time_that_grows_with_the_size_alone(name: str):
    def seconds(text: str) -> float:
        began = time.process_time()
        excess(text)
        return time.process_time() - began

    text = HARD[name]
    assert seconds(text) < 50 * max(seconds(text[: len(text) // 8]), 2e-3), "8 times as long, not 64"


@settings(deadline=None, max_examples=50)
@given(study=studies)
def test_every_study_that_can_be_written_is_within_the_limits(study: Study):
    assert excess(write_study(study)) is None


def test_what_only_looks_deep_is_not():
    assert [excess(study_text(name)) for name in shipped_studies()] == [None] * len(shipped_studies())
    dots = (
        'a = "' + "." * 5000 + "\"\nb = '''" + "[" * 5000 + "'''\n# " + "a." * 5000 + "\nc = [" + "1.5, " * 15_000 + "]"
    )
    assert tomllib.loads(dots)
    assert excess(dots) is None


def test_an_override_that_is_too_deep_is_a_value_that_is_none():
    with pytest.raises(StudyError, match=r"train\.epochs") as caught:
        read_study("adding-quick", ["train.epochs={" + ".".join(["a"] * 10_000) + " = 1}"])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop", "long", "deep", "nul", "at"])
def test_what_is_no_file_is_a_plain_error(kind: str, tmp_path: Path):
    path = tmp_path / "study.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    named = {"device": "/dev/zero", "long": "x" * 5000, "deep": "y/" * 2500, "nul": "a\0b", "at": f"@{path}"}
    for source in {named.get(kind, path), str(named.get(kind, path))}:
        with pytest.raises(StudyError) as caught:
            read_study(source)
        assert len(str(caught.value)) < 300
        assert "\0" not in str(caught.value)


def test_a_deep_study_takes_no_memory(tmp_path: Path):
    path = tmp_path / "deep.toml"
    path.write_text(HOSTILE["a key of 10,000 parts"])
    program = (
        "import resource, sys; from unroll.errors import StudyError; from unroll.study import read_study\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_study(sys.argv[1])\nexcept StudyError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000, "kilobytes; 535,000 without the look"
