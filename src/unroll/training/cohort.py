"""Who makes the native updates that trainings ask for: of one, or of several in one call, each with its own bits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias, TypeVar

from unroll.kernels.updates import COHORT, Wanted, make

Told = TypeVar("Told")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Answer:
    """To a training that has asked for updates: they are made.

    ``seconds``: its share of the time that the call took; ``raised``: what a signal's handler raised in it.
    """

    seconds: float
    raised: BaseException | None = None


Asking: TypeAlias = Generator[Told | Wanted, Answer | None, Value]
"""A training that asks for updates and is sent an answer, and tells other things between; its value is its end."""


def alone(training: Asking[Told, Value]) -> Generator[Told, None, Value]:
    """Make what one training asks for; yield what else it tells, return its end."""
    answer = None
    while True:
        try:
            told = training.send(answer)
        except StopIteration as end:
            value: Value = end.value
            return value
        answer = None
        if isinstance(told, Wanted):
            answer = _made([told])
        else:
            yield told


def together(
    trainings: Sequence[Generator[Wanted, Answer | None, Value]],
) -> Generator[tuple[int, Value], None, None]:
    """Make what several trainings ask for, those that are alike in one call; yield the place and end of each.

    Trainings that are equal but for their seed and stand at the same update ask for the same, update by update; one
    that stands elsewhere, or has ended, leaves the others as they are.
    """
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(trainings)))
    try:
        while answers:
            wanted = dict[int, Wanted]()
            for place, answer in answers.items():
                try:
                    wanted[place] = trainings[place].send(answer)
                except StopIteration as end:
                    yield place, end.value
            answers = {}
            for places in _groups(wanted):
                answers |= dict.fromkeys(places, _made([wanted[place] for place in places]))
    finally:  # where one ends all: what each has entered is left now, and in this order
        for training in reversed(trainings):
            training.close()


def _groups(wanted: dict[int, Wanted]) -> Iterator[list[int]]:
    """Return the places of what is asked for, those of a call together."""
    alike = defaultdict[object, list[int]](list)
    for place, one in wanted.items():
        alike[one.alike if one.in_cohorts else place].append(place)
    for places in alike.values():
        yield from (places[first : first + COHORT] for first in range(0, len(places), COHORT))


def _made(wanted: Sequence[Wanted]) -> Answer:
    raised = None
    began = perf_counter()
    try:
        make(wanted)
    except BaseException as error:
        raised = error
    return Answer((perf_counter() - began) / len(wanted), raised)
