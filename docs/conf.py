"""How the documentation is built: ``make docs``. Nothing is fetched, neither to build it nor to read it."""

from importlib.metadata import version as version_of
from typing import Annotated, Any, get_origin

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from unroll import axes
from unroll.study.plug_in import PlugIn

project = "unroll"
author = "The unroll maintainers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = version_of("unroll-lab")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["figures"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
language = "en_GB"

autodoc_typehints = "signature"
autodoc_type_aliases = {name: name for name, alias in vars(axes).items() if get_origin(alias) is Annotated}
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "model_config, model_post_init"}

html_theme = "furo"
html_title = f"unroll {version}"
html_static_path = ["static"]
html_css_files = ["unroll.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
smartquotes = False


def inline_formula(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula as MathML, which browsers draw without a script."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def displayed_formula(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    for formula in node.astext().split("\n\n"):
        writer.body.append(f'<div class="formula">{tex2mathml(formula, as_block=True)}</div>')
    raise nodes.SkipNode


def with_headings(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn an underlined word of a docstring into a small heading: what follows it is text as it stands."""
    for place in range(len(lines) - 1, 0, -1):
        heading = lines[place - 1]
        if heading and lines[place] == "-" * len(heading):
            lines[place - 1 : place + 1] = [f".. rubric:: {heading}", ""]


def with_sources(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Name a task's or a model's sources, and where their entries are."""
    if isinstance(obj, type) and issubclass(obj, PlugIn) and obj.sources:
        keys = ", ".join(f"``{key}``" for key in obj.sources)
        lines += ["", f":doc:`Sources </reference/sources>`: {keys}.", ""]


def with_defaults(app: Sphinx, what: str, name: str, obj: Any, *rest: Any) -> tuple[str, None] | None:
    """Show a task, a model or a section of settings by its fields and their defaults."""
    if not (isinstance(obj, type) and issubclass(obj, BaseModel)):
        return None
    fields = [
        name if field.is_required() else f"{name}={field.get_default(call_default_factory=True)!r}"
        for name, field in obj.model_fields.items()
    ]
    return f"({', '.join(fields)})", None


def setup(app: Sphinx) -> None:
    """Say how docstrings are read and formulas written."""
    app.connect("autodoc-process-docstring", with_headings)
    app.connect("autodoc-process-docstring", with_sources)
    app.connect("autodoc-process-signature", with_defaults)
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
