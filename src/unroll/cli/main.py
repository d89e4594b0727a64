"""The command ``unroll``. Each command imports what it needs when it is called, so that help comes at once."""

from __future__ import annotations

import gc
import io
import os
import sys
from importlib import import_module

import typer

from unroll.cli.output import say, to_nowhere
from unroll.errors import LONGEST_PATH, PromptError, StudyError, UnknownNameError, UnrollError
from unroll.inert import clipped

COMMANDS = (
    *("studies", "copy", "check", "run", "list", "show", "generate", "plot", "report", "export"),
    *("merge", "copy-store", "tasks", "models", "measures", "explain", "cite", "forget", "doctor"),
)
"""In the order of a day's work; each in a module of its own name, with _ for -."""

FAILED, USAGE, INTERRUPTED = 1, 2, 130
RARELY = 1_000_000, 50, 50
"""When Python looks for objects that only refer to each other: results of many trials are so many, and none is such."""

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

        say(f"unroll {version('unroll-lab')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    r"""A laboratory for recurrent networks' memory.

    A study names tasks, models, lengths and seeds; each combination is a trial.

    \b
    unroll run adding-quick     train a study, or resume it
    unroll show adding-quick    print its results
    """


for _command in COMMANDS:
    _name = _command.replace("-", "_")
    app.command(_command)(getattr(import_module(f"unroll.cli.{_name}"), _name))


def main() -> None:
    """Run the command line; every error that is expected ends in one clear message and an exit code."""
    _open_standard_files()
    gc.set_threshold(*RARELY)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Latin-1 has no "–": no reason for a finished run to end in an error
    try:
        app(prog_name="unroll")
    except UnrollError as error:
        say(f"unroll: {_short(str(error))}", err=True)
        sys.exit(USAGE if isinstance(error, StudyError | UnknownNameError | PromptError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.filename is not None:  # a path so odd that nothing can be asked about it; output has no name
            say(f"unroll: {clipped(str(error.filename), LONGEST_PATH)} cannot be used: {error.strerror}.", err=True)
            sys.exit(FAILED)
        to_nowhere(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # else whoever read it has enough
            say(f"unroll: The output cannot be written: {error.strerror}.", err=True)
        sys.exit(FAILED)


def _short(message: str) -> str:
    """Return a message with arguments that are longer than anything a person means cut to their ends."""
    for argument in sys.argv[1:]:
        if len(argument) > LONGEST_PATH:
            message = message.replace(argument, clipped(argument, LONGEST_PATH))
    return message


def _open_standard_files() -> None:
    """Open /dev/null where a standard stream was closed: else a file of ours gets its number, and stray output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
