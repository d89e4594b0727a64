"""What a docstring says, for a terminal: its formulas, which are LaTeX, in letters that anyone can read."""

from __future__ import annotations

import inspect
import re

SYMBOLS = {
    r"\sigma": "σ",
    r"\alpha": "α",
    r"\beta": "β",
    r"\lambda": "λ",
    r"\Delta": "Δ",
    r"\sum": "Σ",
    r"\Phi": "Φ",
    r"\sqrt": "√",
    r"\phi": "φ",
    r"\odot": "⊙",
    r"\cdot": "·",
    r"\times": "×",
    r"\ldots": "…",
    r"\cdots": "…",
    r"\dots": "…",
    r"\top": "ᵀ",
    r"\le": "≤",
    r"\ge": "≥",
    r"\in": "∈",
    r"\to": "→",
    r"\pm": "±",
    r"\infty": "∞",
    r"\approx": "≈",
    r"\qquad": "    ",
    r"\quad": "  ",
    r"\,": " ",
    r"\;": " ",
    r"\!": "",
    r"\left": "",
    r"\right": "",
    "&": "",
    r"\|": "‖",
    r"\{": "{",
    r"\}": "}",
}
MATH = ".. math::"
BRACED = r"\{((?:[^{}]|\{[^{}]*\})*)\}"


def parts(docstring: str) -> list[tuple[str, bool]]:
    r"""Return the lines of a docstring, each paragraph one, and whether it is a formula, or stands as it is drawn.

    >>> parts("A unit. \n\n.. math:: h_t = \\tanh(W x_t)\n\n``hidden`` of them,\nno more.")
    [('A unit.', False), ('h_t = tanh(W x_t)', True), ('hidden of them, no more.', False)]
    """
    found: list[tuple[str, bool]] = []
    formula = literal = False
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        inline, drawn = block.startswith(MATH), literal and block.startswith(" ")
        if inline or (formula and block.startswith(" ")):
            found += [(line, True) for line in readable(block.removeprefix(MATH))]
        elif drawn:
            found += [(line.rstrip(), True) for line in inspect.cleandoc(f"\n{block}").splitlines()]
        elif terms := _terms(block):
            found += [(_math(" ".join(term.replace("``", "").split())), True) for term in terms]
        elif text := " ".join(block.replace("``", "").split()).removesuffix("::"):
            found.append((_math(text), False))
        formula, literal = inline, drawn or block.rstrip().endswith("::")
    return found


def _terms(block: str) -> list[str]:
    """Return the entries of a list of definitions, "term: what it is"; none of a block that is no such list."""
    entries: list[str] = []
    for line in block.splitlines():
        if line[:1] != " ":
            entries.append(f"{line}:")
        elif entries:
            entries[-1] += f" {line.strip()}"
    return entries if entries and all(": " in entry for entry in entries) and "\n " in block else []


def _math(text: str) -> str:
    """Return a text with its formulas readable, and without the stars of what is bold."""
    return re.sub(r":math:`([^`]*)`", lambda m: _plain(m[1]), text).replace("**", "")


def readable(latex: str) -> list[str]:
    r"""Return a formula's lines as plain text.

    >>> readable(r"r, z &= \sigma(W_{in} x_t + h_{t-1}) \quad\text{(each)} \\ y &= \frac{a}{b + c}")
    ['r, z = σ(W_in x_t + h_{t-1})    (each)', 'y = a / (b + c)']
    """
    return [line for line in map(_plain, latex.split(r"\\")) if line]


def _plain(latex: str) -> str:
    latex = re.sub(r"(\\[a-zA-Z]+)(?=\\[a-z]+\{)", r"\1 ", latex)  # or \qquad\text{or} would be one word
    latex = re.sub(r"\\binom\{([^{}]*)\}\{([^{}]*)\}", r"(\1 over \2)", latex)
    text = re.sub(r"\\(?:text|mathrm|operatorname|mathbf)\{([^{}]*)\}", r"\1", latex)
    text = re.sub(rf"\\frac{BRACED}{BRACED}", lambda m: f"{_grouped(m[1])} / {_grouped(m[2])}", text)
    text = re.sub(r"\\[a-zA-Z]+|\\[|{},;!]|&", lambda m: SYMBOLS.get(m[0], m[0].removeprefix("\\")), text)
    text = re.sub(r"([_^])\{(\w+)\}", r"\1\2", text)
    return re.sub(r"(?<=\S) {3,}", "    ", re.sub(r"\n\s*", " ", text)).strip()


def _grouped(text: str) -> str:
    return f"({text.strip()})" if re.search(r"[ +-]", text.strip()) else text.strip()
