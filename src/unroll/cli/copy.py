"""``unroll copy``: a shipped study to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.errors import UnrollError


def copy(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A shipped study; see: unroll studies.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as mine.toml.")],
) -> None:
    """Copy a shipped study to a file of your own. A file that exists is left alone."""
    from unroll.study import study_text

    text = study_text(study)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UnrollError(f"{file} exists and is left as it is. Choose another name, or remove it first.") from None
    except OSError as error:
        raise UnrollError(f"{file} cannot be written: {error.strerror}.") from None
    typer.echo(f"Wrote {file}. Edit it, then: unroll run {file}", err=True)
