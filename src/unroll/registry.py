"""Names of plug-ins: where each one is found, and which version of it is meant.

A plug-in is named by one line: here for those that come with unroll, in the entry points of a distribution for
third parties (groups ``unroll.tasks``, ``unroll.models``, ``unroll.executors``), or by ``register`` for a class
that is defined in a script or a notebook. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from unroll.errors import PlugInError, UnknownNameError, did_you_mean


class Family:
    """All plug-ins of one kind.

    ``noun`` names the kind in messages, ``base`` is the class that each must inherit from ("module:Class"),
    ``builtin`` maps names to "module:Class", ``listing`` is the command that lists all of them.
    """

    def __init__(self, noun: str, base: str, builtin: dict[str, str], listing: str = ""):
        self.noun = noun
        self.group = f"unroll.{noun}s"
        self._base = base
        self._builtin = builtin
        self._listing = listing
        self._registered: dict[str, type] = {}

    def names(self) -> tuple[str, ...]:
        """Every known name: unroll's own first, then third parties' in alphabetical order."""
        others = sorted({*_entry_points(self.group), *self._registered} - set(self._builtin))
        return (*self._builtin, *others)

    def register(self, name: str, plugin: type) -> None:
        """Make a class known under ``name`` in this process and in the workers that it starts."""
        if name in self._builtin or name in _entry_points(self.group):
            raise PlugInError(f'The {self.noun} name "{name}" is taken. Choose another name.')
        self._check(name, plugin)
        self._registered[name] = plugin

    def registered(self) -> dict[str, type]:
        """Return the classes that were registered in this process, by name."""
        return dict(self._registered)

    def load(self, name: str) -> Any:
        """Return the class behind a name.

        Raises UnknownNameError for a name that nobody registered, PlugInError for one that cannot be imported.
        """
        if name in self._registered:
            return self._registered[name]
        if name in self._builtin:
            return _import(self._builtin[name])
        entry = _entry_points(self.group).get(name)
        if entry is None:
            raise UnknownNameError(self.unknown(name))
        try:
            plugin = entry.load()
        except Exception as error:
            owner = entry.dist.name if entry.dist else "an unknown distribution"
            raise PlugInError(
                f'The {self.noun} "{name}" of {owner} ({entry.value}) cannot be loaded: '
                f"{type(error).__name__}: {error}. Repair or uninstall it."
            ) from error
        self._check(name, plugin)
        return plugin

    def unknown(self, name: object) -> str:
        """Return the sentence that says that a name is unknown, with the nearest known one."""
        hint = did_you_mean(name, self.names()) if isinstance(name, str) else ""
        shown = json.dumps(name, default=str, ensure_ascii=False)
        return f"Unknown {self.noun} {shown}.{hint} All {self.noun}s: {self._listing or ', '.join(self.names())}."

    def version(self, name: str) -> str:
        """Return which version of a plug-in is meant; it becomes part of the trial key.

        The ``version`` that the class declares; else the version of its installed distribution; else (editable
        installs, scripts, notebooks) a hash of its source.
        """
        plugin = self.load(name)
        declared = plugin.__dict__.get("version")
        if isinstance(declared, str):
            return declared
        entry = None if name in self._registered else _entry_points(self.group).get(name)
        if entry is not None and entry.dist is not None and not _is_editable(entry):
            return f"{entry.dist.name}=={entry.dist.version}"
        return f"source:{_source_hash(plugin)}"

    def _check(self, name: str, plugin: object) -> None:
        base = _import(self._base)
        if not (isinstance(plugin, type) and issubclass(plugin, base)):
            raise PlugInError(
                f'The {self.noun} "{name}" is {plugin!r}, not a class that inherits from '
                f"{base.__module__}.{base.__name__}."
            )


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def _import(location: str) -> Any:
    module, _, name = location.partition(":")
    return getattr(import_module(module), name)


def _is_editable(entry: EntryPoint) -> bool:
    text = entry.dist.read_text("direct_url.json") if entry.dist else None
    return bool(text and json.loads(text).get("dir_info", {}).get("editable"))


def _source_hash(plugin: type) -> str:
    """Hash the package that a class comes from, or the class alone where it comes from a script or a notebook."""
    module = sys.modules.get(plugin.__module__)
    package = sys.modules.get(plugin.__module__.partition(".")[0])
    digest = hashlib.sha256()
    if module is not None and module.__name__ != "__main__" and getattr(package, "__path__", None):
        folder = Path(next(iter(package.__path__)))  # type: ignore[union-attr]
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    else:
        try:
            digest.update(inspect.getsource(plugin).encode())
        except (OSError, TypeError) as error:
            raise PlugInError(
                f"The source of {plugin.__name__} cannot be read, so its results could not be told from those of "
                f'another version. Give the class a version: version = "1".'
            ) from error
    return digest.hexdigest()[:16]


tasks = Family(
    "task",
    "unroll.tasks.base:Task",
    {
        "adding": "unroll.tasks.adding:Adding",
        "odd_numbers": "unroll.tasks.odd_numbers:OddNumbers",
        "fibonacci": "unroll.tasks.fibonacci:Fibonacci",
        "linear_recurrence": "unroll.tasks.linear_recurrence:LinearRecurrence",
        "geometric": "unroll.tasks.geometric:Geometric",
        "sine": "unroll.tasks.sine:Sine",
        "alternating": "unroll.tasks.alternating:Alternating",
        "announce": "unroll.tasks.announce:Announce",
    },
    "unroll tasks",
)

models = Family(
    "model",
    "unroll.models.base:Model",
    {
        "tanh_rnn": "unroll.models.tanh_rnn:TanhRNN",
        "lstm": "unroll.models.lstm:LSTM",
        "gru": "unroll.models.gru:GRU",
        "feedforward": "unroll.models.feedforward:Feedforward",
        "linear": "unroll.models.linear:Linear",
        "persistence": "unroll.models.persistence:Persistence",
        "drift": "unroll.models.drift:Drift",
    },
    "unroll models",
)

executors = Family(
    "executor",
    "unroll.executors.base:Executor",
    {
        "processes": "unroll.executors.processes:Processes",
        "inline": "unroll.executors.inline:Inline",
    },
)
