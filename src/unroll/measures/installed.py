"""Every measure that is installed, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll import registry
from unroll.errors import PlugInError, UnrollError

if TYPE_CHECKING:
    from unroll.measures.base import Measure

FACTS = {
    "title": str,
    "needs": str,
    "rows": str,
    "section": str,
    "of_factors": bool,
    "by_length": bool,
    "nested": bool,
    "place": int,
}
"""What a class says of itself, and of which type it has to be."""
TIMES = ("training", "end", "read")


def known() -> dict[str, Measure]:
    """Return the measures by their names. Broken ones are left out: results can be read without them."""
    return dict(sorted(_made()[0].items(), key=lambda item: item[1].place))


def broken() -> dict[str, str]:
    """Return the measures that cannot be used, each with the reason."""
    return _made()[1]


def measure(name: str) -> Measure:
    """Return a measure by its name. Raises UnknownNameError, and PlugInError for one that is broken."""
    made: Measure = registry.measures.load(name)()
    for fact, kind in FACTS.items():
        if not isinstance(getattr(made, fact), kind):
            raise PlugInError(f'The measure "{name}": its {fact} is {getattr(made, fact)!r}, not {kind.__name__}.')
    if made.when not in TIMES:
        raise PlugInError(f'The measure "{name}": its when is {made.when!r}, not one of {", ".join(TIMES)}.')
    return made


def _made() -> tuple[dict[str, Measure], dict[str, str]]:
    found: dict[str, Measure] = {}
    faults: dict[str, str] = {}
    for name in registry.measures.names():
        try:
            found[name] = measure(name)
        except (Exception, SystemExit) as error:  # a third party's class may break in any way
            faults[name] = str(error) if isinstance(error, UnrollError) else f"{type(error).__name__}: {error}"
    return found, faults
