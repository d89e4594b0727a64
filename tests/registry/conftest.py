"""Distributions with plug-ins, laid out as pip would leave them; no test sees another's."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from unroll import registry

TASK = """
from unroll.tasks.adding import Adding

class Mine(Adding):
    name = "mine"
    summary = "someone else's"
"""

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees what another installed or registered."""
    modules = set(sys.modules)
    for family in (registry.tasks, registry.models, registry.measures):
        monkeypatch.setattr(family, "_registered", {})
        monkeypatch.setattr(family, "_versions", {})
    registry._entry_points.cache_clear()
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("fake_"):
            del sys.modules[name]
    registry._entry_points.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with one package on the path, as pip would leave it."""

    def lay_out(
        entries: dict[str, str],
        source: str = TASK,
        *,
        package: str = "fake_lab",
        editable: bool = False,
        origin: object = None,
    ) -> Path:
        site = tmp_path / f"site of {package}"
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text(dedent(source))
        info = site / f"{package}-1.2.3.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.2.3\n")
        lines = [line for group, entry in entries.items() for line in (f"[{group}]", entry)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        if editable:
            origin = {"url": "file:///x", "dir_info": {"editable": True}}
        if origin is not None:
            (info / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        registry._entry_points.cache_clear()
        return site / package

    return lay_out
