"""Every measure that is installed, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll import registry
from unroll.measures.base import Measure, Place

if TYPE_CHECKING:
    from unroll.layout import Layout
    from unroll.measures.source import Source


def known() -> dict[str, Measure]:
    """Return the measures by their names. One that is broken is left out: results can be read without it."""
    found: dict[str, Measure] = {}
    for name in registry.measures.names():
        try:
            found[name] = registry.measures.load(name)()
        except Exception:  # noqa: S112 - a third party's class may break in any way; ``unroll measures`` says how
            continue
    return dict(sorted(found.items(), key=lambda item: item[1].place))


def layouts(source: Source, where: Place) -> Iterator[tuple[Measure, Layout]]:
    """Yield the tables of all measures for a page or a terminal, each with its measure."""
    for one in known().values():
        if not one.has_numbers(source):
            continue
        yield from ((one, layout) for layout in one.layouts(source, where))


def measure(name: str) -> Measure:
    """Return a measure by its name. Raises UnknownNameError, and PlugInError for one that is broken."""
    made: Measure = registry.measures.load(name)()
    return made
