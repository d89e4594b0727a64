"""How the documentation is built: ``make docs``. Nothing is fetched, neither to build it nor to read it."""

from importlib.metadata import version as version_of

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "unroll"
author = "The unroll maintainers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = version_of("unroll-lab")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["figures"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
language = "en_GB"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "model_config, model_post_init"}
napoleon_google_docstring = False

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


def setup(app: Sphinx) -> None:
    """Make MathML a way to write formulas."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
