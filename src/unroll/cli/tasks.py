"""``unroll tasks``: what can be learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.options import Json

if TYPE_CHECKING:
    from unroll.study.plug_in import PlugIn
    from unroll.tasks.example import Example


def tasks(
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="Show this task, with a sequence. Default: list all.")
    ] = None,
    settings: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="A setting of the task, such as items=5.")
    ] = [],  # noqa: B006 - Typer copies it
    length: Annotated[int | None, typer.Option("--length", metavar="T", help="Of the sequence.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the sequence.")] = 1,
    json: Json = False,
) -> None:
    """List the tasks, with their settings, or show one of them.

    Of one: its definition, a sequence drawn for a seed, what is shown and asked, baseline and chance, what a
    comparison must know, and sources.
    """
    from unroll import registry
    from unroll.cli.output import print_json
    from unroll.cli.plugins import configured, print_plugins
    from unroll.errors import UnknownNameError, UnrollError

    if task is None:
        if settings or length is not None:
            raise UnknownNameError(
                "--set and --length are of one task. Name it, as in: unroll tasks copy --set items=5"
            )
        print_plugins(registry.tasks, json)
        return
    form = registry.tasks.load(task)
    needed = [name for name, field in form.model_fields.items() if field.is_required()]
    given = {text.partition("=")[0].strip().removeprefix("task.") for text in settings}
    missing = [name for name in needed if name not in given]
    made = None if missing else configured(form, settings)
    example, facts = None, {}
    if made is not None:
        from unroll.tasks import example as drawn

        try:
            example = drawn.example(made, length, seed)
        except ValueError as error:
            raise UnrollError(f"{error} (task {task}). Give another --length.") from None
        facts = drawn.facts_of(made, example.length)
    found = {**form.told(), "pitfalls": list(form.pitfalls), "facts": facts, "missing": missing}
    if json:
        print_json({"name": task, **found, "example": None if example is None else _plain(example)})
        return
    _print(form, found, example)


def _plain(example: Example) -> dict[str, Any]:
    from unroll.tasks.example import ASKED

    return {
        "length": example.length,
        "seed": example.seed,
        "inputs": {lane.name: lane.signs for lane in example.inputs},
        "targets": {lane.name: lane.signs for lane in example.targets},
        "asked": {lane.name: [mark == ASKED for mark in lane.marks] for lane in example.targets},
    }


def _print(form: type[PlugIn], found: dict[str, Any], example: Example | None) -> None:
    from unroll.citation import in_words
    from unroll.cli.formula import parts
    from unroll.cli.output import columns, facts_table, print_paragraphs, print_table, say
    from unroll.layout import INDENT
    from unroll.tasks.example import lines

    print_paragraphs(f"{found['title']}: {found['summary']}", parts(form.__doc__ or ""))
    if example is None:
        need = " ".join(f"--set {name}=..." for name in found["missing"])
        say(f"A sequence of it, and its numbers: unroll tasks {form.name} {need}\n")
    else:
        say(f"A sequence, T = {example.length}, seed {example.seed}")
        say("\n".join(" " * INDENT + line if line else "" for line in lines(example, columns() - INDENT)) + "\n")
        print_table(facts_table("Its numbers", found["facts"].items()))
    for title, told in (
        ("What a comparison must know", found["pitfalls"]),
        ("Sources", [in_words(entry) for entry in found["sources"]]),
    ):
        if told:
            print_paragraphs(title, [(f"- {text}", True) for text in told])
