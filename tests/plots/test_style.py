"""Colours that readers can tell apart, and numbers on axes.

Planted and found: Okabe and Ito's green and orange in place of the second and third colour (too close in grey).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from unroll.plots.style import COLOURS, LINES, MARKERS, looks, plain

# Machado, Oliveira, Fernandes (2009): A Physiologically-based Model for Simulation of Color Vision Deficiency,
# severity 1.
VISION = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    x, y, z = TO_XYZ @ np.clip(light, 0, 1) / [0.9505, 1.0, 1.089]
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart(vision: str):
    seen = [lab(np.array(VISION[vision]) @ linear(colour)) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_the_first_three_are_told_apart_in_grey_and_seen_on_white():
    lightness = [lab(linear(colour))[0] for colour in COLOURS]
    assert min(abs(a - b) for a, b in combinations(lightness[:3], 2)) > 12
    luminance = [float(TO_XYZ[1] @ linear(colour)) for colour in COLOURS]
    assert min(1.05 / (one + 0.05) for one in luminance) >= 3, "WCAG 2.2, 1.4.11: graphics"


def test_no_series_is_told_by_its_colour_alone():
    found = looks(pd.Series([f"model {number}" for number in range(60)]))
    assert len(set(MARKERS)) == len(MARKERS) == len(LINES) == len(COLOURS)
    assert len({look.colour for look in found.values()}) == 60
    assert len({(look.marker, str(look.line)) for look in found.values()}) == 8
    assert len({look.marker for look in list(found.values())[:8]}) == 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1667, "0.1667"),
        (0.01, "0.01"),
        (1.0, "1"),
        (200.0, "200"),
        (1e4, "10,000"),
        (1e-7, "10⁻⁷"),
        (3e9, "3 × 10⁹"),
        (-150.0, "−150"),
        (0, "0"),
    ],
)
def test_ticks_are_plain_numbers(value: float, text: str):
    assert plain(value) == text
