"""Which version of a plug-in is meant: what it declares, what was installed, or a hash of the source it can reach.

A version is remembered when a plug-in is first loaded. One that was read from files is compared with them whenever it
is asked for, since the disk may have moved on from the code in memory.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, packages_distributions, version
from pathlib import Path

from unroll.errors import PlugInError
from unroll.sources import files_of, given_to, hash_of, is_installation, python_files, reached, written_in
from unroll.wording import listed


@dataclass(frozen=True)
class Version:
    """What stands for a plug-in's version in a trial key; ``fault`` says why there is none.

    ``source`` holds the hash that was found at first, and the files from which it can be taken again; of a version
    that was declared, or came from an index, there are none.
    """

    text: str
    source: str = ""
    starts: tuple[Path, ...] = ()
    fault: str = ""

    @property
    def known_here(self) -> bool:
        """Whether there is a version, and the files that it was taken from can be looked at on this machine."""
        return not self.fault and all(path.exists() for path in self.starts)

    def confirm(self, plugin: str) -> None:
        """Raise PlugInError where there is no version, or where the files have changed since it was taken."""
        if self.fault:
            raise PlugInError(f"{plugin} has no version: {self.fault}")
        if self.known_here and self.starts and not self._unchanged():
            places = ", ".join(map(str, self.starts))
            raise PlugInError(
                f"{plugin} has changed on disk since it was loaded ({places}): results of the code in memory would be "
                "stored as those of the new code. Start Python again (restart the kernel); in a notebook, registering "
                "the new class is enough."
            )

    def _unchanged(self) -> bool:
        try:
            return hash_of(self.starts) == self.source
        except OSError:  # a file that may no longer be read
            return False


def version_of(plugin: type, entry: EntryPoint | None = None) -> Version:
    """Return a plug-in's version as it is now: to be called when its class is first seen.

    The ``version`` that the class itself declares; else that of the distribution that brings it, with the commit or a
    hash of the source where it was not installed from an index; else (editable installs, scripts) a hash of the source,
    with the versions of the bases that are not in it. A class that was typed in, as in a notebook, has no file that a
    hash could be taken of, and must declare one; so must a class that a function makes from what it is given.
    """
    declared = plugin.__dict__.get("version")
    if isinstance(declared, str):
        return Version(declared)
    installed, commit = "", ""
    if entry is not None and entry.dist is not None:
        origin = _origin(entry)
        installed = "" if origin.get("dir_info", {}).get("editable") else f"{entry.dist.name}=={entry.dist.version}"
        commit = str(origin.get("vcs_info", {}).get("commit_id", ""))
        if installed and (commit or not origin):
            return Version(f"{installed}@{commit}" if commit else installed)
    if given := given_to(plugin):
        return Version("", fault=_unseen(f"{plugin.__name__} uses {listed(given)} of the function that makes it"))
    try:
        starts, bases = _starts(plugin, entry)
        found = hash_of(starts)
    except OSError:
        where = "was typed in" if plugin.__module__ == "__main__" else "comes from no file that can be read"
        return Version("", fault=_unseen(f"{plugin.__name__} {where}"))
    for path in _edited_since(starts):
        return Version("", fault=f"{path} was edited after it was imported. Start Python again (restart the kernel).")
    text = "+".join([f"source:{found}", *bases])
    return Version(f"{installed}@{text}" if installed else text, found, starts)


def _unseen(fact: str) -> str:
    return (
        f"{fact}, so no hash can tell whether what it uses has changed, and results of two versions "
        'could be taken for each other. Give the class a version: version = "1", and raise it with every change.'
    )


def _origin(entry: EntryPoint) -> dict[str, dict[str, object]]:
    """Return where a distribution was installed from, as pip wrote it down: nothing where it came from an index."""
    text = entry.dist.read_text("direct_url.json") if entry.dist else None
    if text is None:
        return {}
    try:
        origin = json.loads(text)
    except ValueError:
        origin = None
    return origin if isinstance(origin, dict) and origin else {"unknown": {}}


def _starts(plugin: type, entry: EntryPoint | None) -> tuple[tuple[Path, ...], list[str]]:
    """Return the packages (folders) and modules (files) that a class reaches, and the versions of its other bases.

    Of bases, the files of those that are neither unroll's nor installed: these have versions. Raises OSError where the
    class or such a base was not read from a file that is there.
    """
    starts = dict.fromkeys(written_in(plugin))
    if entry is not None:
        starts |= dict.fromkeys(files_of(entry.module))
    versions = []
    ours = {part for base in plugin.__mro__ if base.__module__.partition(".")[0] == "unroll" for part in base.__mro__}
    for base in plugin.__mro__[1:]:
        top = base.__module__.partition(".")[0]
        if top == "unroll":
            declared = base.__dict__.get("version")
            versions += [f"{base.__name__}={declared}"] if isinstance(declared, str) else []
        elif base not in ours and top not in sys.stdlib_module_names:
            files = written_in(base)
            if is_installation(files[0].parent):
                versions += [f"{name}=={version(name)}" for name in sorted({*packages_distributions().get(top, ())})]
            else:
                starts |= dict.fromkeys(files)
    return reached(starts), versions


def _edited_since(starts: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of loaded modules that are not what Python compiled, as far as that can be known.

    Whoever imports a plug-in and edits it before unroll first sees it has old code in memory. Python notes time and
    size of what it compiled in its cache; a note that was made since this process began is its own, rare races aside.
    """
    if sys.dont_write_bytecode:
        return
    import psutil  # here: it is seldom needed, and whoever reads a store waits for it otherwise

    loaded = {}
    for module in list(sys.modules.values()):
        file, spec = getattr(module, "__file__", None), getattr(module, "__spec__", None)
        if file and spec is not None and spec.cached:
            loaded[Path(file)] = Path(spec.cached)
    for _, path in python_files(starts):
        compiled = loaded.get(path)
        if compiled is None:
            continue
        try:
            with compiled.open("rb") as opened:
                flags, modified, size = struct.unpack("<4x3I", opened.read(16))
            now, written = path.stat(), compiled.stat().st_mtime
        except (OSError, struct.error):
            continue
        same = (int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF) == (modified, size)
        if not flags and not same and written > psutil.Process().create_time():
            yield path
