"""The command ``unroll``. Each command imports what it needs when it is called, so that help comes at once."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from unroll.errors import PromptError, StudyError, UnknownNameError, UnrollError

COMMANDS = (
    *("studies", "copy", "check", "run", "show", "generate", "plot", "report", "export"),
    *("merge", "tasks", "models", "cite", "forget", "doctor"),
)
"""In the order of a day's work; each in a module of its own name."""

FAILED, USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="unroll",
    help="A laboratory for recurrent networks' memory.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"unroll {version('unroll-lab')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    r"""A laboratory for recurrent networks' memory.

    A study names tasks, models, lengths and seeds; each combination is a trial.

    \b
    unroll run adding-quick     train a study, or go on with it
    unroll show adding-quick    what came of it
    """


for _command in COMMANDS:
    app.command(_command)(getattr(import_module(f"unroll.cli.{_command}"), _command))


def main() -> None:
    """Run the command line; every error that is expected ends in one clear message and an exit code."""
    try:
        app(prog_name="unroll")
    except UnrollError as error:
        typer.echo(f"unroll: {error}", err=True)
        sys.exit(USAGE if isinstance(error, StudyError | UnknownNameError | PromptError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
