"""What is done to a store while calls fail, and what must hold of it afterwards.

Each scenario is a function of the store's path and ``told``, which acknowledges a step to whoever watches. Nothing here
imports torch.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from unroll.store import Examination, NamedArray, State, Store, connection, filesystem, migrations, plain, plans
from unroll.store.migrations import MIGRATIONS
from unroll.testing.stores import finish, planned_study, planned_trial

ASSET = Path(__file__).parents[1] / "assets" / "store_v1.db"
OF_ASSET = 4
"""Changes of the schema that the asset has received."""
TRIALS = tuple(planned_trial(seed) for seed in range(3))
KEYS = tuple(trial.key for trial in TRIALS)
WEIGHTS = b"\x01" * 20_000
CHECKPOINTS = {1: b"\x02" * 20_000, 2: b"\x03" * 20_000}
"""By epoch; the second one takes the place of the first."""
CHECKPOINT_OF_ASSET = b"tensors"
EXAMINATION = Examination(
    measure="m", version="1", metrics={"x": 1.0}, arrays={"y": NamedArray({"step": range(2_000)}, np.ones(2_000))}
)
"""Larger than a page."""

Told = Callable[[str], None]


def live(path: Path, told: Told) -> None:
    """The life of a store: made, planned, checkpoints, results, failures, a reader beside the writer, closed."""
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        told("planned")
        store.claim(KEYS[0])
        for epoch, tensors in CHECKPOINTS.items():
            store.save_checkpoint(KEYS[0], tensors, {"epoch": epoch}, {"cpu": "x"})
            told(f"checkpoint {epoch}")
        finish(store, KEYS[0], parameters=WEIGHTS, examinations=(EXAMINATION,))
        told("complete 0")
        with Store.open(path) as reader:
            reader.trials()
        store.claim(KEYS[1])
        store.fail(KEYS[1], error={"type": "E"}, fingerprint=None, histories={}, axes={})
        told("failed 1")
        store.retry([KEYS[1]])
        store.claim(KEYS[1])
        finish(store, KEYS[1], parameters=WEIGHTS, examinations=(EXAMINATION,))
        told("complete 1")
        store.claim(KEYS[2])
        store.release(KEYS[2], "stopped")


def live_together(path: Path, told: Told) -> None:
    """Changes that are written together, told when their block has ended; one of them is refused and taken back."""
    with Store.open(path, write=True) as store:
        store.plan(planned_study("one", TRIALS))
        told("planned")
        with store.together():
            store.claim(KEYS[0])
            store.claim(KEYS[1])
        with store.together():
            store.save_checkpoint(KEYS[0], CHECKPOINTS[1], {"epoch": 1}, {"cpu": "x"})
            store.save_checkpoint(KEYS[1], CHECKPOINTS[1], {"epoch": 1}, {"cpu": "x"})
        told("checkpoint 1")
        with store.together():
            finish(store, KEYS[0], parameters=WEIGHTS, examinations=(EXAMINATION,))
            with suppress(ValueError):
                finish(store, KEYS[1], parameters=WEIGHTS, axes={"loss": "none"}, histories={"loss": [1.0]})
            store.claim(KEYS[2])
            store.save_checkpoint(KEYS[1], CHECKPOINTS[2], {"epoch": 2}, {"cpu": "x"})
        told("complete 0")
        with store.together():
            finish(store, KEYS[1], parameters=WEIGHTS, examinations=(EXAMINATION,))
            finish(store, KEYS[2], parameters=WEIGHTS, examinations=(EXAMINATION,))
        told("complete 1")
        told("complete 2")


def live_together_on_a_network(path: Path, told: Told) -> None:
    """The same with a rollback journal."""
    filesystem.mount_of = lambda _: ("nfs4", "/home")
    live_together(path, told)


def live_on_a_network(path: Path, told: Told) -> None:
    """The same with a rollback journal, as on a network file system."""
    filesystem.mount_of = lambda _: ("nfs4", "/home")
    live(path, told)


def merge(path: Path, told: Told) -> None:
    """A finished store is merged into a new one."""
    with Store.open(path.with_name("other.db")) as other, Store.open(path, write=True) as store:
        store.adopt(other)
        told("planned")
        told("complete 0")
        told("complete 1")


def finished_beside(path: Path) -> None:
    """What ``merge`` and ``copy`` read."""
    live(path.with_name("other.db"), lambda _: None)


def copy(path: Path, told: Told) -> None:
    """A finished store is copied to the path."""
    with Store.open(path.with_name("other.db")) as other:
        other.copy(path)
        told("planned")
        told("complete 0")
        told("complete 1")


def upgrade(path: Path, told: Told) -> None:
    """An old store is brought up to date, and gone on with."""
    with Store.open(path, write=True) as store:
        told("upgraded")
        for trial in store.trials():
            if trial.state is State.waiting:
                store.claim(trial.key)
                finish(store, trial.key, parameters=WEIGHTS, examinations=(EXAMINATION,))
                told(f"complete {trial.seed}")
                break


def old(version: int) -> Callable[[Path], None]:
    """Return what makes a store with all but the last changes of the schema, ``version`` of them."""

    def make(path: Path) -> None:
        if version >= OF_ASSET:
            shutil.copy(ASSET, path)
        for module in (migrations, connection):
            module.MIGRATIONS = MIGRATIONS[:version]
        try:
            with closing(connection.open_for_writing(path).db) as db:
                if version < OF_ASSET:
                    plan_by_hand(db)
        finally:
            for module in (migrations, connection):
                module.MIGRATIONS = MIGRATIONS

    return make


def plan_by_hand(db: sqlite3.Connection) -> None:
    """Write trials that wait, with what the table has columns for."""
    there = {row["name"] for row in db.execute("PRAGMA table_info(trials)")}
    for trial in TRIALS:
        values = {name: getattr(trial, name) for name in plans.COLUMNS if name in there}
        values["spec"] = plain.to_json(trial.spec)
        columns = ", ".join(values)
        db.execute(f"INSERT INTO trials ({columns}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))


def nothing(path: Path) -> None:
    """No store is there yet."""


SCENARIOS: dict[str, tuple[Callable[[Path], None], Callable[[Path, Told], None]]] = {
    "live": (nothing, live),
    "live on a network": (nothing, live_on_a_network),
    "together": (nothing, live_together),
    "together on a network": (nothing, live_together_on_a_network),
    "merge": (finished_beside, merge),
    "copy": (finished_beside, copy),
    **{f"upgrade from {version} changes": (old(version), upgrade) for version in range(1, len(MIGRATIONS))},
}


def judge(path: Path, told: list[str]) -> str | None:
    """Return what is wrong with a store after a fault, or None.

    All that was acknowledged is there; of what was not, at most one step; a complete trial has all that belongs to it;
    a checkpoint is the old one or the new one; and the store can be gone on with.
    """
    if not path.exists() and not told:
        return None
    with Store.open(path, write=True) as store:
        health = store.health()
        if health["integrity"] != "ok":
            return f"integrity: {health['integrity']}"
        if health["migrations"] != [migration.name for migration in MIGRATIONS]:
            return f"migrations: {health['migrations']}"
        found = {trial.seed: trial for trial in store.trials()}
        for step in told:
            kind, _, number = step.partition(" ")
            if kind == "planned" and len(found) != len(TRIALS):
                return "acknowledged plan is lost"
            if kind == "checkpoint" and found[0].state is not State.complete:
                kept = store.checkpoint(KEYS[0])
                if kept is None or kept.position["epoch"] < int(number):
                    return f"acknowledged checkpoint {number} is lost"
            if kind == "complete" and found[int(number)].state is not State.complete:
                return f"acknowledged trial {number} is lost: {found[int(number)].state}"
        for trial in found.values():
            if trial.state is State.damaged:
                return f"trial {trial.seed} is damaged: {trial.damage}"
            wrong = _whole(store, trial.key, trial.state)
            if wrong:
                return f"trial {trial.seed}: {wrong}"
        waiting = [trial for trial in found.values() if trial.state is State.waiting]
        if found and waiting:
            store.claim(waiting[0].key)
            finish(store, waiting[0].key)
        elif not found:
            store.plan(planned_study("one", TRIALS))
    return None


def _whole(store: Store, key: str, state: State) -> str | None:
    """Say what is missing of a trial, or too much."""
    checkpoint = store.checkpoint(key)
    has = bool(store.trial(key).metrics), len(store.histories(key)), checkpoint is not None
    if state is State.complete:
        weights = store.parameters(key)
        if has != (True, 2, False) or weights not in (WEIGHTS, b"\x00safetensors\xff"):
            return f"complete with {has}, {len(weights)} bytes of weights"
        examined = store.examinations(key)
        if examined.faults or len(examined.records) != (weights == WEIGHTS):
            return f"complete with examinations {examined.faults or len(examined.records)}"
    elif state is State.running:
        return "still running after the next writer opened the store"
    elif has[0]:
        return f"{state} with metrics"
    elif checkpoint and checkpoint.tensors not in (CHECKPOINT_OF_ASSET, CHECKPOINTS[checkpoint.position["epoch"]]):
        return "with a checkpoint that is neither the old one nor the new one"
    return None
