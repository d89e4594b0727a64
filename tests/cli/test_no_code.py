"""Nothing that is read is run: not a study file, not a store, not weights, no checkpoint, nothing in the folder.

Planted and found, by the gate over all calls: ``torch.load`` for weights, ``eval`` for an override. By the canaries
in the folder: an unknown task's name imported as a module.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import marshal
import pickle
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

import unroll
from tests.cli.conftest import STUDY, Done
from unroll import read_study, results
from unroll.errors import UnrollError

SOURCE = Path(unroll.__file__).parent
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "torch.load", "np.load", "numpy.load", "pd.read_pickle"),
    *("marshal.loads", "shelve.open", "joblib.load", "yaml.load", "runpy.run_path"),
}
PIPES = {"executors/wire.py", "testing/models.py", "testing/tasks.py"}
"""Between a coordinator and the workers that it started itself, and conformance suites, of bytes they just made."""


class Canary:
    """Unpickled, it sings: a file appears."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def payloads(sings: Path) -> dict[str, bytes]:
    """Bytes that run code in whoever unpickles them, in the shapes in which they are met."""
    plain = pickle.dumps(Canary(sings))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:  # as torch.save writes
        made.writestr("archive/data.pkl", plain)
        made.writestr("archive/version", "3\n")
    arrays = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117)
        + b"\n"
        + plain
    )
    several = io.BytesIO()
    with zipfile.ZipFile(several, "w") as made:
        made.writestr("a.npy", arrays)
    code = marshal.dumps(compile(f"from pathlib import Path; Path({str(sings)!r}).touch()", "layer", "exec"))
    layer = {"class_name": "Lambda", "config": {"function": {"config": {"code": base64.b64encode(code).decode()}}}}
    model = io.BytesIO()
    with zipfile.ZipFile(model, "w") as made:
        made.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}))
    return {
        "pickle": plain,
        "torch": archive.getvalue(),
        "numpy": arrays,
        "several": several.getvalue(),
        "joblib": zlib.compress(plain),
        "keras": model.getvalue(),
    }


SHAPES = ("pickle", "torch", "numpy", "several", "joblib", "keras")


def as_keras(file: io.BytesIO) -> object:
    """Do with a model's archive what Keras does with a Lambda layer in it."""
    config = json.loads(zipfile.ZipFile(file).read("config.json"))
    code = config["config"]["layers"][0]["config"]["function"]["config"]["code"]
    return exec(marshal.loads(base64.b64decode(code)), {})


@pytest.mark.parametrize("shape", SHAPES)
def test_the_canaries_sing_where_they_are_let(shape: str, tmp_path: Path):
    import numpy as np
    import torch

    sings = tmp_path / "sang"
    read: dict[str, Callable[[io.BytesIO], object]] = {
        "pickle": pickle.load,
        "torch": lambda file: torch.load(file, weights_only=False),
        "numpy": lambda file: np.load(file, allow_pickle=True),
        "several": lambda file: np.load(file, allow_pickle=True)["a"],
        "joblib": lambda file: pickle.loads(zlib.decompress(file.read())),
        "keras": as_keras,
    }
    with contextlib.suppress(Exception):  # the archive lacks what follows the pickle
        read[shape](io.BytesIO(payloads(sings)[shape]))
    assert sings.exists()


def test_no_file_runs_code(finished: str, unroll: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As study, as store, as a store to merge, as weights and checkpoints within a store."""
    import sqlite3

    sings = tmp_path / "sang"
    for shape, content in payloads(sings).items():
        for name in (f"{shape}.toml", f"{shape}.db", f"{shape}.safetensors"):
            Path(name).write_bytes(content)
            for command in (
                *(("check", name), ("show", name), ("cite", name), ("show", finished, "--store", name)),
                *(("doctor", "--store", name), ("merge", name)),
            ):
                done = unroll(*command)
                assert "Traceback" not in done.err
            assert not sings.exists(), (shape, name)
        hurt = Path(shutil.copy("results.db", f"hurt-{shape}.db"))
        with sqlite3.connect(hurt) as db:
            db.execute("UPDATE trained_parameters SET tensors = ?", (content,))
            db.execute("UPDATE trials SET state = 'waiting' WHERE rowid = 1")
        db.close()
        key = unroll("export", finished).out.splitlines()[1].split(",")[0]
        unroll("show", key[:10], "--store", hurt)
        with pytest.raises((UnrollError, SafetensorError)):
            results(read_study(finished), hurt).model(key)
        assert not sings.exists(), shape


def test_names_import_nothing_and_the_folder_is_no_place_for_plug_ins(
    study: str, unroll: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A name is looked up, never imported; metadata in the current folder registers nothing, nor do modules there."""
    sings = tmp_path / "sang"
    code = f"from pathlib import Path; Path({str(sings)!r}).touch()"
    for module in ("evil", "json", "torch", "unroll_evil", "rich"):
        Path(f"{module}.py").write_text(code)
    folder = Path("evil-1.0.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[unroll.tasks]\nevil = evil:Evil\n[unroll.models]\nevil = evil:Evil\n")
    for name in ("evil", "evil:Evil", "os:system", "__import__('evil')", "../evil"):
        Path("mine.toml").write_text(STUDY.replace('"adding"', f'"{name}"'))
        program = [
            Path(sys.executable).with_name("unroll"),
            "check",
            "mine.toml",
            "--set",
            "train.epochs=__import__('evil')",
        ]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2, done.stderr
        assert "Unknown task" in done.stderr
        assert not sings.exists(), name


def test_no_call_that_would_run_what_it_reads():
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called not in FORBIDDEN, f"{name}:{node.lineno}"
            if called in ("pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads"):
                assert name in PIPES, f"{name}:{node.lineno}"
            assert "allow_pickle" not in {word.arg for word in node.keywords}, f"{name}:{node.lineno}"


def namespaces() -> bool:
    command = ["unshare", "--map-root-user", "--net", "true"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not namespaces(), reason="no network namespaces here")
def test_a_run_needs_no_network(study: str):
    """In a namespace that has no interface, not even a loopback that is up."""
    command = ["unshare", "--map-root-user", "--net", str(Path(sys.executable).with_name("unroll")), "run", study]
    done = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "tanh_rnn" in done.stdout
