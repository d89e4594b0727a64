"""Output that is not Unicode: what cannot be written is replaced, and what was done has an exit code of 0.

Planted and found: stdout left strict; JSON with a question mark where ASCII has an escape; a name in bytes that are not
UTF-8.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import STUDY, Done

NAME = "größe → ∞, 模型"


@pytest.fixture
def printed(unroll: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Call ``unroll ARGUMENTS`` with a stdout of this encoding, as strict as Python's own; what was printed."""

    def call(encoding: str, *arguments: object) -> str:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
        done = unroll(*arguments)
        assert done.code == 0, done.err
        sys.stdout.flush()
        return raw.getvalue().decode(encoding)

    return call


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_finished_run_is_no_failure_where_stdout_is_not_unicode(encoding: str, study: str, printed):
    Path(study).write_text(STUDY.replace('"small"', f'"{NAME}"'), encoding="utf-8")
    shown = NAME.encode(encoding, errors="replace").decode(encoding)
    for arguments in (
        *(("run", study, "--executor", "inline"), ("show", study), ("check", study)),
        *(("export", study, "--format", "markdown"), ("export", study, "--format", "latex")),
    ):
        assert shown in printed(encoding, *arguments)
    key = printed(encoding, "export", study).splitlines()[1].split(",")[0]
    assert key in printed(encoding, "show", key[:10])
    assert json.loads(printed(encoding, "check", study, "--json"))["study"] == NAME, "JSON has escapes for all of it"


def test_a_file_whose_name_is_not_utf8_can_be_named(study: str, printed):
    name = os.fsdecode(b"small-\xe9.toml")
    Path(study).rename(name)
    assert "tanh_rnn" in printed("utf-8", "run", name, "--executor", "inline")
    assert "small" in printed("utf-8", "show", name)
