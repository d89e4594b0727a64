"""Whatever a plug-in raises, and wherever it is asked, is its own fault and ends no check of the others.

Planted and found: no frame of an exception looked at; a fault of unroll's own passed over; facts of which only planning
asks left alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import model_validator

import unroll
from unroll import registry
from unroll.errors import PlugInError, StudyError
from unroll.models.lstm import LSTM
from unroll.running import judging
from unroll.running.planning import plan
from unroll.tasks.adding import Adding


def boom(*given: object, **named: object) -> None:
    raise TypeError("boom")


def invalid(self: object) -> None:
    raise TypeError("boom")


def made(base: type, members: dict[str, Any]) -> type:
    facts = {"name": "mine", "version": "1", "summary": "one's own", "__module__": __name__}
    return type("Mine", (base,), {**facts, **members})


def study(part: str, plugin: type, monkeypatch: pytest.MonkeyPatch) -> unroll.Study:
    monkeypatch.setattr({"task": registry.tasks, "model": registry.models}[part], "_registered", {})
    unroll.register(plugin)
    names = {"task": ["adding"], "model": ["gru"], part: ["gru" if part == "model" else "adding", "mine"]}
    return unroll.Study(name="broken", factors={**names, "length": [3], "seed": [1]})


ASKED = [
    *(("task", Adding, {name: boom}) for name in ("check_length", "check_data", "examples", "versions")),
    *(("task", Adding, {name: property(boom)}) for name in ("inputs", "outputs", "readout")),
    *(("model", LSTM, {name: boom}) for name in ("check_task", "count", "width")),
    *(("model", LSTM, {name: property(boom)}) for name in ("cell", "fitted")),
    *(
        (part, base, {"_valid": model_validator(mode="after")(invalid)})
        for part, base in (("task", Adding), ("model", LSTM))
    ),
]
PLANNED = [
    ("task", Adding, {"baseline": boom}),
    *(("task", Adding, {name: property(boom)}) for name in ("notes", "solved")),
    ("task", Adding, {"sources": 5}),
    ("model", LSTM, {"build": boom}),
    ("model", LSTM, {"tags": 7}),
]
IDS = {"ids": lambda value: value if isinstance(value, str) else ",".join(value) if isinstance(value, dict) else ""}


@pytest.mark.parametrize(("part", "base", "members"), ASKED, **IDS)
def test_what_is_asked_when_a_study_is_checked(
    part: str, base: type, members: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudyError) as raised:
        unroll.check(study(part, made(base, members), monkeypatch))
    (problem,) = raised.value.problems
    assert problem.message == f'The {part} "mine" fails when it is asked: TypeError: boom. Repair or uninstall it'


@pytest.mark.parametrize(("part", "base", "members"), PLANNED, **IDS)
def test_what_is_asked_when_it_is_planned(
    part: str, base: type, members: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = study(part, made(base, members), monkeypatch)
    trials = unroll.check(asked)
    with pytest.raises(
        PlugInError, match=f'The {part} "mine" fails when it is asked: TypeError: .*Repair or uninstall'
    ):
        plan(asked, trials)


def test_a_fault_of_unroll_s_own_is_nobody_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = study("model", made(LSTM, {}), monkeypatch)
    monkeypatch.setattr(judging, "memory_parts", lambda *_: {}["ours"])
    with pytest.raises(KeyError, match="ours"):
        unroll.check(asked)
