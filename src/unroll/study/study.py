"""What is asked: tasks × models × lengths × seeds and any further factor, with its question."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError

from unroll.errors import Problem, StudyError, did_you_mean
from unroll.study.messages import problem_of, shown
from unroll.study.questions import Questions
from unroll.study.settings import Frozen, Settings, as_level, backend_word, plain
from unroll.study.trial import Protocol, digest

SECTIONS = ("task", "model", "train", "generate", "test")
LATER_SECTIONS = ("generate", "test")
"""Those that came when studies were stored already."""
BACKEND = "train.backend"
REQUIRED_FACTORS = ("task", "model", "length", "seed")

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _blocks(value: Any) -> Any:
    """One ``[factors]`` table is a list of one; Settings are made only of tables."""
    blocks = [value] if isinstance(value, dict | Settings) else value
    if isinstance(blocks, list | tuple):
        return tuple(Settings(block) if isinstance(block, dict) else block for block in blocks)
    return blocks


Factors = Annotated[
    tuple[Settings, ...],
    BeforeValidator(_blocks),
    Field(min_length=1),
    PlainSerializer(plain),
]


class Where(Frozen):
    """Settings for some conditions only: those whose factors have the values of ``match`` (or one of a list)."""

    match: Settings
    task: Settings = Settings()
    model: Settings = Settings()
    train: Settings = Settings()
    generate: Settings = Settings()
    test: Settings = Settings()


class StudyForm(Frozen):
    """What a study file may hold."""

    name: Name
    question: str = Field("", max_length=10_000)
    protocol: Protocol = "keyed"
    factors: Factors
    task: Settings = Settings()
    model: Settings = Settings()
    train: Settings = Settings()
    generate: Settings = Settings()
    test: Settings = Settings()
    where: Annotated[tuple[Where, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = ()
    questions: Questions = ()


class Study(StudyForm):
    """A study as it was designed; nothing in it can change.

    Parameters are those of a study file::

        Study(
            name="short",
            factors={"task": ["adding"], "model": ["lstm"], "length": [10, 25], "seed": [1, 2, 3]},
            train={"epochs": 5},
        )

    ``factors`` is one grid or several, whose trials are united. A setting is decided, weakest first, by the plug-in's
    default, its section (one of SECTIONS), ``where``, the factors, ``overrides``. ``questions`` say what its results
    are to answer, and by what: see ``unroll.study.questions``.

    Raises StudyError with everything that is wrong with its form. Its lists, and what only a task or a model can know,
    are checked by ``expand``, before anything is trained.
    """

    overrides: Settings = Settings()

    def __init__(self, /, **data: Any):
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise StudyError([problem_of(item, StudyForm) for item in error.errors()]) from None

    @cached_property
    def folder(self) -> str:
        """The folder of the file that it was read from, where relative paths in it begin; "" is the working folder.

        The study is the same in any.
        """
        return ""

    def in_folder(self, folder: str) -> Study:
        """Return the same study as one that was read from a file in this folder."""
        there = self.model_copy()
        there.__dict__["folder"] = folder
        return there

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the study asks, its name included; words that mean the same count as one.

        None counts as the word "none" of a study file, the backend "torch" as "reference".

        A section of LATER_SECTIONS that says nothing counts as absent, so studies written before it keep their digest.
        Its ``questions`` are left out: they say how its results are read, and change no trial, so that a store goes on
        belonging to a study of which more, or something else, is asked.
        """
        asked = self._asked()
        for table in (asked, *asked["where"]):
            if "backend" in table["train"]:
                table["train"]["backend"] = _backend(table["train"]["backend"])
        for table in (*asked["factors"], *(where["match"] for where in asked["where"]), asked["overrides"]):
            if BACKEND in table:
                table[BACKEND] = _backend(table[BACKEND])
        return digest(asked)

    @cached_property
    def digest_as_written(self) -> str:
        """The digest in which the backend "torch" is another word than "reference", as in older stores."""
        return digest(self._asked())

    def _asked(self) -> dict[str, Any]:
        asked: dict[str, Any] = _spelled(self.model_dump(exclude={"questions"}))
        for table in (asked, *asked["where"]):
            for section in LATER_SECTIONS:
                if not table[section]:
                    del table[section]
        return asked

    def count(self) -> int:
        """Return how many trials the grids ask for, without expanding them; trials asked for twice count twice."""
        return sum(math.prod(len(_listed(values)) for values in grid.values()) for grid in self.factors)

    def values(self) -> dict[str, tuple[Any, ...]]:
        """Return the values of each factor, of all grids together."""
        found: dict[str, tuple[Any, ...]] = {}
        for grid in self.factors:
            for factor, listed in grid.items():
                found[factor] = (*found.get(factor, ()), *_listed(listed))
        return found

    def varying(self) -> tuple[str, ...]:
        """Return the factors, besides the seed, that have more than one value, or that a grid leaves out."""
        values: dict[str, set[Any]] = {}
        for grid in self.factors:
            for factor, listed in grid.items():
                values.setdefault(factor, set()).update(as_level(factor, value) for value in _listed(listed))
        return tuple(
            factor
            for factor, listed in values.items()
            if factor != "seed" and (len(listed) > 1 or any(factor not in grid for grid in self.factors))
        )

    def _repr_html_(self) -> str:
        from unroll.inert import html

        rows = "".join(
            f"<tr><th>{html(factor)}</th><td>{html(', '.join(map(str, _listed(values))))}</td></tr>"
            for grid in self.factors
            for factor, values in grid.items()
        )
        question = f"<p>{html(self.question)}</p>" if self.question else ""
        return (
            f"<h4>Study {html(self.name)}</h4>{question}<table>{rows}</table>"
            f"<p>{self.count():,} trials, protocol {self.protocol}</p>"
        )


def _backend(value: Any) -> Any:
    """Return a backend, or a list of some, in the words of keys; whatever is none of it as it is."""
    return [backend_word(one) for one in value] if isinstance(value, list) else backend_word(value)


def _spelled(value: Any) -> Any:
    """Return plain data as a study file can say it."""
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return "none" if value is None else value


def _listed(values: Any) -> tuple[Any, ...]:
    """A factor's values; one that is not a list, which ``expand`` refuses, counts as one."""
    return values if isinstance(values, tuple) else (values,)


def too_many(count: int, limit: int) -> Problem:
    """Return the problem of a study that asks for more trials than allowed."""
    return Problem(
        f"the grid has {count:,} trials, more than the limit of {limit:,}. Shorten its lists, or raise the limit: "
        "--max-trials",
        setting="factors",
    )


def grid_problems(study: Study) -> Iterator[tuple[tuple[str | int, ...], Problem]]:
    """Yield what is wrong with the lists of the grids, with the path of each fault."""
    for number, grid in enumerate(study.factors):
        root = ("factors", number)
        for factor in REQUIRED_FACTORS:
            if factor not in grid:
                message = f"no list of values. Add {factor} = [...] to [factors]"
                yield root, Problem(message, f"factors.{factor}")
        for factor, values in grid.items():
            for path, message in _factor_problems(factor, values):
                yield (*root, factor, *path), Problem(message, f"factors.{factor}")


def _factor_problems(factor: str, values: Any) -> Iterator[tuple[tuple[int, ...], str]]:
    section, dot, _ = factor.partition(".")
    if factor in SECTIONS and isinstance(values, Settings) and values:
        quoted = f"{factor}.{next(iter(values))}"
        yield (), f'a table, not a list. A dotted name is in quotes: "{quoted}" = [...]'
        return
    if factor not in REQUIRED_FACTORS and not (dot and section in SECTIONS):
        hint = did_you_mean(factor, REQUIRED_FACTORS)
        yield (
            (),
            f"unknown factor.{hint} A factor is task, model, length, seed or a setting such as train.epochs",
        )
        return
    if not isinstance(values, tuple):
        alone = isinstance(plain(values), bool | int | float | str | None)
        yield (), f"{shown(values)} is not a list. {f'Write [{shown(values)}]' if alone else 'Give a list of values'}"
        return
    if not values:
        yield (), "an empty list: no trial would come of it. Give at least one value"
    seen: set[tuple[bool, Any]] = set()
    for position, value in enumerate(values):
        same = as_level(factor, value)
        if same in seen:
            yield (position,), f"{shown(value)} is there twice. Remove one"
        seen.add(same)
        fault = _value_problem(factor, value)
        if fault:
            yield (position,), fault


def _value_problem(factor: str, value: Any) -> str | None:
    if factor in ("task", "model"):
        return None if isinstance(value, str) else f"{shown(value)} is not a name in quotes"
    if factor in ("length", "seed"):
        low, high = (1, 1_000_000) if factor == "length" else (0, 2**32 - 1)
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{shown(value)} is not a whole number"
        if not low <= value <= high:
            return f"{shown(value)} is outside {low} to {high:,}"
    return None
