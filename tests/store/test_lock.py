import json
import os
import time
from pathlib import Path

import pytest

from unroll.errors import StoreError, StoreHeldError
from unroll.store import Store
from unroll.store.lock import WriterLock, holder, side_car

HOLD = """
store = Store.open(path, write=True, purpose="study adding")
print("ready", flush=True)
time.sleep(60)
"""


def test_a_second_writer_is_told_who_holds_the_store_at_once(path: Path, spawn) -> None:
    first = spawn(path, HOLD)
    assert first.stdout.readline() == "ready\n"
    begin = time.monotonic()
    with pytest.raises(StoreHeldError) as refusal:
        Store.open(path, write=True)
    assert time.monotonic() - begin < 2
    for fact in (str(path), f"process {first.pid} ", os.uname().nodename, "study adding", "--store"):
        assert fact in str(refusal.value)
    with Store.open(path) as reader:
        assert reader.health()["holder"]["pid"] == first.pid
    first.kill()
    first.wait()
    assert holder(path) is None
    Store.open(path, write=True).close()


def test_two_names_of_one_store_are_one_lock(path: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias.db"
    with Store.open(path, write=True):
        alias.symlink_to(path)
        with pytest.raises(StoreHeldError):
            Store.open(alias, write=True)


def test_the_lock_leaves_nothing_behind(path: Path) -> None:
    with Store.open(path, write=True):
        assert json.loads(side_car(path).read_text())["pid"] == os.getpid()
    assert [file.name for file in path.parent.iterdir()] == ["results.db"]


def test_what_a_dead_writer_left_holds_nobody_up(path: Path) -> None:
    side_car(path).write_text('{"pid": 1, "half": ')
    assert holder(path) is None
    Store.open(path, write=True).close()


def test_a_forked_child_does_not_keep_the_lock(path: Path) -> None:
    lock = WriterLock(path, "")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # lives on after its parent has let go
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    lock._file.close()  # as the end of the parent would, without a word to the child
    try:
        assert holder(path) is None
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)


def test_a_refused_opening_lets_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("unroll.store.store.trials.release_all", broken)
        with pytest.raises(RuntimeError, match="planted"):
            Store.open(path, write=True)
    assert holder(path) is None
    Store.open(path, write=True).close()


def test_the_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no folder"):
        Store.open(tmp_path / "nowhere" / "results.db", write=True)
