"""The command line, called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from unroll.cli.main import main

STUDY = """
name = "small"
[factors]
task = ["adding"]
model = ["gru", "tanh_rnn"]
length = [3]
seed = [2, 1]
[task]
train = 32
test = 16
[model]
hidden = 2
[train]
epochs = 2
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def unroll(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Call ``unroll ARGUMENTS``."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["unroll", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small study's file, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(STUDY)
    return "small.toml"


@pytest.fixture
def finished(study: str, unroll: Callable[..., Done]) -> str:
    """The same, run."""
    assert unroll("run", study, "--executor", "inline").code == 0
    return study
