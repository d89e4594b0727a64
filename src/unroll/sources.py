"""The source that a class reaches: the files that it was read from, and what they import that is not installed."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CellType, FunctionType, ModuleType

DIGITS = 16
UNROLL = Path(__file__).resolve().parent


def written_in(kind: type) -> list[Path]:
    """Return the folders of the package that a class was read from, or its file. Raises OSError where it was from none.

    Its functions know the file. It may be another than that of its module, which is then only where it was run: by
    ``exec``, at a prompt, or in the ``__main__`` of a tool such as cProfile.
    """
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if not file:
        raise FileNotFoundError(kind.__module__)
    named = {function.__code__.co_filename for function in _functions(kind)}
    if any(Path(name).stem != Path(file).stem for name in named):
        (file,) = named if len(named) == 1 else ("",)
        return [Path(file).resolve(strict=True)]
    if not named and kind.__module__ == "__main__" and kind.__name__ not in _classes(Path(file)):
        raise FileNotFoundError(kind.__name__)
    return files_of(kind.__module__)


def given_to(kind: type) -> list[str]:
    """Return what the functions of a class use of the function that made it, by name; but for modules."""
    given = set()
    for function in _functions(kind):
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        given |= {name for name, cell in cells.items() if not isinstance(_content(cell), ModuleType)}
    return sorted(given - {"__class__"})


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return None


def _functions(kind: type) -> Iterator[FunctionType]:
    """Yield the functions that are written in a class, but for special ones, which a dataclass makes."""
    for name, value in kind.__dict__.items():
        for part in (value, *(getattr(value, role, None) for role in ("__func__", "fget", "func"))):
            function = inspect.unwrap(part) if callable(part) else None
            if not isinstance(function, FunctionType) or name.startswith("__"):
                continue
            if function.__qualname__ == f"{kind.__qualname__}.{name}":
                yield function


def files_of(name: str) -> list[Path]:
    """Return the folders of the package that a module belongs to, or the module's own file. Raises OSError."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    top = sys.modules.get((spec.name if name == "__main__" and spec else name).partition(".")[0])
    if isinstance(top, ModuleType) and getattr(top, "__path__", None):
        return _folders(top.__path__)
    return [Path(getattr(module, "__file__", None) or "").resolve(strict=True)]


def _folders(places: Iterable[str]) -> list[Path]:
    """Return a package's folders; an editable install may name a hook beside them, which is none."""
    folders = [Path(place).resolve() for place in places if Path(place).is_dir()]
    if not folders:
        raise NotADirectoryError(*places)  # an archive
    return folders


def hash_of(starts: Iterable[Path]) -> str:
    """Return the hash of all files of packages and modules. Raises OSError where one cannot be read."""
    digest = hashlib.sha256()
    for label, path in python_files(starts):
        digest.update(f"{label}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()[:DIGITS]


def python_files(starts: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield every Python file of packages and modules, each with its name within its package, modules without one.

    What they are called and where it all lies does not matter: whoever imports them calls them by their names. Names
    with a dot in front are no module's: they are editors' own, notebooks' copies, environments.
    """
    for start in starts:
        if not start.is_dir():
            yield "", start
            continue
        for path in sorted(start.rglob("*.py")):
            within = path.relative_to(start)
            if path.is_file() and not any(part.startswith(".") for part in within.parts):
                yield str(within), path


def reached(starts: Iterable[Path]) -> tuple[Path, ...]:
    """Return packages and modules with all that they import, anywhere in them, and that is not installed."""
    waiting, seen = [*starts], dict[Path, None]()
    while waiting:
        start = waiting.pop(0)
        if start in seen:
            continue
        seen[start] = None
        if not is_installation(start.parent):
            read = [path for _, path in python_files([start])]
            names = {name for path in read for name in _imports(path, path.stat().st_mtime_ns)}
            waiting += [path for name in sorted(names) for path in _found(name, start.parent)]
    return tuple(seen)


def _found(name: str, folder: Path) -> list[Path]:
    """Return the package or module of a name: what lies in the folder, else what Python finds; none if installed."""
    beside = [path for path in (folder / name, folder / f"{name}.py") if path.is_file() or any(path.glob("*.py"))]
    if beside:
        return beside
    try:
        spec = find_spec(name)
        if spec is None:
            return []
        places = spec.submodule_search_locations
        found = _folders(places) if places else [Path(spec.origin or "").resolve(strict=True)]
    except (ImportError, ValueError, OSError):
        return []
    return [path for path in found if not path.is_relative_to(UNROLL) and not is_installation(path.parent)]


@cache
def _imports(path: Path, _modified: int) -> frozenset[str]:
    """Return the top-level names that a Python file imports, anywhere in it, but for what comes with unroll."""
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
            texts = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            names |= {text for text in texts if isinstance(text, str)}
    tops = {name.partition(".")[0] for name in names}
    return frozenset(tops - {"", "__main__", "unroll", "torch", "numpy", *sys.stdlib_module_names})


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _classes(path: Path) -> set[str]:
    return {node.name for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)}


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module([], [])


@cache
def is_installation(folder: Path) -> bool:
    """Whether a folder holds installed distributions, or Python's own modules."""
    standard = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    return folder in standard or any(folder.glob("*.dist-info"))
