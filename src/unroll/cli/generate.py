"""``unroll generate``: continue a prompt with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll import registry
from unroll.cli.options import Json, Overrides, StorePath
from unroll.cli.output import say
from unroll.commands import Asked
from unroll.defaults import STORE
from unroll.errors import PromptError, StoreError
from unroll.inert import clipped
from unroll.numeral import value_of

if TYPE_CHECKING:
    from unroll.choosing import Chosen
    from unroll.generation import Continuation, Trained, Written
    from unroll.study import Study


def generate(
    study: Annotated[
        str, typer.Option("--study", metavar="STUDY", help="A shipped study or the path of a study file.")
    ],
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="Choose among the study's trials.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="The same.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="The same.")] = None,
    length: Annotated[int | None, typer.Option("--length", metavar="T", help="The same.")] = None,
    overrides: Overrides = [],  # noqa: B006 - Typer copies it
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="1,3,5",
            help="Numbers to continue, by default the task's own; or the beginning of a text.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", help="How many numbers to add, by default 8; of a text symbols, 200."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            metavar="SEED",
            help="Of a text: draw each symbol by its probability, with this seed. Default: the likeliest.",
        ),
    ] = None,
    teacher_forced: Annotated[
        bool,
        typer.Option("--teacher-forced", help="Teacher forcing: predict each number from the true ones before it."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the continuation too: .svg, .pdf or .png.")
    ] = None,
    store: StorePath = Path(STORE),
    json: Json = False,
) -> None:
    """Continue a prompt with a trained model.

    Prints each number beside the truth and the error, where the rule is known; of a task of text, the text. Where
    several stored trials fit, takes the one with the lowest free-running validation error, of texts with the lowest
    validation loss; where none does, trains the first one.
    """
    from unroll import generation
    from unroll.capabilities import Writes
    from unroll.choosing import choose
    from unroll.held import study_of

    asked = study_of(study, store, overrides, check=True)
    if plot is not None:  # a name that is no figure's is said before anything is trained
        from unroll.plots.files import form_of

        form_of(plot)
    choice = choose(asked, store, task=task, model=model, seed=seed, length=length, generating=True)
    writes = issubclass(registry.tasks.load(choice.trial.task), Writes)
    if writes and plot is not None:
        raise PromptError(f"{choice.trial} continues a text, of which there is no figure. Leave out --plot.")
    given = prompt if writes or prompt is None else _numbers(prompt)
    if choice.record is None:
        generation.check_prompt(choice.trial, given, steps, teacher_forced=teacher_forced, sample=sample)
        _train(asked, study, choice, store)
    else:
        say(f"{choice.trial} ({choice.trial.key[:8]}): {choice.why}.", err=True)
    trained = _load(choice, store, Asked(study, tuple(overrides), str(store)))
    made = generation.generate(trained, given, steps, teacher_forced=teacher_forced, sample=sample)
    if isinstance(made, generation.Written):
        _tell(made, trained, json=json)
        return
    if plot is not None:
        _plot(made, trained, plot)
    if json:
        _print_json(made, trained)
    else:
        _print_text(made, trained)


def _numbers(text: str) -> list[float]:
    numbers = []
    for part in text.replace(",", " ").split():
        try:
            numbers.append(value_of(part))
        except ValueError:
            raise PromptError(f'"{clipped(part)}" in the prompt is no number. Write it as 1,3,5,7,9.') from None
    return numbers


def _train(asked: Study, name: str, choice: Chosen, store: Path) -> None:
    """Train the chosen trial, as part of the study as it was written where it belongs to that."""
    from unroll.held import study_of
    from unroll.running import execute
    from unroll.running.progress import progress_on_stderr
    from unroll.study import expand

    trial = choice.trial
    one_of = f", {choice.why} of {choice.fitting}" if choice.fitting > 1 else ""
    say(f"{trial} ({trial.key[:8]}) is not in {store} yet{one_of}. It is trained first.", err=True)
    written = study_of(name, store, check=True)
    whole = written if trial.key in {other.key for other in expand(written)} else asked
    summary = execute(
        whole,
        store,
        executor="inline",
        part=lambda trials: [t for t in trials if t.key == trial.key],
        observer=progress_on_stderr(),
    )
    if summary.signal is not None:
        raise KeyboardInterrupt


def _load(choice: Chosen, store: Path, typed: Asked) -> Trained:
    from unroll.generation import trained
    from unroll.store import State, Store

    with Store.open(store) as opened:
        record = opened.trial(choice.trial.key)
        if record.state is not State.complete:
            message = str((record.error or {}).get("message", "")).partition("\n")[0]
            raise StoreError(
                f"{choice.trial} ({record.key[:8]}) is {record.state} and cannot generate. {message} "
                "Choose another, or try it again: "
                + ("unroll forget --damaged, then " if record.damage else "")
                + typed.command("run", *([] if record.damage else ["--retry-failed"]))
            )
        return trained(choice.trial, opened.parameters(record.key))


def _print_json(made: Continuation, trained: Trained) -> None:
    from unroll.cli.output import print_json

    print_json(
        {
            "prompt": made.prompt,
            "continuation": made.continuation,
            "truth": made.truth,
            "relative_error": made.relative_error,
            "teacher_forced": made.teacher_forced,
            "rule": trained.rule,
            "trial": _named(trained),
        }
    )


def _tell(made: Written, trained: Trained, *, json: bool) -> None:
    """Print a text that was continued: with its beginning, for people to read on."""
    from unroll.cli.output import print_json

    if json:
        said = {"prompt": made.prompt, "continuation": made.continuation, "sample": made.sample}
        print_json({**said, "trial": _named(trained)})
    else:
        say(made.prompt + made.continuation)


def _named(trained: Trained) -> dict[str, Any]:
    trial = trained.trial
    return {**{name: trial.spec[name] for name in ("task", "model", "length", "seed", "protocol")}, "key": trial.key}


def _print_text(made: Continuation, trained: Trained) -> None:
    """Print aligned columns: 100,000 lines come as quickly as eight."""
    from unroll.wording import percent

    if trained.rule is not None:
        say(f"The model's rule: {trained.rule}", err=True)
    lines = [f"{'step':>6}  {'predicted':>14}" + ("" if made.truth is None else f"  {'truth':>14}  {'error':>9}")]
    for place, value in enumerate(made.continuation):
        line = f"{place + 1:>6}  {value:>14.8g}"
        if made.truth is not None and made.relative_error is not None:
            truth = made.truth[place]
            line += f"  {'–' if truth != truth else f'{truth:.8g}':>14}  {percent(made.relative_error[place]):>9}"
        lines.append(line)
    say("\n".join(lines))
    if made.truth is None:
        say("What follows this prompt is not determined by the task's rule: no truth, no error.", err=True)


def _plot(made: Continuation, trained: Trained, path: Path) -> None:
    from unroll.plots.continued import draw
    from unroll.plots.files import save

    save(draw(made.table(trained.trial.model)), path)
    say(f"Wrote {path}.", err=True)
