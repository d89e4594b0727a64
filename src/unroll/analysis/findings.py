"""What a study found and what it does not show, in plain sentences that follow from its tables."""

from __future__ import annotations

from unroll.analysis.differences import differences
from unroll.analysis.doubts import doubts
from unroll.analysis.factors import factors
from unroll.analysis.finding import Finding, Tables
from unroll.analysis.pace import pace
from unroll.analysis.solving import solving


def findings(tables: Tables) -> list[Finding]:
    """Return what was found, in the order of the study, then what is not shown. True of any study, finished or not.

    First the answers to its questions, each with what it leaves open. Of one model under several settings, the settings
    come before what it solves. Tasks that a measure judges are left to it; all others are judged by their test loss.
    """
    others = tables.without(tables.judged)
    answers = [finding for finding in tables.answers if finding.question]
    further = [finding for finding in tables.answers if not finding.question]
    found = [list(solving(others)), [*differences(tables), *factors(tables)]]
    if tables.factors and tables.conditions["model"].nunique() == 1:
        found.reverse()
    return [*answers, *found[0], *found[1], *pace(others), *further, *doubts(tables, others)]
