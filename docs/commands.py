"""Write docs/reference/commands.md, a page of all commands, from the commands' own declarations: ``make docs`` does.

A test compares the page with what this would write.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import typer

from unroll.cli.main import COMMANDS, app

PAGE = Path(__file__).parent / "reference" / "commands.md"

HEAD = """\
# Commands

<!-- Written by docs/commands.py from the commands' own declarations. Change those, then: make docs -->

In the order of a day's work. `unroll COMMAND --help` says the same on the screen.
"""


def page() -> str:
    """Return the whole page."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return HEAD + "".join(section(name, commands[name]) for name in COMMANDS)


def section(name: str, command: Any) -> str:
    """Return a command's section: how it is called, what it does, its arguments and options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    needed = [f"{option.opts[0]} {option.metavar}" for option in options if option.required]
    call = " ".join(["unroll", name, *(argument.metavar for argument in arguments), *needed])
    parts = [f"## unroll {name}", f"```text\n{call}\n```", prose(command.help)]
    parts += [f"`{argument.metavar}`\n: {_said(argument)}" for argument in arguments]
    parts += [f"`{_names(option)}`\n: {_said(option)}" for option in options]
    return "\n" + "\n\n".join(parts) + "\n"


def prose(text: str) -> str:
    """Return a command's docstring as Markdown: paragraphs, code between single backquotes."""
    return re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(text.replace("\b", "")))


def _names(option: Any) -> str:
    return ", ".join(option.opts) + ("" if option.is_flag else f" {option.metavar}")


def _said(parameter: Any) -> str:
    default = parameter.default
    shown = isinstance(default, str | int | Path) and not isinstance(default, bool)
    return f"{parameter.help} Default: `{default}`." if shown else str(parameter.help)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
