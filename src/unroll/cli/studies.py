"""``unroll studies``: the studies that come with unroll."""

from __future__ import annotations

from unroll.cli.options import Json


def studies(json: Json = False) -> None:
    """List the shipped studies, with their questions."""
    from unroll.cli.output import print_json, print_table
    from unroll.layout import Layout, figures, heading, prose
    from unroll.study import read_study, shipped_studies

    asked = [read_study(name, check=False) for name in shipped_studies()]
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
    table = Layout((heading("study"), figures("trials"), prose("protocol", 1), prose("question")))
    for study in asked:
        table.add(study.name, f"{study.count():,}", study.protocol, study.question)
    print_table(table)
