"""``unroll measures``: what is measured of trials."""

from __future__ import annotations

from unroll.cli.options import Json


def measures(json: Json = False) -> None:
    """List the measures: what each is, what a study must have for it, and whether it has a figure to plot."""
    from unroll import registry
    from unroll.cli.output import print_json, print_table
    from unroll.cli.plugins import reason
    from unroll.layout import Layout, heading, prose
    from unroll.measures.installed import measure

    found = []
    for name in registry.measures.names():
        facts = {"name": name, "summary": "", "needs": "", "when": "", "figure": False, "error": None}
        try:
            one = measure(name)
            facts |= {"summary": one.summary, "needs": one.needs, "when": one.when, "figure": one.figure is not None}
        except Exception as error:  # a third party's class may break in any way
            facts["error"] = reason(error)
        found.append(facts)
    if json:
        print_json(found)
        return
    table = Layout((heading("measure"), prose("what it is"), prose("what it needs"), prose("unroll plot")))
    for facts in found:
        table.add(
            str(facts["name"]), str(facts["error"] or facts["summary"]), str(facts["needs"]),
            "yes" if facts["figure"] else "no",
        )  # fmt: skip
    print_table(table)
