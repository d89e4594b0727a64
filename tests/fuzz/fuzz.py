"""Random damage, and what the commands make of it: what is written, a word of damage, or a typed error. Nothing else.

    python -m tests.fuzz.fuzz --flips 300 --checkpoints 200 --weights 100 --merges 30 [--seed N] [--every] [--jobs N]

The seed is printed, and says what is tried, however many processes share it. What was found is printed as a line for
``regressions.jsonl``, which the tests replay.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer.main

from unroll.cli.main import main
from unroll.errors import StoreError, UnrollError
from unroll.store import Examination, NamedArray, State, Store, connection, examinations
from unroll.store.digests import TIMES
from unroll.study import Study, write_study

ASSET = Path(__file__).parents[1] / "assets" / "store_v2.db"
SUMS, NUMBERS = "sums.toml", "numbers.toml"
STORES = ("sealed.db", "old.db")
"""The asset as today's code keeps it, and as it is: what had no digest then, such as times, nobody can check there."""
EXAMINATIONS = (
    Examination(
        measure="far", version="1", metrics={"reach": 3.0}, arrays={"curve": NamedArray({"step": range(9)}, np.ones(9))}
    ),
    Examination(measure="broken", version="1", error={"type": "ValueError", "message": "no number"}),
)
"""What measures found in each trial of the sealed store; the other is older than they are."""
COVERED = (
    "SELECT id, key, condition, task, model, length, seed, protocol, spec, state, digest FROM trials NOT INDEXED",
    "SELECT trial, name, value FROM metrics NOT INDEXED WHERE name NOT IN ('seconds', 'seconds_per_epoch')",
    "SELECT trial, name, count, data FROM histories NOT INDEXED WHERE name NOT IN ('seconds', 'seconds_per_epoch')",
    "SELECT trial, tensors FROM trained_parameters NOT INDEXED",
    "SELECT id, digest, name, question, spec FROM studies NOT INDEXED",
)
"""What keys and digests cover in the store as it is: a change of any of it is never silent."""


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, stdout, the file it wrote, stderr."""

    code: int
    out: str
    file: str
    err: str


def prepare(folder: Path) -> list[list[str]]:
    """Put both stores and the studies' files into a folder; return the commands."""
    shutil.copy(ASSET, folder / "old.db")
    shutil.copy(ASSET, folder / "sealed.db")
    with Store.open(folder / "sealed.db", write=True) as store:
        store.forget_damaged()  # the asset's checkpoint has no checksum
        for (row_id,) in store._db.execute("SELECT id FROM trials WHERE state = 'complete'").fetchall():
            examinations.add(store._db, row_id, EXAMINATIONS)
        for record, name in zip(store.studies(), (SUMS, NUMBERS), strict=False):
            study = store.study_by_digest(record.digest)
            (folder / name).write_text(write_study(Study(**study.spec)))
        keys = [trial.key for trial in store.trials() if trial.state is State.complete]
    return [
        ["show", SUMS], ["show", SUMS, "--json"], ["show", NUMBERS], ["show", NUMBERS, "--json"],
        ["show", keys[0][:12]], ["show", keys[4][:12], "--json"],
        ["export", SUMS, "--format", "csv"], ["export", SUMS, "--format", "json"],
        ["export", NUMBERS, "--format", "json"], ["export", NUMBERS, "--format", "latex"],
        ["plot", SUMS, "learning", "--out", "out.svg"], ["plot", SUMS, "gradients", "--out", "out.svg"],
        ["plot", NUMBERS, "continuation", "--out", "out.svg"], ["report", SUMS, "--out", "out.html"],
        ["doctor", "--verify", "--json"], ["forget", SUMS, "--yes"], ["forget", "--damaged"],
    ]  # fmt: skip


def call(arguments: list[str], store: Path) -> Done:
    """Call a command in this process; whatever it raises but its end is a finding."""
    argv, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["unroll", *arguments, "--store", str(store)]
    written = next((Path(name) for name in arguments if name.startswith("out.")), None)
    if written is not None:
        written.unlink(missing_ok=True)
    code = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.argv = argv
    text = written.read_text() if written is not None and written.exists() else ""
    return Done(code, out.getvalue(), text, err.getvalue())


def verdict(clean: Done, done: Done) -> str | None:
    """Say what is wrong with how a command ended on a damaged store; None for nothing."""
    if (done.out, done.file, done.code) == (clean.out, clean.file, clean.code):
        return None
    if "Traceback" in done.err:
        return "a traceback"
    if done.code in (1, 2) and "unroll: " in done.err:
        return None
    if done.code == 1 and '"faults"' in done.out:
        return None
    told = done.out + done.file + done.err
    if "damaged" not in told:
        return "silently different"
    return _rows(clean.out, done.out)


def _rows(clean: str, out: str) -> str | None:
    """Compare trials that are exported as JSON one by one: each as it was, or damaged without a number."""
    try:
        before, after = json.loads(clean), json.loads(out)
    except ValueError:
        return None
    if not (isinstance(before, list) and before and "key" in before[0]):
        return None
    was = {row["key"]: row for row in before}
    for row in after:
        if row["state"] == "damaged":
            if any(row.get(name) is not None for name in ("test_mse", "seconds", "train_loss")):
                return "a damaged trial with numbers"
        elif _numbers(row, row) != _numbers(was.get(row["key"], {}), row):
            return "another number"
    return None


def _numbers(row: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """Return what is there of a trial, but for what measures found ("measure.number") and ``beside`` lacks."""
    there = {name: value for name, value in row.items() if value is not None}
    return {name: value for name, value in there.items() if "." not in name or beside.get(name) is not None}


def covered(path: Path) -> list[list[str]]:
    """Return what a store holds of what keys and digests cover, read without this package."""
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        return [sorted(map(repr, db.execute(query).fetchall())) for query in COVERED]


def flip(path: Path, source: bytes, offset: int, bits: int) -> None:
    """Write a store with one byte changed."""
    data = bytearray(source)
    data[offset] ^= bits
    for end in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(data)


class Looks:
    """What each command reads of a store, so that it is called only where a changed byte changes what it reads.

    A command that only looks is a function of how the store opens and of what its statements return. Both are asked of
    the changed store for all commands at once: where they are as before, so is what the command says.
    """

    def __init__(self) -> None:
        self.statements: dict[int, set[str] | None] = {}
        """Of each command that was called on a sound store; None of one that writes."""
        self.sound: dict[str, str] = {}

    def watch(self, command: int, arguments: list[str], at: Path) -> Done:
        """Call a command on a sound store and note what it reads."""
        asked: set[str] | None = set()
        reading, writing = connection.open_for_reading, connection.open_for_writing

        def noted(path: Path) -> connection.Opened:
            opened = reading(path)
            opened.db.set_trace_callback(asked.add if asked is not None else None)
            return opened

        def changed(path: Path) -> connection.Opened:
            nonlocal asked
            asked = None
            return writing(path)

        connection.open_for_reading, connection.open_for_writing = noted, changed
        try:
            return call(arguments, at)
        finally:
            connection.open_for_reading, connection.open_for_writing = reading, writing
            self.statements[command] = asked
            if asked is not None:
                asked -= {text for text in asked if text.startswith(("BEGIN", "COMMIT", "--"))}
                self.sound |= self.read(at, asked - self.sound.keys())

    def read(self, at: Path, statements: Iterable[str]) -> dict[str, str]:
        """Return what statements find in a store; nothing where it does not open or SQLite notices damage.

        SQLite notices it when it first reads a page: which statement is the first is another matter in each command.
        """
        found = {}
        try:
            with closing(connection.open_for_reading(at).db) as db:
                for text in statements:
                    db.renew()
                    found[text] = repr([tuple(row) for row in db.execute(text).fetchall()])
        except (StoreError, sqlite3.Error):
            return {}
        return found

    def differ(self, at: Path) -> set[int]:
        """Return the commands that read something else than in the sound store, and those that write."""
        now = self.read(at, self.sound)
        other = {text for text, rows in self.sound.items() if now.get(text) != rows}
        return {command for command, asked in self.statements.items() if asked is None or not asked.isdisjoint(other)}


class Fuzz:
    """One folder with what is damaged, and what the commands say where nothing is.

    Of ``jobs`` processes that draw the same cases, this one tries every ``jobs``-th, from ``job`` on.
    """

    def __init__(self, folder: Path, job: int = 0, jobs: int = 1):
        self.folder = folder
        self.job, self.jobs = job, jobs
        self.commands = prepare(folder)
        self.sources = {name: (folder / name).read_bytes() for name in STORES}
        self.clean: dict[tuple[str, int], Done] = {}
        self.looks = {name: Looks() for name in STORES}
        self.found: list[dict[str, Any]] = []

    def flipped(self, store: str, offset: int, bits: int, command: int) -> str | None:
        """Try one command on a store with one byte changed."""
        at = self.folder / "store.db"
        self._look(store, command)
        flip(at, self.sources[store], offset, bits)
        try:
            done = call(self.commands[command], at)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return f"a traceback: {type(error).__name__}: {error}"
        wrong = verdict(self.clean[store, command], done)
        if wrong and wrong != "a traceback" and store == "old.db" and not self._covered_differs(offset, bits):
            return None
        return wrong

    def _look(self, store: str, command: int) -> None:
        """See what a command makes of the sound store."""
        if (store, command) not in self.clean:
            flip(self.folder / "store.db", self.sources[store], 0, 0)
            self.clean[store, command] = self.looks[store].watch(
                command, self.commands[command], self.folder / "store.db"
            )

    def _concerned(self, store: str, offset: int, bits: int) -> list[int]:
        """Return the commands that one changed byte may concern."""
        for command in range(len(self.commands)):
            self._look(store, command)
        flip(self.folder / "store.db", self.sources[store], offset, bits)
        return sorted(self.looks[store].differ(self.folder / "store.db"))

    def _covered_differs(self, offset: int, bits: int) -> bool:
        """Say whether a change of the old store is one of what its keys and digests cover."""
        at = self.folder / "raw.db"
        flip(at, self.sources["old.db"], 0, 0)
        whole = covered(at)
        flip(at, self.sources["old.db"], offset, bits)
        try:
            return covered(at) != whole
        except (sqlite3.Error, UnicodeDecodeError):
            return True

    def ours(self, number: int) -> bool:
        """Say whether this process tries the case of this number."""
        return number % self.jobs == self.job

    def flips(self, chance: random.Random, count: int, every: bool) -> None:
        """Change one byte at a time; try a command drawn at random, or every one that it may concern."""
        for number in range(count):
            store = chance.choice(STORES)
            offset, bits = chance.randrange(len(self.sources[store])), chance.randrange(1, 256)
            one = chance.randrange(len(self.commands))
            if not self.ours(number):
                continue
            chosen = self._concerned(store, offset, bits) if every else [one]
            for command in chosen:
                self._note(
                    self.flipped(store, offset, bits, command),
                    {"store": store, "offset": offset, "bits": bits, "command": command},
                )

    def merges(self, chance: random.Random, count: int) -> None:
        """Merge stores with a few bytes changed: what is complete afterwards is what it was."""
        with Store.open(self.folder / "sealed.db") as store:
            sound = {key: _content(store, key) for key in _complete(store)}
        for number in range(count):
            source = bytearray(self.sources[name := chance.choice(STORES)])
            places = [chance.randrange(len(source)) for _ in range(chance.randrange(1, 4))]
            for place in places:
                source[place] ^= 1 << chance.randrange(8)
            if not self.ours(number):
                continue
            for file in self.folder.glob("m?.db*"):
                file.unlink()
            (self.folder / "m1.db").write_bytes(source)
            wrong = None
            try:
                with Store.open(self.folder / "m2.db", write=True) as ours:
                    try:
                        with Store.open(self.folder / "m1.db") as theirs:
                            ours.adopt(theirs)
                    except StoreError:
                        pass
                    if any(_content(ours, key) != sound.get(key) for key in _complete(ours)):
                        wrong = "adopted what was damaged"
            except Exception as error:
                wrong = f"a traceback: {type(error).__name__}: {error}"
            self._note(wrong, {"merge": name, "places": places})

    def _note(self, wrong: str | None, case: dict[str, Any]) -> None:
        if wrong:
            self.found.append({**case, "found": wrong})
            print(json.dumps(self.found[-1]), flush=True)


def _complete(store: Store) -> list[str]:
    return [trial.key for trial in store.trials() if trial.state is State.complete]


def _content(store: Store, key: str) -> tuple[object, ...]:
    histories = {name: values.tobytes() for name, values in store.histories(key).items() if name not in TIMES}
    metrics = {name: value for name, value in store.trial(key).metrics.items() if name not in TIMES}
    return metrics, histories, store.parameters(key)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return bytes flipped, cut, doubled, or with a header that lies about its length."""
    way = chance.randrange(5)
    at = chance.randrange(len(data))
    if way == 0:
        return data[:at]
    if way == 1:
        return data[:at] + data[at // 2 :]
    if way == 2:
        return chance.getrandbits(64).to_bytes(8, "little") + data[8:]
    changed = bytearray(data)
    changed[at if way == 3 else 8 + at % 200] ^= 1 << chance.randrange(8)
    return bytes(changed)


def checkpoints(fuzz: Fuzz, chance: random.Random, count: int) -> None:
    """Go on from changed checkpoints, with the old checksum or a new one: no trial fails, no damage goes on."""
    from tests.training.test_checkpoint import Checkpoint, digest, frozen, worked
    from unroll.store.seals import CHECKSUM, checkpoint_seal

    points = {at: frozen(at=at) for at in (1, 5, 7)}
    for number in range(count):
        whole = points[chance.choice(tuple(points))]
        tensors, position = mutated(whole.tensors, chance), dict(whole.position)
        resealed = chance.random() < 0.5
        if not fuzz.ours(number):
            continue
        if resealed:
            position[CHECKSUM] = checkpoint_seal(tensors, position)
        outcome, notes = worked(Checkpoint(tensors, position))
        wrong = None
        if outcome.error is not None and outcome.error["type"] != "DivergedError":
            wrong = f"failed: {outcome.error['message']}"
        elif not resealed and tensors != whole.tensors and (not notes or outcome.result.digest != digest()):
            wrong = "went on"
        fuzz._note(wrong, {"checkpoint": len(tensors), "resealed": resealed})


def weights(fuzz: Fuzz, chance: random.Random, count: int) -> None:
    """Load changed weights: a typed error, or finite answers of a network of the right shape."""
    from unroll.generation import trained
    from unroll.study import Trial

    with Store.open(fuzz.folder / "sealed.db") as store:
        key = next(trial.key for trial in store.trials() if trial.task == "odd_numbers" and trial.model == "gru")
        trial, whole = Trial.from_spec(dict(store.trial(key).spec)), store.parameters(key)
    for number in range(count):
        wrong = None
        data = mutated(whole, chance)
        if not fuzz.ours(number):
            continue
        try:
            trained(trial, data)
        except UnrollError:
            pass
        except Exception as error:
            wrong = f"a traceback: {type(error).__name__}: {error}"
        fuzz._note(wrong, {"weights": data[:40].hex()})


def run(arguments: argparse.Namespace) -> int:
    """Return how much was found."""
    typer.main.get_command = functools.cache(typer.main.get_command)  # the same commands each time: a tenth of all
    parts: dict[str, Callable[[Fuzz, random.Random], None]] = {
        "merges": lambda fuzz, chance: fuzz.merges(chance, arguments.merges),
        "weights": lambda fuzz, chance: weights(fuzz, chance, arguments.weights),
        "checkpoints": lambda fuzz, chance: checkpoints(fuzz, chance, arguments.checkpoints),
        "flips": lambda fuzz, chance: fuzz.flips(chance, arguments.flips, arguments.every),
    }
    with tempfile.TemporaryDirectory(prefix="unroll-fuzz-") as folder, chdir(folder):
        fuzz = Fuzz(Path(folder), arguments.job, arguments.jobs)
        for name, part in parts.items():
            began = time.monotonic()
            part(fuzz, random.Random(f"{arguments.seed} {name}"))
            print(f"fuzz: {getattr(arguments, name)} {name} in {time.monotonic() - began:.0f} s", flush=True)
    print(f"fuzz: {len(fuzz.found)} found", flush=True)
    return len(fuzz.found)


def shared(arguments: argparse.Namespace) -> int:
    """Let processes share the cases; return how many of them found something, or came to no end."""
    command = [sys.executable, "-m", "tests.fuzz.fuzz", *sys.argv[1:], "--seed", str(arguments.seed)]
    processes = [subprocess.Popen([*command, "--job", str(job)]) for job in range(arguments.jobs)]
    return sum(process.wait() != 0 for process in processes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("flips", "checkpoints", "weights", "merges"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--every", action="store_true", help="after each flip every command that reads what it changed")
    parser.add_argument("--jobs", type=int, default=1, help="this many processes share the cases")
    parser.add_argument("--job", type=int, help="which of them this is")
    return parser.parse_args()


def start() -> int:
    """Return how much was found."""
    arguments = _arguments()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(2**32)
    if arguments.job is None:
        print(f"fuzz: seed {arguments.seed}", flush=True)
        if arguments.jobs > 1:
            return shared(arguments)
        arguments.job = 0
    return run(arguments)


if __name__ == "__main__":
    sys.exit(min(1, start()))
