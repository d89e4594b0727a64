"""Frame in, frame out: what the results say, in numbers, and what follows from them, in sentences."""

from unroll.analysis.comparison import comparison, comparisons
from unroll.analysis.curves import curves, thinned
from unroll.analysis.effects import contrast, effects
from unroll.analysis.finding import Finding, Tables
from unroll.analysis.findings import findings
from unroll.analysis.improving import improving
from unroll.analysis.missing import missing
from unroll.analysis.parameters import parameters
from unroll.analysis.span import span
from unroll.analysis.summary import conditions
from unroll.analysis.timing import growth, timing

__all__ = [
    "Finding",
    "Tables",
    "comparison",
    "comparisons",
    "conditions",
    "contrast",
    "curves",
    "effects",
    "findings",
    "growth",
    "improving",
    "missing",
    "parameters",
    "span",
    "thinned",
    "timing",
]
