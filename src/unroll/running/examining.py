"""What measures find in a network whose training has ended: beside the trial, after all that its digest covers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from time import perf_counter

import torch

from unroll import registry
from unroll.measures import DoesNotApplyError, Measure, known
from unroll.models.network import Network
from unroll.models.resolve import resolve
from unroll.running.failure import described
from unroll.store import Examination
from unroll.streams import KeyedStreams
from unroll.study import Trial


def examine(trial: Trial, network: Network) -> tuple[Examination, ...]:
    """Let each measure that is computed at the end look at a trained network; those that it does not fit are left out.

    Each has a copy of the network, on the CPU, and a stream of its own, so that neither a trial nor another measure
    depends on it. Nothing is raised: what a measure raises is the reason why it found nothing.
    """
    ends = [(name, measure) for name, measure in known().items() if measure.when == "end"]
    found = (_examined(trial, network, name, measure) for name, measure in ends)
    return tuple(one for one in found if one is not None)


def _examined(trial: Trial, network: Network, name: str, measure: Measure) -> Examination | None:
    start = perf_counter()
    empty = Examination(measure=name, version="")
    try:
        task, model = resolve(trial)
        empty = replace(empty, version=registry.measures.version(name), settings=measure.model_dump())
        if measure.why_not(task, model):
            return None
        copy = deepcopy(network).cpu().double().eval()
        with _as_it_was():
            found = measure.compute(trial, task, copy, KeyedStreams(trial.seed).generator(f"measure/{name}"))
        return replace(empty, metrics=found.metrics, arrays=found.arrays, seconds=perf_counter() - start)
    except DoesNotApplyError as error:
        return replace(empty, error={"why_not": str(error)}, seconds=perf_counter() - start)
    except (Exception, SystemExit) as error:  # whatever a plug-in raises; Ctrl-C alone is for us
        return replace(empty, error=described(error), seconds=perf_counter() - start)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Put back what a measure may set in this process: whether there are gradients, and torch's default dtype."""
    dtype = torch.get_default_dtype()
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
