"""Figures within a page: small, without styles of their own, and in the colours of the reader's theme.

matplotlib writes a style attribute on every element. A page whose security policy forbids these needs classes; a few
dozen of them replace thousands of attributes. Colours become the page's variables, so that a figure is dark where the
page is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from unroll.inert import inert
from unroll.plots.style import COLOURS, FAINT, INK, MAP, PAPER, SOFT

VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    FAINT: "var(--faint)",
    PAPER: "var(--paper)",
    MAP: "var(--map)",
    **{colour: f"var(--series-{place})" for place, colour in enumerate(COLOURS, 1)},
}
NUMBER = re.compile(r"-?\d+\.\d{2,}(?![\d%])")
GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")
HREF = "{http://www.w3.org/1999/xlink}href"


class Styles:
    """The style attributes of all figures of a page, each once, by the name of its class."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, style: str) -> str:
        """Return the class that stands for a style attribute."""
        kept = "; ".join(part for part in style.split("; ") if not part.startswith("font-family"))
        for colour, variable in VARIABLES.items():
            kept = kept.replace(colour, variable)
        return self._classes.setdefault(kept, f"s{len(self._classes)}")

    def css(self) -> str:
        """Return the rules."""
        return "\n".join(f".{name}{{{style}}}" for style, name in self._classes.items())


def inline(svg: str, name: str, description: str, styles: Styles) -> str:
    """Return an SVG element for a page: ``name`` makes its ids unique, ``description`` is its alternative text."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - matplotlib wrote it a moment ago
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = element.text if element.tag == "text" else None
        element.tail = None
    for unwanted in [child for child in root if child.tag == "metadata" or child.find("style") is not None]:
        root.remove(unwanted)
    names = {target: f"{name}-{place}" for place, target in enumerate(dict.fromkeys(_targets(root)))}
    for element in root.iter():
        _translate(element, names, styles)
    _unwrap(root)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": inert(description)})
    return ElementTree.tostring(root, encoding="unicode")


def _targets(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        if HREF in element.attrib:
            yield element.attrib[HREF].removeprefix("#")
        for value in element.attrib.values():
            yield from re.findall(r"url\(#([^)]+)\)", value)


def _translate(element: ElementTree.Element, names: Mapping[str, str], styles: Styles) -> None:
    attributes = dict(element.attrib)
    element.attrib.clear()
    for attribute, value in attributes.items():
        if attribute == "id":
            if value in names:
                element.set("id", names[value])
        elif attribute == HREF:
            element.set("href", f"#{names[value.removeprefix('#')]}")
        elif attribute == "style":
            element.set("class", styles.name(_renamed(value, names)))
        elif attribute == "transform" and value.startswith("rotate(-0 "):
            continue
        elif attribute in GEOMETRY:
            element.set(attribute, NUMBER.sub(_rounded, " ".join(value.split())))
        else:
            element.set(attribute, _renamed(value, names))


def _renamed(value: str, names: Mapping[str, str]) -> str:
    return re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)


def _rounded(found: re.Match[str]) -> str:
    text = f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _unwrap(element: ElementTree.Element) -> None:
    """Replace groups that say nothing by what is in them."""
    children: list[ElementTree.Element] = []
    for child in list(element):
        _unwrap(child)
        children.extend(list(child) if child.tag == "g" and not child.attrib else [child])
    for child in list(element):
        element.remove(child)
    element.extend(child for child in children if len(child) or child.attrib or child.text)
