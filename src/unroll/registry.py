"""Names of plug-ins: where each one is found, and which version of it is meant.

A plug-in is named by one line: here for those that come with unroll, in the entry points of a distribution for
third parties (groups ``unroll.tasks``, ``unroll.models``, ``unroll.objectives``, ``unroll.measures``,
``unroll.executors``), or by ``register`` for a class that is defined in a script or a notebook. Nothing is imported
before it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from unroll.errors import PlugInError, UnknownNameError, did_you_mean
from unroll.inert import clipped
from unroll.versions import Version, version_of
from unroll.wording import listed


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
        self._versions: dict[type, Version] = {}

    def names(self) -> tuple[str, ...]:
        """Every known name: unroll's own first, then third parties' in alphabetical order."""
        others = sorted({*_entry_points(self.group), *self._registered} - set(self._builtin))
        return (*self._builtin, *others)

    def own(self) -> tuple[str, ...]:
        """The names of unroll's own."""
        return tuple(self._builtin)

    def register(self, name: str, plugin: type, version: Version | None = None) -> None:
        """Make a class known under ``name`` in this process and in the workers that it starts.

        ``version`` is what another process remembers of the class; it counts where this one cannot know.
        """
        if name in self._builtin or name in _entry_points(self.group):
            raise PlugInError(f'The {self.noun} name "{name}" is taken. Choose another name.')
        self._check(name, plugin)
        self._remember(plugin)
        if version is not None and self._versions[plugin].fault:
            self._versions[plugin] = version
        self._registered[name] = plugin

    def registered(self) -> dict[str, tuple[type, Version]]:
        """Return the classes that were registered in this process, with their versions, by name."""
        return {name: (plugin, self._versions[plugin]) for name, plugin in self._registered.items()}

    def load(self, name: str) -> Any:
        """Return the class behind a name.

        Raises UnknownNameError for a name that nobody registered, PlugInError for one that cannot be imported or that
        several claim.
        """
        if name in self._registered:
            return self._registered[name]
        entries = _entry_points(self.group).get(name, ())
        owners = [f"{_owner(entry)} ({entry.value})" for entry in entries]
        if name in self._builtin:
            owners.insert(0, f"unroll ({self._builtin[name]})")
        if len(owners) > 1:
            raise PlugInError(
                f'The {self.noun} name "{name}" is claimed by {listed(owners)}, so it is not clear which is meant. '
                "Uninstall one of them, or have it renamed."
            )
        if name in self._builtin:
            return _import(self._builtin[name])
        if not entries:
            raise UnknownNameError(self.unknown(name))
        (entry,) = entries
        try:
            plugin = entry.load()
        except Exception as error:
            raise PlugInError(
                f'The {self.noun} "{name}" of {_owner(entry)} ({entry.value}) cannot be loaded: '
                f"{type(error).__name__}: {error}. Repair or uninstall it."
            ) from error
        self._check(name, plugin)
        self._remember(plugin, entry)
        return plugin

    def make(self, name: str, settings: Hashable) -> Any:
        """Return a plug-in with settings that were checked, made once for each class and settings."""
        return _made(self.load(name), settings, repr(settings))

    def unknown(self, name: object) -> str:
        """Return the sentence that says that a name is unknown, with the nearest known one."""
        hint = did_you_mean(name, self.names()) if isinstance(name, str) else ""
        shown = clipped(json.dumps(name, default=str, ensure_ascii=False))
        return f"Unknown {self.noun} {shown}.{hint} All {self.noun}s: {self._listing or ', '.join(self.names())}."

    def version(self, name: str) -> str:
        """Return which version of a plug-in is meant, see ``unroll.versions``; it becomes part of the trial key.

        Raises PlugInError where there is none, or where its source has changed since it was loaded.
        """
        plugin = self.load(name)
        self._remember(plugin)  # a built-in declares its version: nothing of it had to be noted when it was loaded
        version = self._versions[plugin]
        version.confirm(f'The {self.noun} "{name}"')
        return version.text

    def _remember(self, plugin: type, entry: EntryPoint | None = None) -> None:
        """Take note of the version of a class when it is first seen."""
        if plugin not in self._versions:
            self._versions[plugin] = version_of(plugin, entry)

    def _check(self, name: str, plugin: object) -> None:
        base = _import(self._base)
        if not (isinstance(plugin, type) and issubclass(plugin, base)):
            raise PlugInError(
                f'The {self.noun} "{name}" is {plugin!r}, not a class that inherits from '
                f"{base.__module__}.{base.__name__}."
            )


@lru_cache(maxsize=1024)
def _made(plugin: type, settings: Any, _spelled: str) -> Any:
    """``_spelled`` tells settings apart that are equal and not the same: 1, 1.0 and true."""
    return plugin(**settings)


@cache
def _entry_points(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"


def _import(location: str) -> Any:
    module, _, name = location.partition(":")
    return getattr(import_module(module), name)


tasks = Family(
    "task",
    "unroll.tasks.base:Task",
    {
        "adding": "unroll.tasks.adding:Adding",
        "multiplication": "unroll.tasks.multiplication:Multiplication",
        "copy": "unroll.tasks.copy:Copy",
        "latch": "unroll.tasks.latch:Latch",
        "delay": "unroll.tasks.delay:Delay",
        "brackets": "unroll.tasks.brackets:Brackets",
        "counting": "unroll.tasks.counting:Counting",
        "narma": "unroll.tasks.narma:Narma",
        "mackey_glass": "unroll.tasks.mackey_glass:MackeyGlass",
        "selective_copy": "unroll.tasks.selective_copy:SelectiveCopy",
        "denoise": "unroll.tasks.denoise:Denoise",
        "recall": "unroll.tasks.recall:Recall",
        "induction": "unroll.tasks.induction:Induction",
        "parity": "unroll.tasks.parity:Parity",
        "order": "unroll.tasks.order:Order",
        "modular": "unroll.tasks.modular:Modular",
        "text": "unroll.tasks.text:Text",
        "series": "unroll.tasks.series:Series",
        "digits": "unroll.tasks.digits:Digits",
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

objectives = Family(
    "objective",
    "unroll.objectives.base:Objective",
    {
        "mse": "unroll.objectives.mse:MSE",
        "cross_entropy": "unroll.objectives.cross_entropy:CrossEntropy",
    },
)

measures = Family(
    "measure",
    "unroll.measures.base:Measure",
    {
        "lengths": "unroll.measures.lengths:Lengths",
        "solved": "unroll.measures.solved:Solved",
        "memory": "unroll.measures.memory:Memory",
        "beyond": "unroll.measures.beyond:Beyond",
        "early_stopping": "unroll.measures.early_stopping:EarlyStopping",
        "learning": "unroll.measures.learning:Learning",
        "gradients": "unroll.measures.gradients:Gradients",
        "gradient_through_time": "unroll.measures.gradient_through_time:GradientThroughTime",
        "effects": "unroll.measures.effects:Effects",
        "timing": "unroll.measures.timing:Timing",
        "continuation": "unroll.measures.continuation:Continuation",
        "horizons": "unroll.measures.horizons:Horizons",
        "traps": "unroll.measures.traps:Traps",
        "window_lag": "unroll.measures.window_lag:WindowLag",
    },
    "unroll measures",
)

executors = Family(
    "executor",
    "unroll.executors.base:Executor",
    {
        "processes": "unroll.executors.processes:Processes",
        "inline": "unroll.executors.inline:Inline",
        "dask": "unroll.executors.dask:Dask",
        "slurm": "unroll.executors.slurm:Slurm",
    },
)


def foreign(task: str, model: str) -> tuple[str, ...]:
    """Return, of a task and a model, those that do not come with unroll, as in 'task "flip_flop"'."""
    return tuple(
        f'{family.noun} "{name}"' for family, name in ((tasks, task), (models, model)) if name not in family.own()
    )
