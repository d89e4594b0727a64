"""Kept states: from which finished trials those with more epochs continue, and which start afresh."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unroll.models.resolve import resolve
from unroll.store import Store, TrialRecord
from unroll.study import Trial
from unroll.study.trial import digest
from unroll.wording import capital, counted

_Head = tuple[str, str, int, int]

NOT_KEPT = "the state of the shorter training was not kept (unroll run --keep-state keeps it)"


@dataclass(frozen=True)
class Shorter:
    """A complete trial that another repeats with more epochs: its key, its epochs, and whether its state is kept."""

    key: str
    epochs: int
    kept: bool

    def __str__(self) -> str:
        return f"the {counted(self.epochs, 'epoch')} of trial {self.key[:8]}"


def is_fitted(trial: Trial) -> bool:
    """Say whether a trial's model is fitted, without epochs that could go on."""
    return resolve(trial).model.fitted


def why_anew(trial: Trial) -> str:
    """Return why more epochs of a trial would not go on from its state with the same bits; "" where they do."""
    if is_fitted(trial):
        return "fitted models have no epochs"
    if trial.train.schedule != "constant":
        return "trainings with a learning-rate schedule cannot be continued"
    if trial.train.patience is not None:
        return "trainings with early stopping cannot be continued"
    return ""


def shorter(store: Store, trials: Sequence[Trial]) -> dict[str, Shorter]:
    """Return, by the keys of those trials that have one, a complete trial that differs in nothing but fewer epochs.

    Of several it is the longest whose state is kept, and where none is, the longest.
    """
    wanted = [trial for trial in trials if not is_fitted(trial)]
    if not wanted:
        return {}
    kept = set(store.kept_states())
    most: dict[_Head, int] = {}
    for trial in wanted:
        most[_head(trial)] = max(most.get(_head(trial), 0), trial.train.epochs)
    stored: dict[_Head, list[tuple[Shorter, str]]] = {}  # of a store of any size no more than what is asked for
    for record in store.complete():
        epochs = _epochs(record)
        if epochs < most.get(_head(record), 0):  # a hash for each: most runs have none
            one = Shorter(record.key, int(epochs), record.key in kept)
            stored.setdefault(_head(record), []).append((one, _but_epochs(record.spec)))
    found = {}
    for trial in wanted:
        fewer = [one for one in stored.get(_head(trial), ()) if one[0].epochs < trial.train.epochs]
        if fewer:
            same = _but_epochs(trial.spec)
            before = [one for one, rest in fewer if rest == same]
            if before:
                found[trial.key] = max(before, key=lambda one: (one.kept, one.epochs))
    return found


def told(trials: Sequence[Trial], found: Mapping[str, Shorter]) -> Iterator[str]:
    """Yield what to say of trials stored with fewer epochs: how many continue, how many start afresh and why."""
    reasons = Counter(_reason(trial, found[trial.key]) for trial in trials if trial.key in found)
    for reason, count in reasons.items():
        those, verb = counted(count, "trial"), "is" if count == 1 else "are"
        if reason:
            begin = "starts" if count == 1 else "start"
            yield f"{capital(those)} {verb} in the store with fewer epochs and {begin} afresh: {reason}."
        else:
            go = "continues" if count == 1 else "continue"
            yield f"{capital(those)} {go} from where a training with fewer epochs ended."


def goes_on(trial: Trial, found: Mapping[str, Shorter]) -> bool:
    """Say whether a trial starts from the kept state of one with fewer epochs, as far as the store can tell."""
    return trial.key in found and not _reason(trial, found[trial.key])


def begun(trials: Sequence[Trial], found: Mapping[str, Shorter]) -> dict[str, float]:
    """Return the share of its updates that each trial which goes on from a kept state has behind it, by its key."""
    return {trial.key: found[trial.key].epochs / trial.train.epochs for trial in trials if goes_on(trial, found)}


def _reason(trial: Trial, before: Shorter) -> str:
    return why_anew(trial) or ("" if before.kept else NOT_KEPT)


def _head(trial: Trial | TrialRecord) -> _Head:
    return trial.task, trial.model, trial.length, trial.seed


def _epochs(record: TrialRecord) -> float:
    """Return how many epochs a stored trial asked for; infinity where its specification is of another form."""
    try:
        return int(record.spec["settings"]["train"]["epochs"])
    except (KeyError, TypeError, ValueError):
        return math.inf


def _but_epochs(spec: Mapping[str, Any]) -> str:
    """Return the hash of all that a specification says but its epochs."""
    train = {name: value for name, value in spec["settings"]["train"].items() if name != "epochs"}
    return digest({**spec, "settings": {**spec["settings"], "train": train}})
