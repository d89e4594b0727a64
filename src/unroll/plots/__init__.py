"""What figures are drawn with: style, panels, marks, files. Importing this package imports no matplotlib."""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll.plots.files import save, to_svg

_HOMES = {"save": "files", "to_svg": "files"}

__all__ = ["save", "to_svg"]

__getattr__ = lazily(__name__, _HOMES)
