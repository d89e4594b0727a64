"""Pictures in texts: figures, drawn again from stored tables, and what a browser shows of a report.

A figure's own table is stored beside the study's (``figure-NAME.json``), so that figures follow the code without a
store: ``python -m published --write`` draws each again, and a test compares.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from published.tables import digest_of

if TYPE_CHECKING:
    import pandas as pd

    from unroll.reading import Results

REPORT = "report"
"""In the place of a figure's name: the first screen of the study's report."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT, SCALE, COLOURS = 900, 690, 2, 64
"""Of the screen, in CSS pixels; of the picture: pixels for each of them, and how many colours."""

EDGE = "#dcd8ce"
"""The line around a page, so that it ends on white and on dark ground."""

Facts = dict[str, Any]


def draw(results: Results, name: str, path: Path, before: Mapping[str, Facts]) -> tuple[Facts | None, Facts | None]:
    """Draw a picture into a file; return what is stored of it, and the table of a figure.

    Where a report's picture cannot be made, the file and what was stored of it stay as they are.
    """
    if name != REPORT:
        stored = encoded(results.plot.table(name))
        return draw_figure(name, stored, path), stored
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"{path.name} stays as it is: no Chromium is here to show the report.", file=sys.stderr)
        return before.get(REPORT), None
    from unroll.report import report

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(screen(browser, report(untimed(results))))
    found = [finding.sentence for finding in untimed(results).findings() if finding.kind == "found"]
    said = f"The first screen of the report of {results.study.name}: {' '.join(found)}"
    return {"alt": _bracketless(said), "file": digest_of(path)}, None


def untimed(results: Results) -> Results:
    """Return results that say nothing of how an epoch's time grows: that depends on what else the machine does."""
    frozen = results.frozen()
    none = frozen.growth().iloc[:0]
    frozen.growth = lambda: none  # type: ignore[method-assign]
    frozen.frozen = lambda: frozen  # type: ignore[method-assign]
    return frozen


def draw_figure(name: str, stored: Mapping[str, Facts], path: Path) -> Facts:
    """Draw a figure's stored table into a file; return its alternative text, its digest, and what drew it."""
    import matplotlib

    content, alt = figure(name, stored)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"alt": alt, "file": digest_of(path), "matplotlib": matplotlib.__version__}


def figure(name: str, stored: Mapping[str, Facts]) -> tuple[bytes, str]:
    """Return a figure of a stored table as SVG, and its alternative text."""
    from unroll.measures.figures import figure as drawn_by
    from unroll.plots.files import to_svg

    drawing, points = drawn_by(name), decoded(stored)
    return to_svg(drawing.draw(points)).encode(), _bracketless(drawing.describe(points))


def screen(browser: str, html: str) -> bytes:
    """Return the first screen of a page as a small PNG."""
    from PIL import Image, ImageDraw

    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder) / "page.html", Path(folder) / "page.png"
        page.write_text(html, encoding="utf-8")
        switches = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/user",
        )
        size = (f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}")
        command = [browser, *switches, *size, f"--screenshot={shot}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        file = io.BytesIO()
        with Image.open(shot) as picture:
            whole = picture.convert("RGB").crop((0, 0, WIDTH * SCALE, min(picture.height, HEIGHT * SCALE)))
            ImageDraw.Draw(whole).rectangle((0, 0, whole.width - 1, whole.height - 1), outline=EDGE, width=SCALE)
            whole.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def encoded(table: pd.DataFrame) -> Facts:
    """Return a figure's table as plain data, column by column, with its types."""
    found = {}
    for name, column in table.items():
        kind: Any = str(column.dtype)
        if kind == "category":
            kind = [str(category) for category in column.cat.categories]
        found[str(name)] = {"kind": kind, "values": [_plain(value) for value in column.tolist()]}
    return found


def decoded(stored: Mapping[str, Facts]) -> pd.DataFrame:
    """Return the table that ``encoded`` was given."""
    import pandas as pd

    columns = {}
    for name, column in stored.items():
        kind = column["kind"]
        if isinstance(kind, list):
            columns[name] = pd.Series(pd.Categorical(column["values"], kind))
        else:
            columns[name] = pd.Series(column["values"], dtype=kind)
    return pd.DataFrame(columns)


def read(path: Path) -> Facts:
    """Return a stored table of a figure."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def write(path: Path, stored: Mapping[str, Facts]) -> None:
    """Write a figure's table, one column per line."""
    lines = [f"{json.dumps(name)}: {json.dumps(column, ensure_ascii=False)}" for name, column in stored.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return None if value is None or value != value else value


def _bracketless(text: str) -> str:
    """Return a text that can stand between the brackets of Markdown, on one line."""
    return " ".join(text.replace("[", "(").replace("]", ")").split())
