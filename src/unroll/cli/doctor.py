"""``unroll doctor``: the machine, the versions, the backend, the health of the store."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from unroll.cli.options import Json, StorePath
from unroll.defaults import STORE


def doctor(store: StorePath = Path(STORE), json: Json = False) -> None:
    """Print the state of machine, versions and store."""
    from unroll.cli.output import print_json, print_table, table_of

    found = {"versions": _versions(), "machine": _machine(), "backends": _backends(), "store": _store(store)}
    if json:
        print_json(found)
        return
    for title, facts in found.items():
        table = table_of(("", ""), title=title)
        table.show_header = False
        for name, value in facts.items():
            table.add_row(name, _text(value))
        print_table(table)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "pandas", "pydantic", "loky", "safetensors")
    return {
        "unroll": version("unroll-lab"),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _machine() -> dict[str, Any]:
    import psutil
    import torch

    from unroll.training.numerics import cpu_model

    return {
        "system": platform.platform(),
        "cpu": cpu_model(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "threads a worker": 1,
        "threads of torch here": torch.get_num_threads(),
    }


def _backends() -> dict[str, str]:
    from unroll import registry
    from unroll.kernels import pick

    picks = {name: pick(registry.models.load(name).cell) for name in registry.models.names()}
    return {name: f"{picked.backend} ({picked.reason})" for name, picked in picks.items()}


def _store(path: Path) -> dict[str, Any]:
    from unroll.errors import StoreError
    from unroll.store import Store

    if not path.exists():
        return {"path": str(path), "state": "not there yet; unroll run makes it"}
    try:
        with Store.open(path) as opened:
            return opened.health()
    except StoreError as error:
        return {"path": str(path), "state": f"unusable: {error}"}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
