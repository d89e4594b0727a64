"""What to cite, as BibTeX: unroll itself, and the works whose keys a plug-in names.

Entries stand once, in ``references.bib``; a third party brings a file of its own, see ``cited``.
"""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from unroll.errors import PlugInError, did_you_mean
from unroll.wording import listed

REFERENCES = "references.bib"
HEAD = re.compile(r"@\s*(\w+)\s*\{\s*([^\s,{}]*)")
FIELD = re.compile(r"(\w+)\s*=\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def software(version: str) -> str:
    """Return the BibTeX entry of this version of unroll."""
    return (
        f"@software{{unroll,\n  title   = {{unroll: a laboratory for recurrent networks' memory}},\n"
        f"  version = {{{version}}}\n}}"
    )


def cited(plugin: Any) -> list[str]:
    """Return the BibTeX entries of the keys that a plug-in's class names as its ``sources``, in their order.

    A key is looked up in the files that the class and its bases name as ``references``, each beside the module of that
    class (of one that was typed in, as in a notebook: in the working folder), then in unroll's own. Raises PlugInError
    for a key that is in none of them, and for a file that cannot be read.
    """
    keys = plugin.sources
    if isinstance(keys, str):
        raise PlugInError(f'{plugin.__name__}.sources is a text. Write a tuple of keys: sources = ("{keys}",).')
    if not tuple(keys):
        return []
    own = [_beside(base) / base.__dict__["references"] for base in plugin.__mro__ if base.__dict__.get("references")]
    known: dict[str, str] = {}
    for path in own:
        known = entries(_text(path), str(path)) | known
    known = entries((files("unroll") / REFERENCES).read_text(encoding="utf-8"), REFERENCES) | known
    for key in keys:
        if key not in known:
            raise PlugInError(_unknown(plugin.__name__, str(key), known, own))
    return [known[key] for key in keys]


def in_words(entry: str) -> str:
    """Return an entry as a line: who, when, what."""
    fields = {name.lower(): " ".join(value.split()) for name, value in FIELD.findall(entry)}
    plain = {name: re.sub(r"\\.|[{}]", "", value) for name, value in fields.items()}
    authors = [name.partition(",")[0].strip() for name in plain.get("author", "").split(" and ")]
    who = f"{authors[0]} et al." if len(authors) > 3 else listed(authors)
    return f"{who} ({plain.get('year', 'no year')}). {plain.get('title', '')}"


def entries(text: str, place: str) -> dict[str, str]:
    """Return the entries of a BibTeX file by their keys, each as it stands there; what is between them is comment.

    ``place`` names the file in messages. Raises PlugInError for an entry that does not end, that has no key or one that
    is there twice, and for ``@string`` and ``@preamble``, of which an entry alone would know nothing.
    """
    found: dict[str, str] = {}
    at = 0
    while (head := HEAD.search(text, at)) is not None:
        kind, key = head.group(1).lower(), head.group(2)
        where = f"{place}, line {text.count(chr(10), 0, head.start()) + 1}"
        at = _end(text, head.start())
        if at < 0:
            raise PlugInError(f"{where}: the entry {key!r} does not end. Close its braces.")
        if kind == "comment":
            continue
        if kind in ("string", "preamble"):
            raise PlugInError(f"{where}: @{kind} is not read. Write out in each entry what it needs.")
        if not key or key in found:
            fault = f'the key "{key}" is there twice' if key else "an entry without a key"
            raise PlugInError(f"{where}: {fault}. Give each entry a key of its own.")
        found[key] = text[head.start() : at]
    return found


def _end(text: str, start: int) -> int:
    """Return where the braces that open after ``start`` are closed again; -1 for nowhere."""
    depth = 0
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return start + brace.end()
    return -1


def _beside(kind: type) -> Path:
    """Return the folder of the module that a class stands in."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return Path(file).parent if file else Path.cwd()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise PlugInError(
            f"{path} cannot be read: {error}. Put the BibTeX file of a plug-in there, as UTF-8."
        ) from error


def _unknown(name: str, key: str, known: dict[str, str], own: list[Path]) -> str:
    if key.lstrip().startswith("@"):
        return (
            f"{name}.sources holds an entry in place of its key. Put the entry into a file beside the module "
            f'(references = "{REFERENCES}") and name its key in sources.'
        )
    where = listed([*map(str, own), "unroll's own references"], "or")
    add = "Correct the key, or add its entry" + ("" if own else f': references = "{REFERENCES}" names a file of yours')
    return f'{name}.sources names "{key}", which is not in {where}.{did_you_mean(key, sorted(known))} {add}.'
