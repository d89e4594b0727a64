"""What is asked of a trial: one file or folder a measure. Importing it imports neither torch nor matplotlib.

What a measure of one's own is made of can be imported from here.
"""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.base import About, DoesNotApplyError, Figure, Found, Measure, Place
    from unroll.measures.figures import Plots
    from unroll.measures.installed import known
    from unroll.measures.source import Source
    from unroll.quantity import Quantity
    from unroll.store import NamedArray

_HOMES = {
    **dict.fromkeys(("About", "DoesNotApplyError", "Figure", "Found", "Measure", "Place"), "base"),
    "Finding": "unroll.analysis.finding",
    "Layout": "unroll.layout",
    "NamedArray": "unroll.store",
    "Plots": "figures",
    "Quantity": "unroll.quantity",
    "Source": "source",
    "known": "installed",
}

__all__ = [
    "About",
    "DoesNotApplyError",
    "Figure",
    "Finding",
    "Found",
    "Layout",
    "Measure",
    "NamedArray",
    "Place",
    "Plots",
    "Quantity",
    "Source",
    "known",
]

__getattr__ = lazily(__name__, _HOMES)
