"""Table in, figure out: one figure a file. Importing this package imports no matplotlib."""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll.plots.figures import FIGURES, Plots, has_data
    from unroll.plots.files import save, to_svg

_HOMES = {"FIGURES": "figures", "Plots": "figures", "has_data": "figures", "save": "files", "to_svg": "files"}

__all__ = ["FIGURES", "Plots", "has_data", "save", "to_svg"]

__getattr__ = lazily(__name__, _HOMES)
