"""A report in a real browser: nothing is asked of the network, nothing overflows, every figure is there.

Skipped where Node, playwright-core (npm ci in this folder) or Chromium is missing; with REQUIRE_BROWSER=1 it fails
instead.

Planted and found: a table that does not scroll within itself; a figure of no height; an image from the network; an
inline style; ink that stays dark on dark paper; a folded table that is not printed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.report.hostile import HOSTILE
from tests.stored import stored
from unroll.report import report

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> str:
    """The path of a browser; skips where something is missing."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [
        *([] if shutil.which("node") else ["Node (node)"]),
        *(
            []
            if (HERE / "node_modules" / "playwright-core").is_dir()
            else ["playwright-core (npm ci in tests/browser)"]
        ),
        *([] if found else ["Chromium"]),
    ]
    if missing:
        reason = f"no browser test: {', '.join(missing)} not found"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return str(found)


def look(browser: str, html: str, folder: Path) -> list[dict[str, Any]]:
    """Return what the page looks like at 1280 and 390 pixels, light and dark."""
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    done = subprocess.run(
        ["node", "look.js", browser, path.as_uri()], cwd=HERE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_report_opens_offline_at_every_width_and_in_both_themes(browser: str, tmp_path: Path):
    def state(model: str, length: int, seed: int) -> str:
        return "failed" if (model, seed) == ("lstm", 2) else "waiting" if length == 50 else "complete"

    html = report(stored(tmp_path / "results.db", state=state))
    views = look(browser, html, tmp_path)
    assert [(view["width"], view["colorScheme"]) for view in views] == [
        (1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"),
    ]  # fmt: skip
    for view in views:
        assert view["errors"] == []
        assert [url for url in view["requests"] if not url.startswith("data:")] == [(tmp_path / "report.html").as_uri()]
        assert view["overflow"] == 0
        assert view["outside"] == []
        assert view["scripts"] == 0
        assert len(view["figures"]) == 5
        for figure in view["figures"]:
            assert figure["width"] > 300
            assert figure["height"] > 80
            assert len(figure["label"]) > 40
        assert view["unread"] == 0, "text of figures lower than six pixels"
        assert view["ink"] == view["line"], "figures have the ink of the theme"
    assert {view["paper"] for view in views} == {"rgb(255, 254, 251)", "rgb(21, 23, 26)"}


def test_a_long_table_is_closed_on_a_screen_and_open_in_print(browser: str, tmp_path: Path):
    results = stored(tmp_path / "r.db", lengths=range(10, 21), seeds=[1], epochs=1)
    for view in look(browser, report(results), tmp_path):
        assert view["printed"] - view["open"] == 4, "loss, solved, memory, pairs: 33 rows each"
        assert view["overflow"] == 0
        assert view["outside"] == []
        assert view["errors"] == []


def test_hostile_names_make_the_same_page_in_a_browser(browser: str, tmp_path: Path):
    def views(names: list[str]) -> list[dict[str, Any]]:
        pairs = list(zip(names[:20], names[20:], strict=True))
        folder = tmp_path / str(names[0] == "n0")
        folder.mkdir()
        return look(browser, report(stored(folder / "r.db", pairs=pairs, lengths=[10], seeds=[1])), folder)

    plain, hostile = views([f"n{number}" for number in range(len(HOSTILE))]), views(list(HOSTILE))
    for one, other in zip(plain, hostile, strict=True):
        assert other["elements"] == one["elements"]
        assert other["errors"] == []
        assert other["scripts"] == 0
        assert other["overflow"] == 0
        assert [url for url in other["requests"] if not url.startswith(("data:", "file:"))] == []
