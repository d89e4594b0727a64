"""A power cut at any moment loses nothing that was acknowledged: what was not flushed may be lost, in part or in whole.

strace records what a writer writes, flushes and acknowledges; the disk is then replayed up to each flush and each
acknowledgement, once with nothing that was not flushed and once with a random part of it. What a disk does behind a
flush is SQLite's and the system's business.

Planted and found: synchronous = OFF and NORMAL; under the rollback journal FULL, which leaves the journal's removal
unflushed, so that it would roll an acknowledged commit back; an acknowledgement before the commit.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.scenarios import judge
from unroll.store import Store, filesystem

CALLS = "open,openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink"
PROGRAM = """
import os, sys
from pathlib import Path
from tests.faults import scenarios
path = Path(sys.argv[1])
told = os.open(path.with_name("told"), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
getattr(scenarios, sys.argv[2])(path, lambda step: os.write(told, step.encode()))
"""
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


@dataclass
class Disk:
    """Files of one folder as they are, and as they would be found after a power cut."""

    now: dict[str, bytearray] = field(default_factory=dict)
    flushed: dict[str, bytes] = field(default_factory=dict)
    pending: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=dict)

    def write(self, name: str, offset: int, data: bytes | None) -> None:
        """Write, or, without data, cut the file at the offset."""
        _apply(self.now.setdefault(name, bytearray()), offset, data)
        self.pending.setdefault(name, []).append((offset, data))

    def flush(self, name: str) -> None:
        """Flush a file, or the folder with the names in it."""
        if name in self.now:
            self.flushed[name] = bytes(self.now[name])
            self.pending[name] = []
        else:
            self.flushed = {name: data for name, data in self.flushed.items() if name in self.now}

    def cut(self, moments: random.Random | None) -> dict[str, bytes]:
        """Return the files after a power cut: with a random part of what was not flushed, or with nothing of it."""
        found = {name: bytearray(data) for name, data in self.flushed.items()}
        if moments is not None:
            for name, writes in self.pending.items():
                for offset, data in writes:
                    if name in self.now and moments.random() < 0.5:
                        _apply(found.setdefault(name, bytearray()), offset, data)
            found = {name: data for name, data in found.items() if name in self.now or moments.random() < 0.5}
        return {name: bytes(data) for name, data in found.items() if not name.endswith("-shm")}


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data or b"")] = data or b""


def replay(log: str, folder: Path) -> Iterator[tuple[Disk, list[str]]]:
    """Yield the disk, and what was acknowledged, at each flush and each acknowledgement."""
    disk, told = Disk(), []
    for line in log.splitlines():
        found = CALL.match(line.replace('"...', '"'))
        if found is None or found[3].startswith("-"):
            continue
        call, arguments = found[1], found[2]
        texts = [
            bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'[<"]((?:\\x[0-9a-f]{2})*)[">]', arguments)
        ]
        numbers = [int(number) for number in re.findall(r", (\d+)(?=,|$)", arguments)]
        name = str(Path(texts[1 if call == "openat" and len(texts) > 1 else 0].decode()).relative_to(folder))
        if call == "write" and name == "told":
            told.append(texts[1].decode())
            yield disk, list(told)
        elif call == "pwrite64":
            disk.write(name, numbers[-1], texts[1])
        elif call == "ftruncate":
            disk.write(name, numbers[-1], None)
        elif call == "unlink":
            disk.now.pop(name, None)
            disk.pending.pop(name, None)
        elif call in ("fsync", "fdatasync"):
            disk.flush(name)
            yield disk, list(told)
        elif call in ("open", "openat") and "O_CREAT" in arguments and name != "told":
            disk.now.setdefault(name, bytearray())


@pytest.mark.parametrize("life", ["live", "live_on_a_network"])
def test_a_power_cut_loses_nothing_that_was_acknowledged(life: str, tmp_path: Path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder, log = (tmp_path / "disk").resolve(), tmp_path / "calls"
    folder.mkdir()
    seen = [argument for end in ("", "-wal", "-journal") for argument in ("-P", str(folder / f"results.db{end}"))]
    seen += ["-P", str(folder / "told"), "-P", str(folder)]
    trace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(log), *seen]
    command = [*trace, sys.executable, "-c", PROGRAM, str(folder / "results.db"), life]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    cuts, moments = 0, random.Random(7)
    for disk, told in replay(log.read_text(), folder):
        for part in (None, moments):
            after = tmp_path / f"after{cuts}"
            after.mkdir()
            for name, data in disk.cut(part).items():
                (after / name).write_bytes(data)
            wrong = judge(after / "results.db", told)
            assert wrong is None, f"cut {cuts}, acknowledged {told}: {wrong}"
            shutil.rmtree(after)
            cuts += 1
    assert cuts > 40
    assert told[-1] == "complete 1"


@pytest.mark.parametrize(("kind", "journal"), [("ext4", "wal"), ("nfs4", "delete")])
def test_every_writer_flushes_before_it_acknowledges(
    path: Path, kind: str, journal: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(filesystem, "mount_of", lambda _: (kind, "/"))
    with Store.open(path, write=True) as store:
        (synchronous,) = store._db.execute("PRAGMA synchronous").fetchone()
        assert (store.journal, synchronous) == (journal, 2 if journal == "wal" else 3)  # FULL; EXTRA is FULL and more
