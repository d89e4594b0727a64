"""The section [generate]: read for tasks that generate, refused where nothing would read it, no part of other keys.

Planted and found: [generate] in the key of a trial that generates nothing; a section of an adding study accepted in
silence; a list in place of the prompt's numbers kept as it was.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.study.builders import ReadText
from unroll.errors import StudyError
from unroll.study import GenerateSettings, Study, Trial, expand, write_study

FACTORS = {"task": ["fibonacci"], "model": ["lstm"], "length": [6], "seed": [1]}


def study(factors: dict[str, Any] | None = None, **parts: Any) -> Study:
    return Study(**{"name": "small", "factors": {**FACTORS, **(factors or {})}, **parts})


def trial(factors: dict[str, Any] | None = None, **parts: Any) -> Trial:
    return expand(study(factors, **parts))[0]


def problems(*arguments: Any, **parts: Any) -> str:
    with pytest.raises(StudyError) as caught:
        expand(study(*arguments, **parts))
    return str(caught.value)


def test_the_defaults() -> None:
    assert trial().generate == GenerateSettings() == GenerateSettings(prime="once", prompt="none", steps=8, horizon=32)
    assert trial().spec["settings"]["generate"] == {"prime": "once", "prompt": None, "steps": 8, "horizon": 32}


def test_a_trial_that_generates_nothing_has_no_such_section() -> None:
    adding = expand(study({"task": ["adding"]}))[0]
    assert adding.generate is None
    assert "generate" not in adding.spec["settings"]


def test_whoever_names_a_setting_decides_it() -> None:
    where = [{"match": {"generate.prime": "twice"}, "generate": {"steps": 5}}]
    found = expand(study({"generate.prime": ["once", "twice"]}, where=where, generate={"steps": 3, "horizon": 16}))
    assert [(t.generate.prime, t.generate.steps, t.generate.horizon) for t in found] == [
        ("once", 3, 16),
        ("twice", 5, 16),
    ]
    assert trial(overrides={"generate.steps": 9}, generate={"steps": 3}).generate.steps == 9
    both = expand(
        study({"task": ["adding", "fibonacci"]}, where=[{"match": {"generate.steps": 8}, "generate": {"horizon": 9}}])
    )
    assert [t.generate and t.generate.horizon for t in both] == [None, 9], "a [[where]] matches a default"


def test_a_prompt_may_be_a_factor() -> None:
    found = expand(study({"generate.prompt": [[1, 1, 2], [3.5]]}))
    assert [t.generate.prompt for t in found] == [(1.0, 1.0, 2.0), (3.5,)]
    for one in found:
        again = Trial.from_spec(json.loads(json.dumps(one.spec)))
        assert (again, again.key) == (one, one.key)


def test_every_setting_changes_the_key_and_its_way_of_writing_does_not() -> None:
    keys = {
        trial(generate=given).key for given in ({}, {"prime": "twice"}, {"prompt": [1]}, {"steps": 9}, {"horizon": 9})
    }
    assert len(keys) == 5
    assert trial(generate={"prompt": [1, 2]}).key == trial(generate={"prompt": (1.0, 2.0)}).key
    assert trial(generate={"prompt": "none", "steps": 8}).key == trial().key


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prime": "thrice"}, "generate.prime: 'thrice' is not one of 'once' or 'twice'"),
        ({"prompt": []}, "generate.prompt: is empty. Give at least one"),
        ({"prompt": 5}, "generate.prompt: 5 is not a list"),
        ({"prompt": [1, float("nan")]}, "generate.prompt: nan is not a finite number"),
        ({"prompt": [1, "x"]}, "generate.prompt: 'x' is not a number"),
        ({"steps": 0}, "generate.steps: 0 is not allowed: it must be at least 1"),
        ({"horizon": 65}, "generate.horizon: 65 is not allowed: it must be at most 64"),
        ({"horizon": 7}, "generate.horizon: 7 is not allowed: it must be at least 8"),
        ({"step": 3}, 'generate.step: unknown key. Did you mean "steps"? Known: prime, prompt, steps, horizon'),
    ],
)
def test_what_is_wrong_with_it(given: dict[str, Any], message: str) -> None:
    assert message in problems(generate=given)


def test_a_section_that_nothing_reads_is_an_error_in_its_line(read: ReadText) -> None:
    text = (
        'name = "a"\n[factors]\ntask = ["adding"]\nmodel = ["gru"]\nlength = [4]\nseed = [1]\n[generate]\nsteps = 4\n'
    )
    with pytest.raises(
        StudyError, match=r'line 8: generate.steps: nothing would read it: the task "adding" generates no'
    ):
        read(text)
    with pytest.raises(StudyError, match=r"--set: generate.steps: nothing would read it"):
        read(text.partition("[generate]")[0], ["generate.steps=4"])
    factor = text.partition("[generate]")[0] + '"generate.prime" = ["once", "twice"]\n'
    with pytest.raises(StudyError, match=r"line 7: factors.generate.prime: nothing would read it"):
        read(factor)
    where = "[[where]]\nmatch = { task = 'adding' }\ngenerate = { steps = 4 }\n"
    with pytest.raises(StudyError, match=r"line 9: generate.steps: nothing would read it"):
        read(text.partition("[generate]")[0] + where)
    expand(read(text.replace('["adding"]', '["adding", "fibonacci"]')))


def test_it_is_written_and_read_again(read: ReadText) -> None:
    asked = study(generate={"prompt": [1, 2.5], "prime": "twice"}, where=[{"match": {}, "generate": {"steps": 2}}])
    assert read(write_study(asked)) == asked
    assert "[generate]" in write_study(asked)
