"""Results of a store, trained again: whether the same bits come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from unroll import registry
from unroll.errors import UnrollError
from unroll.models.resolve import resolve
from unroll.running.examining import examine
from unroll.running.work import LOOK_SECONDS, confirm_plugins
from unroll.store import FINAL, Examination, State, Store, TrialRecord
from unroll.store.examinations import digest_of
from unroll.store.plain import to_json
from unroll.study import Trial
from unroll.training import Result, Training, computing, numerics
from unroll.training.devices import device_of
from unroll.training.native import numerics_of
from unroll.training.network import backend_of
from unroll.training.numerics import BESIDE


@dataclass(frozen=True)
class Recomputed:
    """A complete trial that was drawn, and what came of it.

    ``different``: what of it came out otherwise; nothing where every bit is the same. ``reason``: why it could not be
    compared, and was not trained; "" where it was. ``unmeasured``: why what was measured of it could not be compared,
    "" where it could. ``foreign``: see ``unroll.store.Alarm``.
    """

    trial: str
    key: str
    different: tuple[str, ...] = ()
    reason: str = ""
    unmeasured: str = ""
    foreign: tuple[str, ...] = ()


def recompute(store: Store, sample: int) -> Iterator[Recomputed]:
    """Train complete trials again, drawn at random, until ``sample`` of them could be compared.

    A trial can be compared where its task and model are known here in the versions that its key names, and all is the
    same that bits depend on: processor, GPU, instructions, backend, versions (``unroll.training.numerics``). Where that
    is native code alone, what measures have found in the trained network is compared only where the processor and all
    versions are the same as well: PyTorch computes it.
    """
    complete = [record for record in store.trials() if record.state is State.complete]
    SystemRandom().shuffle(complete)
    compared = 0
    for record in complete:
        if compared >= sample:
            return
        name = f"{record.key[:12]} ({record.model} on {record.task}, T = {record.length}, seed {record.seed})"
        trial = _as_it_was_asked(record)
        reason = _why_not(trial, record) if trial is not None else "its specification is older than what is run today"
        if trial is None or reason:
            yield Recomputed(name, record.key, reason=reason)
            continue
        compared += 1
        found = _found(record.fingerprint)
        beside = _other(found, {**BESIDE, **numerics_of(trial)})
        whole = numerics(backend_of(trial), device_of(trial))
        try:
            different = _different(store, record, *_trained(trial), beside, whole)
        except UnrollError as error:
            different = (f"it fails now: {error}",)
        examined = _other(found, whole) if store.examinations(record.key).records else ""
        yield Recomputed(
            name,
            record.key,
            different,
            unmeasured=beside or examined,
            foreign=registry.foreign(record.task, record.model),
        )


def _as_it_was_asked(record: TrialRecord) -> Trial | None:
    """Return the trial that a specification describes; None of one that another form of specifications describes."""
    try:
        trial = Trial.from_spec(dict(record.spec), record.files)
    except (KeyError, TypeError, ValueError):
        return None
    return trial if trial.key == record.key else None


def _why_not(trial: Trial, record: TrialRecord) -> str:
    """Return why a trial cannot be trained to the same bits here, or ""."""
    try:
        confirm_plugins(trial)
        resolve(trial).task.check_data()
        now = numerics_of(trial)
    except UnrollError as error:
        return str(error)
    other = _other((record.fingerprint or {}).get("numerics", {}), now)
    return f"it was trained with other numerics: {other}" if other else ""


def _other(then: Mapping[str, Any], now: Mapping[str, str]) -> str:
    """Return in words what is not as it was, or ""."""
    return "; ".join(
        f"{name} {then.get(name, 'unknown')}, here {now[name]}" for name in now if then.get(name) != now[name]
    )


def _found(fingerprint: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a fingerprint tells, whether bits of a trial depend on it or not."""
    return {name: told for part in (fingerprint or {}).values() for name, told in part.items()}


def _trained(trial: Trial) -> tuple[Result, tuple[Examination, ...]]:
    with computing(device_of(trial)):
        training = Training(trial, look=LOOK_SECONDS)
        going = training.run()
        while True:
            try:
                next(going)
            except StopIteration as end:
                result: Result = end.value
                return result, examine(trial, training.network)


def _different(
    store: Store,
    record: TrialRecord,
    result: Result,
    examinations: tuple[Examination, ...],
    beside: str,
    whole: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the names of what is not the same bits: the results that a trial's digest covers, and each measure.

    ``beside``: why what was measured while training cannot be compared, "" where it can. An examination can under the
    same ``whole`` numerics, where its measure has the version and the settings that it had.
    """
    measured = {} if beside else store.measures(record.key)
    stored = {name: measure.digest for name, measure in measured.items()}
    found = {name: measured.digest for name, measured in result.measured.items()}
    measures = [name for name in sorted(stored.keys() & found.keys()) if stored[name] != found[name]]
    now = {(one.measure, one.version, to_json(one.settings)): digest_of(one) for one in examinations}
    for one in store.examinations(record.key).records:
        digest = now.get((one.measure, one.version, to_json(one.settings)), one.digest)
        comparable = not one.damage and one.snapshot == FINAL and not _other(_found(one.fingerprint), whole)
        if comparable and digest != one.digest:
            measures.append(one.measure)
    return (*(["results"] if result.digest != record.digest else []), *measures)
