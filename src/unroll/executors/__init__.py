"""Where a trial runs: in this process, or in worker processes.

Names are imported when they are asked for, so that ``import unroll.executors`` loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unroll.executors.base import Channel, Executor
    from unroll.executors.inline import Inline
    from unroll.executors.processes import Processes

__all__ = ["Channel", "Executor", "Inline", "Processes"]

_HOMES = {"Channel": "base", "Executor": "base", "Inline": "inline", "Processes": "processes"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
