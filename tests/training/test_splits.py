"""What a task gives is looked at before the first update, wherever the updates are made.

Planted and found: classes that nobody compares with the task's; symbols below 0; a validation split, an epoch's or a
further length's that is not looked at; symbols of another type that are refused, or counted as other inputs than the
same of the first type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import unroll
from tests.training.test_loop import finish
from unroll import Study, expand
from unroll.errors import PlugInError
from unroll.study import Trial
from unroll.tasks import Criterion, Split, Task
from unroll.training import Training, loop, train


class Given(Task):
    """Gives back what a test puts there."""

    name = "given_back"
    summary = "what a test puts there"
    version = "1"
    objective = "cross_entropy"
    at_some: bool = False
    inputs = property(lambda self: 4)
    outputs = property(lambda self: 3)
    tokens = property(lambda self: True)
    readout = property(lambda self: "some" if self.at_some else "every")
    solved = property(lambda self: Criterion("test_accuracy", above=0.9))

    def baseline(self, length: int) -> float:
        return 1.0

    def chance(self, length: int) -> float:
        return 0.5

    def sequences(self, generator: Any, n: int, length: int) -> Split:
        return made(self, generator, n, length)


class Numbers(Given):
    """The same of numbers."""

    name = "numbers_back"
    version = "1"
    objective = "mse"
    outputs = property(lambda self: 1)
    tokens = property(lambda self: False)
    readout = property(lambda self: "last")
    solved = property(lambda self: Criterion("test_mse", 0.1))


def sound(task: Given, generator: Any, n: int, length: int) -> Split:
    if task.tokens:
        x = generator.integers(0, 4, (n, length)).astype(np.uint8)
        y = (x % 3).astype(np.int32)
        if task.at_some:
            at = np.tile(np.array([1, 3], dtype=np.int32), (n, 1))
            return Split(x, y[:, [1, 3]], at=at)
        return Split(x, y, asked=np.ones((n, length), dtype=bool))
    x = generator.uniform(0, 1, (n, length, 4)).astype(np.float32)
    return Split(x, x[:, 0, :1])


made: Callable[[Given, Any, int, int], Split] = sound


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unroll.registry.tasks, "_registered", {"given_back": Given, "numbers_back": Numbers})


@pytest.fixture(params=["native", "python"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(loop, "why_not_native", lambda *_: "the test wants Python")


def trial(name: str = "given_back", some: bool = False, **settings: Any) -> Trial:
    task = {"at_some": some, "train": 8, "validation": 4, "test": 4, **settings.pop("task", {})}
    study = Study(
        name="given",
        protocol="keyed",
        factors={"task": [name], "model": ["gru"], "length": [5], "seed": [1]},
        task=task,
        model={"hidden": 3},
        train={"epochs": 2, "batch": 80},
        **settings,
    )
    return expand(study)[0]


def give(monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], None], only: int | None = None) -> None:
    """Let the task change what it gives; ``only`` the split with so many sequences."""

    def changed(task: Given, generator: Any, n: int, length: int) -> Split:
        split = sound(task, generator, n, length)
        if only not in (None, n):
            return split
        parts = {name: getattr(split, name) for name in ("x", "y", "at", "asked")}
        change(parts)
        return Split(**parts)

    monkeypatch.setattr(f"{__name__}.made", changed)


def refused(one: Trial) -> str:
    with pytest.raises(PlugInError) as caught:
        Training(one)
    return str(caught.value)


def put(name: str, place: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(parts: dict[str, Any]) -> None:
        parts[name] = parts[name].copy()
        parts[name][place] = value

    return change


def cast(name: str, kind: Any) -> Callable[[dict[str, Any]], None]:
    return lambda parts: parts.update({name: parts[name].astype(kind)})


TOLD = [
    (put("y", (2, 1), -100), "the class -100 of sequence 3, position 2, is none of its 3. Give 0 to 2, or -1 where"),
    (put("y", (0, 4), 3), "the class 3 of sequence 1, position 5, is none of its 3."),
    (put("y", 1, -1), "sequence 2 has no position that is scored. Give each at least one class"),
    (cast("y", np.float32), "y is float32, (4, 5). Give classes as whole numbers, (4, 5)."),
    (lambda parts: parts.update(y=parts["y"][:, :2]), "y is int32, (4, 2). Give classes as whole numbers, (4, 5)."),
    (put("x", (3, 0), 4), "sequence 4, step 1: the symbol 4 is none of its 4. Give 0 to 3, or raise Task.inputs."),
    (lambda parts: parts.update(x=parts["x"].astype(np.int16) - 1), "the symbol -1 is none of its 4."),
    (cast("x", np.float32), "x is float32, (4, 5). Give symbols as whole numbers, (N, T), or leave out Task.tokens."),
    (cast("asked", np.int32), "asked is int32, (4, 5). Give true or false for each of y, (4, 5)."),
    (put("asked", ..., False), "it asks for nothing. Mark what is asked, or leave out Split.asked."),
    (lambda parts: parts.update(at=parts["y"]), 'Split.at is given, and the readout is "every". Leave it out, or give'),
]


@pytest.mark.parametrize(("change", "told"), TOLD, ids=range(len(TOLD)))
@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_what_does_not_fit_is_told_before_the_first_update(split, change, told, monkeypatch: pytest.MonkeyPatch):
    sizes = {"training": (4, 5, 6), "validation": (5, 4, 6), "test": (6, 5, 4)}[split]
    give(monkeypatch, change, only=4)
    message = refused(trial(task=dict(zip(("train", "validation", "test"), sizes, strict=True))))
    assert message.startswith(f'The task "given_back", {split} split')
    assert told in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("at", (1, 1), 5), "sequence 2: step 5 of Split.at is not one of 0 to 4 that comes after the one before"),
        (put("at", (0, 1), 1), "sequence 1: step 1 of Split.at is not one of 0 to 4 that comes after the one before"),
        (put("at", (3, 0), -1), "sequence 4: step -1 of Split.at is not one of 0 to 4"),
        (cast("at", np.float32), "at is float32, (8, 2). Give steps as whole numbers, (N, S) with N = 8."),
        (lambda parts: parts.update(at=None), 'Split.at is missing, and the readout is "some". Give the steps that'),
    ],
    ids=range(5),
)
def test_steps_that_do_not_fit_are_told(change, told, monkeypatch: pytest.MonkeyPatch):
    give(monkeypatch, change)
    assert told in refused(trial(some=True))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (cast("x", np.float64), "x is float64, (8, 5, 4). Give numbers as float32, (N, T, 4), as Task.inputs says."),
        (lambda parts: parts.update(x=parts["x"][..., :2]), "x is float32, (8, 5, 2). Give numbers as float32"),
        (put("x", (1, 2, 0), np.nan), "sequence 2, step 3: x is not a finite number. Give one that is."),
        (cast("y", np.float64), "y is float64, (8, 1). Give numbers as float32, (8, 1)."),
        (lambda parts: parts.update(y=parts["y"][:, 0]), "y is float32, (8,). Give numbers as float32, (8, 1)."),
        (put("y", 2, np.inf), "y of sequence 3 is not a finite number. Give one that is."),
    ],
    ids=range(6),
)
def test_numbers_that_do_not_fit_are_told(change, told, monkeypatch: pytest.MonkeyPatch):
    give(monkeypatch, change)
    assert told in refused(trial("numbers_back"))


def test_an_epoch_and_a_further_length_are_looked_at_too(monkeypatch: pytest.MonkeyPatch):
    drawn = []

    def later(task: Given, generator: Any, n: int, length: int) -> Split:
        drawn.append(n)
        split = sound(task, generator, n, length)
        if len(drawn) > 3:
            split.y[0, 0] = 7
        return split

    monkeypatch.setattr(f"{__name__}.made", later)
    with pytest.raises(PlugInError, match="training split of epoch 2: the class 7 of sequence 1, position 1"):
        finish(train(trial(task={"fresh": True})))
    drawn.clear()
    with pytest.raises(PlugInError, match="test split of length 9: the class 7 of sequence 1, position 1"):
        finish(train(trial(test={"lengths": [9]})))


@pytest.mark.usefixtures("where")
@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.uint32, np.int64, np.uint64, ">i4"])
@pytest.mark.parametrize("some", [False, True])
def test_whole_numbers_of_any_type_are_the_same(some: bool, kind: Any, monkeypatch: pytest.MonkeyPatch):
    one = trial(some=some, task={"train": 160, "test": 40})
    expected = finish(train(one))
    assert 0 < expected.measured["overlap"].metrics["test_seen"] < 1
    give(monkeypatch, lambda parts: [cast(name, kind)(parts) for name in ("x", "at") if parts[name] is not None])
    found = finish(train(one))
    assert found.digest == expected.digest
    assert found.measured["overlap"] == expected.measured["overlap"]
    if np.dtype(kind).kind == "i":
        give(monkeypatch, cast("y", kind))
        assert finish(train(one)).digest == expected.digest
