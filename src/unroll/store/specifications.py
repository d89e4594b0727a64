"""Specifications as they stand in rows: of those that differ in their seed alone, one is parsed for all.

A specification is JSON text in which the seed is one number between two texts, which all trials of a condition share.
Whatever whole number stands there, the parts mean the same: this is seen once, with a number that no seed is. Texts are
what is remembered of it; nothing that was parsed is, for whoever gets that may change it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from unroll.study.trial import canonical, digest

DERIVED = ("task", "model", "length", "protocol", "seed")
"""Columns of ``trials`` that repeat what the specification says; the seed is the last one."""
MOST_REMEMBERED = 20_000
"""Forms, one a condition."""
STAND_IN = 7_140_938_265_019_847_362
"""Stands where a seed would while a form is parsed. A form that holds it elsewhere is not used."""


@dataclass(frozen=True, eq=False)
class _Form:
    """What specifications that differ in their seed alone have in common.

    ``head``, ``tail``: their canonical text before and after the seed. ``derived``: what columns repeat of it, but for
    the seed.
    """

    head: str
    tail: str
    derived: tuple[object, ...]


def parsed(texts: Iterable[str], seeds: Iterable[object]) -> Iterator[dict[str, Any]]:
    """Yield specifications, of which the columns ``seed`` are known; those of one call share their parts.

    Raises what ``json.loads`` does for a text that is none.
    """
    shared: dict[_Form, dict[str, Any]] = {}
    for text, seed in zip(texts, seeds, strict=True):
        form = _form_of(text, seed)
        if form is None:
            yield json.loads(text)
            continue
        if form not in shared:
            shared[form] = json.loads(text)
        yield {**shared[form], "seed": seed}


def follows(text: Any, key: object, derived: tuple[object, ...]) -> bool:
    """Say whether a key is the hash of a specification, and whether what repeats that, as DERIVED, says the same."""
    seed = derived[-1]
    form = _form_of(text, seed)
    if form is not None:
        own = hashlib.sha256(f"{form.head}{seed}{form.tail}".encode()).hexdigest()
        return own == key and form.derived == derived[:-1]
    try:
        spec = json.loads(text)
        return digest(spec) == key and [spec[name] for name in DERIVED] == list(derived)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _form_of(text: Any, seed: object) -> _Form | None:
    """Return the form of a specification; None where it is to be parsed for itself."""
    if type(text) is not str or type(seed) is not int:
        return None
    number = f'"seed": {seed},'
    place = text.find(number)
    if place < 0:
        return None
    around = text[:place], text[place + len(number) :]
    if around not in _forms:
        if len(_forms) >= MOST_REMEMBERED:
            _forms.clear()
        _forms[around] = _made(*around)
    return _forms[around]


_forms: dict[tuple[str, str], _Form | None] = {}


def _made(before: str, after: str) -> _Form | None:
    try:
        spec = json.loads(f'{before}"seed": {STAND_IN},{after}')
        head, tail = canonical(spec).split(f'"seed":{STAND_IN},')
        *derived, seed = (spec[name] for name in DERIVED)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return _Form(f'{head}"seed":', f",{tail}", tuple(derived)) if seed == STAND_IN else None
