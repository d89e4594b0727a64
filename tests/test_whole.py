"""Files are whole: the old one or the new one, never a part, whatever goes wrong on the way.

Planted and found: written in place; renamed before it was flushed; the folder not flushed; a temporary file left there;
a symbolic link replaced by a file; a device replaced; permissions lost.
"""

from __future__ import annotations

import ast
import os
import resource
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import unroll
from unroll.errors import UnrollError
from unroll.whole import write_whole

SOURCE = Path(unroll.__file__).parent
OLD, NEW = b"old", b"new" * 100_000


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[str, str]] = []

    def noted(name: str, argument: Callable[..., str]) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given: calls.append((name, argument(*given))) or real(*given))

    noted("fsync", lambda descriptor: os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
    noted("replace", lambda source, target: os.path.basename(target))
    noted("link", lambda source, target: os.path.basename(target))
    write_whole(tmp_path / "a.html", NEW)
    write_whole(tmp_path / "b.toml", NEW, new=True)
    part = calls[0][1]
    assert part.startswith(".unroll-")
    assert calls[:3] == [("fsync", part), ("replace", "a.html"), ("fsync", tmp_path.name)]
    assert calls[3:] == [("fsync", calls[3][1]), ("link", "b.toml"), ("fsync", tmp_path.name)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.toml"]


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_what_was_there_stays_where_it_fails(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.html"
    path.write_bytes(OLD)
    if fails == "write":  # a limit stands for a full disk
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    else:
        monkeypatch.setattr(os, fails, lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    try:
        with pytest.raises(UnrollError, match=r"a\.html cannot be written: .*Choose another place"):
            write_whole(path, NEW)
    finally:
        if fails == "write":
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == OLD
    assert [one.name for one in tmp_path.iterdir()] == ["a.html"], "and nothing lies beside it"


def test_new_leaves_a_file_alone_also_one_that_comes_meanwhile(tmp_path: Path):
    path = tmp_path / "mine.toml"
    write_whole(path, OLD, new=True)
    with pytest.raises(UnrollError, match="exists and is left as it is"):
        write_whole(path, NEW, new=True)
    assert path.read_bytes() == OLD
    assert [one.name for one in tmp_path.iterdir()] == ["mine.toml"]


def test_links_permissions_pipes_and_devices(tmp_path: Path):
    real, link, pipe = tmp_path / "real", tmp_path / "link", tmp_path / "pipe"
    real.write_bytes(OLD)
    real.chmod(0o640)
    link.symlink_to(real)
    write_whole(link, NEW)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, NEW)
    reader.join(timeout=10)
    assert read == [NEW]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_whole(Path("/dev/null"), NEW)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    umask = os.umask(0o027)
    try:
        write_whole(tmp_path / "fresh", NEW)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_where_it_cannot_be_written(tmp_path: Path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path, tmp_path / "no" / "folder", loop, tmp_path / ("x" * 5000), tmp_path / "x" / ("y/" * 2500)):
        with pytest.raises(UnrollError, match=r"cannot be written: ") as caught:
            write_whole(path, NEW)
        assert len(str(caught.value)) < 200
    assert list(tmp_path.iterdir()) == [loop]


def test_nothing_else_writes_files():
    """A gate. The store writes through SQLite; its lock is a file whose content nobody depends on.

    Temporary certificates are read by jobs that are submitted after them, and end with the run.
    """
    own = {
        "whole.py": {"os.open", "target.write_bytes"},
        "store/lock.py": {"os.open"},
        "store/copying.py": {"os.open"},
        "executors/slurm.py": {"os.open"},
    }
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            writes = called.rpartition(".")[2] in ("write_text", "write_bytes", "savefig", "to_parquet")
            opens = called == "open" or (called.endswith((".open", ".fdopen")) and "Store" not in called)
            modes = [
                arg.value for arg in ast.walk(node) if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            ]
            writes |= opens and any(set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in modes)
            if called in ("os.fdopen", "figure.savefig") or "os.devnull" in ast.unparse(node):
                continue  # of a descriptor that os.open gave; into memory; nowhere
            if called == "os.open" or writes:
                assert called in own.get(name, ()), f"{name}:{node.lineno} writes a file past unroll.whole"
