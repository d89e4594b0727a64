"""One page that says what a study found: an HTML file that needs nothing but a browser."""

from unroll.report.report import report

__all__ = ["report"]
