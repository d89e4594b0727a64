"""What all measures of unroll record of a trained network, as the training loop asks for it."""

from __future__ import annotations

from unroll import registry
from unroll.measures.base import Recorded
from unroll.models.network import Network
from unroll.models.resolve import resolve
from unroll.study import Trial


def recorded(trial: Trial, network: Network) -> Recorded:
    parts = [
        registry.measures.load(name)().record(trial, resolve(trial).task, network) for name in registry.measures.own()
    ]
    found = [{}, {}, {}]
    for part in parts:
        for all_, some in zip(found, (part.metrics, part.histories, part.sequences), strict=True):
            assert not set(all_) & set(some), "no two measures record the same"
            all_.update(some)
    return Recorded(*found)
