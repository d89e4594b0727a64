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
    questions: Sequence[Question], values: Mapping[str, Sequence[Any]], overridden: Mapping[str, Any]
) -> Iterator[tuple[Path, Problem]]:
    """Yield what is wrong with the questions of a study that has these ``values`` of its factors, with its place.

    What a question is about may be missing where the factor was ``overridden``: it is then left without an answer.
    """
    known = (*registry.measures.names(), *(factor for factor in values if factor != "seed"))
    for number, question in enumerate(questions):
        for name in question.by:
            if name not in known:
                message = (
                    f"{shown(name)} is neither a measure nor a factor of this study.{did_you_mean(name, known)} "
                    f"Known: {', '.join(known)}"
                )
                yield ("questions", number, "by"), Problem(message, "questions.by")
        for factor in ("task", "model"):
            about, listed = getattr(question, factor), [str(value) for value in values.get(factor, ())]
            if about and listed and about not in listed and factor not in overridden:
                message = f"the study has no {factor} {shown(about)}.{did_you_mean(about, listed)}"
                yield ("questions", number, factor), Problem(message, f"questions.{factor}")
