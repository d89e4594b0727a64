"""What a study found and what it does not show, in plain sentences that follow from its tables."""

from __future__ import annotations

from unroll.analysis.answers import answers
from unroll.analysis.differences import differences
from unroll.analysis.doubts import doubts
from unroll.analysis.factors import factors
from unroll.analysis.finding import Finding, Tables
from unroll.analysis.pace import pace
from unroll.analysis.solving import solving


def findings(tables: Tables) -> list[Finding]:
    """Return what was found, in the order of the study, then what is not shown. True of any study, finished or not.

    Tasks of number sequences are judged by what models make of them when left alone, all others by their test MSE.
    """
    others = tables.without(tables.sequences)
    found = [*solving(others), *differences(tables), *factors(tables), *pace(others), *answers(tables)]
    return [*found, *doubts(tables, others)]
