"""Figures as files: SVG, PDF, PNG. The same figure gives the same bytes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from unroll.errors import UnknownNameError, did_you_mean
from unroll.plots.style import styled
from unroll.whole import write_whole

FORMATS = ("svg", "pdf", "png")
DPI = 200
"""Of PNG: 1,000 pixels wide."""

# A file that tells when it was made, or by what, would differ each time.
_SILENT = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def to_bytes(figure: Figure, form: str, *, transparent: bool = False) -> bytes:
    """Return a figure in one of the ``FORMATS``."""
    file = BytesIO()
    with styled():
        figure.savefig(file, format=form, dpi=DPI, metadata=_SILENT[form], transparent=transparent)
    return file.getvalue()


def to_svg(figure: Figure, *, transparent: bool = False) -> str:
    """Return a figure as SVG; its text stays text."""
    return to_bytes(figure, "svg", transparent=transparent).decode()


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure in the format that its name ends with.

    Raises UnknownNameError for an ending that is no format, UnrollError where the file cannot be written.
    """
    path = Path(path)
    write_whole(path, to_bytes(figure, form_of(path)))
    return path


def form_of(path: Path) -> str:
    """Return the format that a file's name ends with; UnknownNameError where it ends with none."""
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise UnknownNameError(f'"{path}" does not say a format.{did_you_mean(form, FORMATS)} End it with {known}.')
    return form
