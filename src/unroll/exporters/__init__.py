"""A study's trials as text for other programs."""

from unroll.exporters.csv import to_csv
from unroll.exporters.json import to_json

FORMATS = {"csv": to_csv, "json": to_json}
"""Exporters by the name of their format; each takes one row a trial and returns text."""

__all__ = ["FORMATS", "to_csv", "to_json"]
