"""Small trials of every task and recurrent model, and the digest of all that each of them stores.

    python -m tests.training.small [MODEL TASK]...     prints them; ``small.json`` has those of all
    python -m tests.training.small levels              compares all with those, under each set of instructions here

What it prints is the same on every processor with fused multiply-adds; see ``test_same_bits``.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unroll import Study, expand, registry
from unroll.kernels import isas
from unroll.store.plain import to_json
from unroll.study import Trial
from unroll.tasks.numbers import Numbers
from unroll.training import Result, Training, single_thread

MODELS = ("tanh_rnn", "gru", "lstm")
SIZES = {"train": 100, "validation": 20, "test": 50}
LENGTHS = {"digits": 64, "text": 12, "series": 12, "recall": 16, "narma": 24, "delay": 24, "denoise": 12, "order": 12}
GIVEN = ("digits", "text", "series")
SCHEDULES = ("constant", "cosine", "step")
LEVELS = {
    "AVX-512": {"UNROLL_ISA": "v4"},
    "AVX2": {"UNROLL_ISA": "v3", "ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"},
    "SSE": {"UNROLL_ISA": "v3", "ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Nehalem"},
}
"""What kernels, PyTorch and the linear algebra of NumPy are to use; the kernels always a fused set."""


def settings_of(task: str) -> list[dict[str, Any]]:
    """The settings of a task that are tried: of numbers each code, of recall both kinds of queries."""
    plugin = registry.tasks.load(task)
    if task == "announce":
        return [{"representation": "raw"}, {"representation": "difference"}]
    if issubclass(plugin, Numbers):
        return [{"representation": code} for code in ("raw", "prefix_max", "last_value", "difference")]
    return [{}, {"queries": "many"}] if task == "recall" else [{}]


def trials(model: str, task: str, folder: Path) -> Iterator[tuple[str, Trial]]:
    """Yield a model's trials on a task with their names; schedules and optimizers take turns."""
    files = {"text": words(folder / "words.txt"), "series": waves(folder / "waves.csv")}
    for settings in settings_of(task):
        turn = len(task) + len(str(settings))
        schedule = SCHEDULES[turn % len(SCHEDULES)]
        how: dict[str, Any] = {"epochs": 3, "batch": 16, "schedule": schedule}
        how |= {"step_epochs": 1, "step_factor": 0.3} if schedule == "step" else {}
        how |= {"optimizer": ("adam", "adamw", "rmsprop")[turn % 2 + turn % 3 // 2], "clip_norm": 0.5}
        given = {} if task in GIVEN else SIZES
        study = Study(
            name="small",
            factors={"task": [task], "model": [model], "length": [LENGTHS.get(task, 5)], "seed": [1]},
            task={**given, **settings, **({"file": str(files[task])} if task in files else {})},
            model={"hidden": 9},
            train={**how, **({"epochs": 1, "batch": 256} if task in GIVEN else {})},
        )
        yield " ".join([model, task, *settings.values()]), expand(study)[0]


def words(path: Path) -> Path:
    """Write a text of four letters and a space, in which some follow others more often."""
    path.write_text("".join("abcd "[(n * n + n // 7) % 5] for n in range(4000)), encoding="utf-8")
    return path


def waves(path: Path) -> Path:
    """Write a series of two columns in whole thousandths."""
    lines = (f"{n * n % 997 / 1000:.3f},{n * 7 % 31 / 1000:.3f}" for n in range(900))
    path.write_text("\n".join(["one,other", *lines]) + "\n", encoding="utf-8")
    return path


def trained(trial: Trial) -> Result:
    """Train as a worker does."""
    steps = Training(trial, look=0.05).run()
    with single_thread():
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result


def digest(result: Result) -> str:
    """SHA-256 of a trial's digest and of those of its measures."""
    parts = {"trial": result.digest, **{name: one.digest for name, one in result.measured.items()}}
    return hashlib.sha256(to_json(parts).encode()).hexdigest()


def digests(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The digests of all trials of these models on these tasks."""
    with TemporaryDirectory() as folder:
        return {
            name: digest(trained(trial)) for model, task in pairs for name, trial in trials(model, task, Path(folder))
        }


def environment(level: str) -> dict[str, str]:
    """An environment that holds libraries and kernels to a level of instructions; for "" this process's own."""
    if not level:
        return dict(os.environ)
    features = cpu_features()
    wide = [name for name in features if "AVX512" in name or name == "X86_V4"]
    hidden = {"AVX-512": [], "AVX2": wide, "SSE": features}[level]
    return {**os.environ, **LEVELS[level], "NPY_DISABLE_CPU_FEATURES": " ".join(hidden)}


def cpu_features() -> list[str]:
    """What NumPy uses here beyond what it was built for."""
    core: Any = np._core if hasattr(np, "_core") else np.core
    found = core._multiarray_umath
    return [name for name in found.__cpu_dispatch__ if found.__cpu_features__[name]]


def digests_under(level: str, pairs: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """The same by a process that uses no more than a level of instructions; of all, where no pairs are named."""
    command = [sys.executable, "-m", "tests.training.small", *(word for pair in pairs for word in pair)]
    done = subprocess.run(command, env=environment(level), stdout=subprocess.PIPE, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def compare() -> None:
    """Compare all trials with the committed digests under each level; exit with 1 where one differs."""
    golden = json.loads(Path(__file__).with_name("small.json").read_text(encoding="utf-8"))
    wrong = 0
    for level in levels():
        found = digests_under(level)
        differ = [name for name in golden if found.get(name) != golden[name]]
        print(f"{level}: {len(found)} trials, {len(differ)} differ", *differ, sep="\n    ")
        wrong += len(differ) + (found.keys() != golden.keys())
    sys.exit(wrong > 0)


def levels() -> list[str]:
    """The levels that this processor has; "" alone where it is none of them, such as Arm."""
    return [level for level, how in LEVELS.items() if how["UNROLL_ISA"] in isas()] or [""]


if __name__ == "__main__":
    asked = sys.argv[1:]
    if asked == ["levels"]:
        compare()
    ours = (name for name in registry.tasks.names() if registry.tasks.load(name).__module__.startswith("unroll."))
    every = ((model, task) for task in ours for model in MODELS)
    print(json.dumps(digests(zip(asked[::2], asked[1::2], strict=True) if asked else every), indent=1))
