"""Which plug-in an exception comes from, and what is said of it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from types import FrameType


def culprit(error: BaseException, plugins: Mapping[str, type]) -> str | None:
    """Return the name of the plug-in, of those that are not unroll's own, in whose code an exception was raised.

    The innermost frame decides that is a method of one of them, else that stands in its file; None for no such frame.
    """
    theirs = {name: kind for name, kind in plugins.items() if kind.__module__.partition(".")[0] != "unroll"}
    files = {name: getattr(sys.modules.get(kind.__module__), "__file__", None) for name, kind in theirs.items()}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    for frame in frames:
        for name, kind in theirs.items():
            owner = _first(frame)
            if isinstance(owner, kind) or owner is kind:
                return name
    for frame in frames:
        for name, file in files.items():
            if frame.f_code.co_filename == file:
                return name
    return None


def fails(part: str, name: object, error: BaseException) -> str:
    """Return what is said of a plug-in that raises what nobody asked it for."""
    return f'The {part} "{name}" fails when it is asked: {type(error).__name__}: {error}. Repair or uninstall it'


def _first(frame: FrameType) -> object:
    """Return the first argument of a call: an object whose method it is, or its class."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
