"""How unroll itself is cited."""

from __future__ import annotations


def software(version: str) -> str:
    """Return the BibTeX entry of this version of unroll."""
    return (
        f"@software{{unroll,\n  title   = {{unroll: a laboratory for recurrent networks' memory}},\n"
        f"  version = {{{version}}}\n}}"
    )
