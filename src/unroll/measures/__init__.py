"""What is asked of a trial: one file or folder a measure. Importing it imports neither torch nor matplotlib."""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll.measures.base import Measure
    from unroll.measures.figures import Plots
    from unroll.measures.installed import known

_HOMES = {"Measure": "base", "Plots": "figures", "known": "installed"}

__all__ = ["Measure", "Plots", "known"]

__getattr__ = lazily(__name__, _HOMES)
