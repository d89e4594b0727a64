"""``unroll copy``: a shipped study to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.output import say
from unroll.commands import Asked


def copy(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A shipped study; see: unroll studies.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as mine.toml.")],
) -> None:
    """Copy a shipped study to a file of your own. An existing file is never overwritten."""
    from unroll.study import study_text
    from unroll.whole import write_whole

    write_whole(file, study_text(study).encode(), new=True)
    say(f"Wrote {file}. Edit it, then: {Asked(str(file)).command('run')}", err=True)
