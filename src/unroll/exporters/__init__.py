"""A study's results as text for other programs, papers and pages."""

from unroll.exporters.csv import to_csv
from unroll.exporters.json import to_json
from unroll.exporters.latex import to_latex
from unroll.exporters.markdown import to_markdown

TRIAL_FORMATS = {"csv": to_csv, "json": to_json}
"""By the name of the format: one row per trial -> text."""

TABLE_FORMATS = {"markdown": to_markdown, "latex": to_latex}
"""By the name of the format: the table of conditions, its factors and a title -> text."""

__all__ = ["TABLE_FORMATS", "TRIAL_FORMATS", "to_csv", "to_json", "to_latex", "to_markdown"]
