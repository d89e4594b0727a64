"""A study that is typed is expanded once, when it is run as when it is checked.

Planted and found: a run that checks again what was checked when the study was read.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from unroll.study import expansion


@pytest.fixture
def expanded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the studies that were expanded, in order."""
    names: list[str] = []

    class Counted(expansion._Plan):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            names.append(self.study.name)

    monkeypatch.setattr(expansion, "_Plan", Counted)
    return names


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("check", "--set", "seed=[1, 2]"),
        ("run", "--dry-run", "--executor", "inline"),
        ("run", "--executor", "inline"),
    ],
)
def test_a_command_expands_its_study_once(
    command: tuple[str, ...], study: str, unroll: Callable, expanded: list[str]
) -> None:
    name, *rest = command
    assert unroll(name, study, *rest).code == 0
    assert expanded == ["small"]
