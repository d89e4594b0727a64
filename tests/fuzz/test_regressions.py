"""What fuzzing has found once, tried again: see ``regressions.jsonl``.

Seen to fail on the code before they were mended: a row that is not found by its number; a message of SQLite that is no
UTF-8.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz.fuzz import Fuzz

CASES = [json.loads(line) for line in (Path(__file__).parent / "regressions.jsonl").read_text().splitlines()]


def test_what_was_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    fuzz = Fuzz(tmp_path)
    for case in CASES:
        assert fuzz.flipped(case["store"], case["offset"], case["bits"], case["command"]) is None, case
