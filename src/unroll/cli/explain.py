"""``unroll explain``: a model's equations, the shapes of what it computes, and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unroll.cli.options import Json
from unroll.errors import PlugInError, Problem, StudyError, UnrollError

if TYPE_CHECKING:
    from unroll.layout import Layout
    from unroll.models import Model
    from unroll.tasks import Task

SEQUENCES = 104_729
"""A number of sequences that is no other size: where a shape has it, that axis is B."""


def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (see: unroll models).")],
    settings: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as hidden=32.")
    ] = [],  # noqa: B006 - Typer copies it
    task: Annotated[
        str | None, typer.Option("--task", metavar="TASK", help="For the inputs and outputs of this task.")
    ] = None,
    inputs: Annotated[int, typer.Option("--inputs", min=1, max=100_000, metavar="I", help="Inputs per step.")] = 1,
    outputs: Annotated[int, typer.Option("--outputs", min=1, max=100_000, metavar="O", help="Outputs.")] = 1,
    json: Json = False,
) -> None:
    """Explain a model: equations, shapes and parameters.

    The words and equations are those of the model's own documentation, shapes and parameters those of its network at
    these sizes; nothing is trained. Axes: B sequences, T steps.
    """
    from unroll import registry
    from unroll.cli.output import print_json
    from unroll.cli.plugins import configured

    form = registry.models.load(model)
    made = configured(form, settings)
    readout: Literal["last", "every"] = "every"
    if task is not None:
        from unroll.training.examples import readout_of

        asked = _of_task(task)
        _check(made, asked)
        inputs, outputs, readout = asked.inputs, asked.outputs, readout_of(asked.readout)
    found = facts(made, inputs, outputs, readout)
    if json:
        print_json(found)
        return
    _print(found)


def _check(model: Model, task: Task) -> None:
    """Raise StudyError for a task that a model cannot do, as a study of both does."""
    try:
        model.check_task(task)
    except ValueError as error:
        raise StudyError([Problem(f'{error} (task "{task.name}")', "model", source="--task")]) from None


def facts(model: Model, inputs: int, outputs: int, readout: Literal["last", "every"]) -> dict[str, Any]:
    """Return what there is to say of a model at these sizes, as plain data.

    Raises PlugInError where the model counts other parameters than its network has.
    """
    import torch

    from unroll.cli.formula import parts
    from unroll.models.sized import Sized

    with torch.device("meta"):
        network = model.build(inputs, outputs, readout)
    trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
    rows: list[dict[str, Any]] = [
        {"name": name, "shape": list(value.shape), "count": value.numel(), "trained": name in trained}
        for name, value in (*network.named_parameters(), *network.named_buffers())
    ]
    count = sum(row["count"] for row in rows if row["trained"])
    settings = model.resolved()
    if isinstance(model, Sized):
        settings = {**settings, "hidden": model.width(inputs, outputs)}
        own = model.count(settings["hidden"], inputs, outputs)
        if own != count:
            raise PlugInError(
                f'The model "{model.name}" counts {own:,} parameters and has {count:,}. Correct its method count.'
            )
    told = type(model).told()
    every = ["B", "T", outputs] if readout == "every" else ["B", outputs]
    return {
        "model": model.name,
        "title": told["title"],
        "summary": told["summary"],
        "memory": told["memory"],
        "text": [{"line": line, "formula": formula} for line, formula in parts(type(model).__doc__ or "")],
        "settings": settings,
        "shapes": {"inputs": ["B", "T", inputs], "outputs": every, "state": _state(network, inputs)},
        "parameters": rows,
        "count": count,
    }


def _of_task(name: str) -> Any:
    from pydantic import ValidationError

    from unroll import registry

    form = registry.tasks.load(name)
    try:
        return form()
    except ValidationError as error:
        needed = ", ".join(str(item["loc"][0]) for item in error.errors())
        raise UnrollError(f'The task "{name}" needs settings: {needed}. Give --inputs and --outputs.') from None


def _state(network: Any, inputs: int) -> list[list[Any]]:
    """Return the shapes of what a step hands to the next, B where an axis counts sequences."""
    import torch

    try:
        with torch.device("meta"):
            _, state = network.step(torch.empty(SEQUENCES, inputs))
    except Exception:  # a third party's network need not compute without values
        return []
    found = state if isinstance(state, tuple | list) else (state,)
    tensors = [one for one in found if isinstance(one, torch.Tensor)]
    return [["B" if size == SEQUENCES else size for size in one.shape] for one in tensors]


def _print(found: dict[str, Any]) -> None:
    from unroll.cli.output import facts_table, print_paragraphs, print_table
    from unroll.layout import Layout, figures, heading, prose
    from unroll.wording import setting

    print_paragraphs(f"{found['title']}: {found['summary']}", [(one["line"], one["formula"]) for one in found["text"]])
    shapes = found["shapes"]
    settings = "  ".join(f"{name} = {setting(value)}" for name, value in found["settings"].items())
    state = "  ".join(map(_shape, shapes["state"]))
    sizes = {
        "settings": settings,
        "inputs": _shape(shapes["inputs"]),
        "state": state,
        "outputs": _shape(shapes["outputs"]),
    }
    print_table(facts_table("Shapes", [(name, text) for name, text in sizes.items() if text]))
    table: Layout = Layout(
        (heading("parameter"), figures("shape"), figures("number"), prose("")),
        title=f"Parameters: {found['count']:,} to train",
    )
    for row in found["parameters"]:
        table.add(row["name"], _shape(row["shape"]), f"{row['count']:,}", "" if row["trained"] else "not trained")
    if found["parameters"]:
        print_table(table)


def _shape(sizes: list[Any]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
