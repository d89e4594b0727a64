"""``unroll list``: what a store holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.cli.options import Json, StorePath
from unroll.defaults import STORE
from unroll.inert import inert
from unroll.wording import MISSING, bytes_

if TYPE_CHECKING:
    from unroll.store import StudyRecord

DIGITS = 8
"""Of a study's digest, as far as they are shown."""


def list(store: StorePath = Path(STORE), json: Json = False) -> None:  # noqa: A001 - the command's name
    """List the studies that a store holds, those made in Python among them.

    Shows for each its trials, the share that is done, how many are solved, and the size of its results; a trial that
    several studies share counts in each. show, report, plot, export and forget take a study by its name here; all but
    forget also by the first digits of its digest, which tell studies of one name apart.
    """
    from unroll.cli.output import print_json, print_table, say
    from unroll.commands import Asked
    from unroll.layout import Layout, figures, heading, prose
    from unroll.store import Store

    with Store.open(store) as opened:
        studies = opened.studies()
    if json:
        print_json([_facts(study) for study in studies])
        return
    if not studies:
        say(f"{store} holds no study yet. Run one: {Asked('adding-quick', (), str(store)).command('run')}")
        return
    names = [study.name for study in studies]
    last = studies[-1].name
    if names.count(last) > 1 or inert(last) != last or last.startswith("-"):  # a name that cannot be typed as it is
        last = studies[-1].digest[:DIGITS]
    table = Layout(
        (
            *(heading("study"), prose("settings"), figures("digest", 1), figures("trials"), figures("done")),
            *(figures("solved"), prose("not done"), figures("size"), figures("planned", 2)),
        ),
        title=f"The studies in {store}",
        caption=f"One of them: {Asked(last, (), str(store)).command('show')}",
    )
    for study in studies:
        facts = _facts(study)
        rest = ", ".join(f"{facts[state]:,} {state}" for state in ("failed", "damaged") if facts[state])
        table.add(
            *(study.name, " ".join(study.overrides), study.digest[:DIGITS], f"{facts['trials']:,}"),
            *(_share(facts["complete"], facts["trials"]), f"{study.solved:,}", rest),
            *(bytes_(study.size), study.created[:10]),
        )
    print_table(table)


def _facts(study: StudyRecord) -> dict[str, Any]:
    counts = {state.value: count for state, count in study.counts.items()}
    return {
        "study": study.name,
        "question": study.question,
        "overrides": study.overrides,
        "digest": study.digest,
        "planned": study.created,
        "trials": sum(counts.values()),
        **counts,
        "solved": study.solved,
        "bytes": study.size,
    }


def _share(done: int, trials: int) -> str:
    """Return how much is done; 100 % only where all is."""
    return f"{100 * done // trials} %" if trials else MISSING
