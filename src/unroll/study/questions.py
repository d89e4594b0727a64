"""What a study asks, question by question: ``[[questions]]`` of a study file, with what answers each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from unroll import registry
from unroll.errors import Problem, did_you_mean
from unroll.study.messages import shown
from unroll.study.places import Path
from unroll.study.settings import Frozen

LONGEST = 300


def _several(value: Any) -> Any:
    """One name is a list of one."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _spelled(value: tuple[str, ...]) -> str | list[str]:
    return value[0] if len(value) == 1 else list(value)


class Question(Frozen):
    """A question, and where its answer is to be found.

    ``by``: what answers it: measures (``unroll.registry.measures``) and factors of the study, by their names.
    ``task`` and ``model``: what it is about; "" where it is about all of the study's.
    """

    text: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    by: Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1), PlainSerializer(_spelled)]
    task: str = ""
    model: str = ""


Questions = Annotated[
    tuple[Question, ...], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
]


def question_problems(
    questions: Any, values: Mapping[str, Sequence[Any]] | None, overridden: Mapping[str, Any]
) -> Iterator[tuple[Path, Problem]]:
    """Yield what is wrong with the questions of a study that has these ``values`` of its factors, with its place.

    ``questions``: Question, or the tables of a file, of which what is malformed is told elsewhere and left out here.
    ``values``: None where the factors cannot be read. What a question is about may be missing where the factor was
    ``overridden``: it is then left without an answer.
    """
    seen: set[str] = set()
    for number, question in enumerate(questions if isinstance(questions, list | tuple) else ()):
        table = question.model_dump() if isinstance(question, Question) else question
        for path, message in _problems(table, seen, values, overridden) if isinstance(table, Mapping) else ():
            yield ("questions", number, *path), Problem(message, f"questions.{path[0]}")


def _problems(
    table: Mapping[str, Any],
    seen: set[str],
    values: Mapping[str, Sequence[Any]] | None,
    overridden: Mapping[str, Any],
) -> Iterator[tuple[Path, str]]:
    text = table.get("text")
    if isinstance(text, str) and text:
        if not text.strip():
            yield ("text",), f"{shown(text)} is blank. Write what is asked"
        elif text in seen:
            yield ("text",), f"{shown(text)} is asked twice. Remove one, or ask for something else"
        seen.add(text)
    by = _several(table.get("by", ()))
    names = [name if isinstance(name, str) else "" for name in by] if isinstance(by, tuple) else []
    for place, name in enumerate(names):
        path: Path = ("by", place) if not isinstance(table["by"], str) else ("by",)
        if name and name in names[:place]:
            yield path, f"{shown(name)} is there twice. Remove one"
        elif name and values is not None:
            known = (*registry.measures.names(), *(factor for factor in values if factor != "seed"))
            if name not in known:
                hint = did_you_mean(name, known)
                yield (
                    path,
                    f"{shown(name)} is neither a measure nor a factor of this study.{hint} Known: {', '.join(known)}",
                )
    for factor in ("task", "model"):
        about, listed = table.get(factor), [str(value) for value in (values or {}).get(factor, ())]
        if isinstance(about, str) and about and listed and about not in listed and factor not in overridden:
            yield (factor,), f"the study has no {factor} {shown(about)}.{did_you_mean(about, listed)}"
