"""Packages that import a name when it is asked for: commands then start without what they do not use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

WHOLE = "unroll."


def lazily(package: str, homes: Mapping[str, str], modules: Collection[str] = ()) -> Callable[[str], Any]:
    """Return a package's ``__getattr__``.

    ``homes`` says in which of its modules each name is defined, or by its whole name where that is in
    another package; ``modules`` are those that can be had by their own
    names without an import.
    """

    def lookup(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        return getattr(import_module(home if home.startswith(WHOLE) else f"{package}.{home}"), name)

    return lookup
