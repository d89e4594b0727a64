"""``unroll studies``: the studies that come with unroll."""

from __future__ import annotations

from unroll.cli.options import Json


def studies(json: Json = False) -> None:
    """List the shipped studies, with their questions."""
    from unroll.cli.output import print_json, print_table, table_of
    from unroll.study import read_study, shipped_studies

    asked = [read_study(name) for name in shipped_studies()]
    if json:
        print_json(
            [
                {
                    "study": study.name,
                    "question": study.question,
                    "protocol": study.protocol,
                    "trials": study.count(),
                }
                for study in asked
            ]
        )
        return
    table = table_of(("study", ">trials", "protocol", "question"))
    for study in asked:
        table.add_row(study.name, str(study.count()), study.protocol, study.question)
    print_table(table)
