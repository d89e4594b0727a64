"""What is written can be read: at least 4.5:1 against its ground, on every theme, and 9 pixels on a telephone.

The ratio is that of WCAG 2.2, computed here from the colours of the stylesheet and of what is drawn.

Planted and found: cells of a map as dark as their share; a model's name in its own colour; small labels of ticks;
a soft ink that is lighter.
"""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tests.stored import stored
from unroll.plots import panels
from unroll.plots.files import to_svg
from unroll.plots.style import COLOURS, FAINT, INK, MAP, PAPER, SOFT, WIDTH, colour
from unroll.reading import Results
from unroll.report.inline_svg import VARIABLES

CSS = (files("unroll") / "report" / "report.css").read_text(encoding="utf-8")
TELEPHONE = 390 - 2 * 16
"""Pixels that a figure has on a narrow screen, beside the page's padding."""


def themes() -> dict[str, dict[str, str]]:
    """Return the colours of each theme by their variables; of files, those that are drawn."""
    found = [
        dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    ]
    light, dark, printed = found
    drawn = {name[6:-1]: value for value, name in VARIABLES.items()}
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **printed}, "file": {**light, **drawn}}


THEMES = themes()


def light(value: str | np.ndarray) -> float:
    """Return the relative luminance of a colour."""
    encoded = parts(value) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def parts(value: str | np.ndarray) -> np.ndarray:
    if not isinstance(value, str):
        return value
    digits = value[1:] if len(value) == 7 else "".join(2 * digit for digit in value[1:])
    return np.array([int(digits[place : place + 2], 16) for place in (0, 2, 4)], dtype=float)


def contrast(one: str | np.ndarray, other: str | np.ndarray) -> float:
    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text_of_the_page_is_read_on_every_ground(theme: str):
    inks = set(re.findall(r"[{;\s]color: var\(--([\w-]+)\)", CSS))
    grounds = set(re.findall(r"background: var\(--([\w-]+)\)", CSS))
    assert {"ink", "soft", "accent"} == inks
    assert {"paper", "wash"} == grounds
    colours = THEMES[theme]
    for ground in grounds:
        assert min(contrast(colours[ink], colours[ground]) for ink in inks) >= 4.5


@settings(deadline=None)
@given(share=st.floats(0, 1), missing=st.booleans(), spread=st.booleans())
def test_text_of_a_map_is_read_on_every_cell(*, share: float, missing: bool, spread: bool):
    axes = Figure().subplots()
    panels.tile(axes, 0, 0, share, "3/10", missing=missing, spread=(0.1, 0.9) if spread else None)
    (text,) = axes.texts
    (filled,) = [patch for patch in axes.patches if patch.get_facecolor()[:3] == mpl.colors.to_rgb(MAP)]
    alpha = filled.get_alpha()
    for colours in THEMES.values():
        ink = colours[VARIABLES[text.get_color()][6:-1]]
        for behind in ("paper", *(["faint"] if missing else [])):
            ground = alpha * parts(colours["map"]) + (1 - alpha) * parts(colours[behind])
            assert contrast(ink, ground) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_series_are_seen_on_paper(theme: str):
    """WCAG 2.2, 1.4.11: graphics."""
    paper = THEMES[theme]["paper"]
    own = [THEMES[theme][f"series-{place}"] for place in range(1, len(COLOURS) + 1)]
    further = [colour(place) for place in range(len(COLOURS), 60)]
    assert min(contrast(one, paper) for one in [*own, *further]) >= 3
    assert len({*own, *further, INK, SOFT, FAINT, PAPER, MAP}) == 65


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return stored(tmp_path_factory.mktemp("store") / "results.db", rates=(0.001, 0.00001), seeds=(1, 2))


@pytest.mark.parametrize("name", ["lengths", "solved", "learning", "gradients", "timing"])
def test_text_of_figures_is_ink_and_large_enough_on_a_telephone(name: str, results: Results, tmp_path_factory):
    one = stored(tmp_path_factory.mktemp("store") / "one.db", seeds=[1])
    for source in (results, one):
        figure = source.plot.draw(name)
        texts = [text for text in figure.findobj(mpl.text.Text) if text.get_text()]
        assert {text.get_color() for text in texts} <= {INK, SOFT, PAPER}
        sizes = [
            float(size)
            for size in re.findall(r"font: (?:\w+ )?([\d.]+)px|font-size: ([\d.]+)px", to_svg(figure))
            for size in size
            if size
        ]
        assert sizes
        assert min(sizes) * TELEPHONE / (WIDTH * 72) >= 9


VISION = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
"""What is seen of linear red, green and blue: Machado, Oliveira and Fernandes 2009, in full."""


def seen(value: str, vision: np.ndarray) -> np.ndarray:
    """Return a colour's place in OKLab (Ottosson 2020), as that eye sees it."""
    encoded = parts(value) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
    axes = [[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]]
    return np.array(axes) @ np.cbrt(np.array(cones) @ np.clip(vision @ linear, 0, 1))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("theme", "apart"), [("light", 0.07), ("dark", 0.11)])
def test_no_two_series_look_alike(theme: str, apart: float, vision: str):
    """The smallest difference that is seen side by side is about 0.02; lines far apart need more."""
    places = [seen(THEMES[theme][f"series-{place + 1}"], VISION[vision]) for place in range(len(COLOURS))]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(places, 2)) >= apart
