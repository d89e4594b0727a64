"""``unroll show``: the results of a study, or of one trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.cli.options import Json, Overrides, StorePath, StudyOrTrial
from unroll.cli.output import say
from unroll.commands import Asked
from unroll.defaults import STORE

if TYPE_CHECKING:
    from unroll.reading import Results

MOST_FAILURES = 10


def show(
    what: StudyOrTrial,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    store: StorePath = Path(STORE),
    json: Json = False,
) -> None:
    """Print a study's tables, or one trial.

    The first table has one row per condition: its seeds, their test loss, how many are solved. The tables of further
    measures follow, such as the effects of settings, or continuations and their errors. A trial is named by the first
    digits of its key, which ``unroll export`` lists.

    With --json, a study is an object: "conditions" has one row per condition, with the rows of further measures as
    lists within it; "effects" has one row per level of each factor that varies; "questions" has what the study asks,
    with what was "found" and what is "not_shown"; "failed" has the measures that failed, with what of them and why.
    """
    from unroll.cli.asked import is_trial

    if is_trial(what, store):
        from unroll.cli.trial import show_trial

        show_trial(what, store, json)
        return
    from unroll.cli.asked import results_of
    from unroll.cli.output import conditions_table, print_json, print_paragraphs, print_table
    from unroll.exporters.json import records
    from unroll.exporters.nested import nested
    from unroll.measures.asking import layouts

    results = results_of(what, overrides, store).frozen()  # read once, for all tables
    if results.notice:
        say(results.notice, err=True)
    if json:
        conditions, effects, questions = nested(results), records(results.effects()), _answered(results)
        failed = [{"measure": one.measure, "part": one.part, "reason": one.reason} for one in results.faults.of()]
        print_json({"conditions": conditions, "effects": effects, "questions": questions, "failed": failed})
        if results.damage:
            say(results.damage, err=True)
        return
    print_table(conditions_table(results))
    for _, table in layouts(results, "terminal"):
        print_table(table)
    for question in _answered(results):
        open_ = [f"Not shown: {sentence[:1].lower()}{sentence[1:]}" for sentence in question["not_shown"]]
        print_paragraphs(question["question"], [(sentence, False) for sentence in (*question["found"], *open_)])
    for error in results.faults.of("figure", "sentences", "class"):
        say(f"{error}.", err=True)
    _print_failures(results)


def _answered(results: Results) -> list[dict[str, Any]]:
    """Return each question of a study with the sentences that answer it and those that say what is open."""
    from unroll.measures.answering import to_questions

    found = list(to_questions(results))
    kinds = ("found", "not_shown")
    return [
        {
            "question": question.text,
            **{
                kind: [one.sentence for one in found if (one.question, one.kind) == (question.text, kind)]
                for kind in kinds
            },
        }
        for question in results.study.questions
    ]


def _print_failures(results: Results) -> None:
    from unroll.study.levels import named

    missing, trials = results.missing(), {trial.key: trial for trial in results.planned}
    failed = missing[missing["state"] == "failed"]
    for state in ("failed", "damaged"):
        for row in missing[missing["state"] == state].head(MOST_FAILURES).to_dict("records"):
            name = named(trials[row["key"]], results.factors)
            say(f"{state}: {name} ({row['key'][:8]}): {row['message']}")
    if results.damage:
        say(results.damage, err=True)
    if len(failed):
        one = Asked(failed["key"].iloc[0][:8], (), str(results.path)).command("show")
        say(f"{len(failed)} failed. The traceback of one: {one}", err=True)
