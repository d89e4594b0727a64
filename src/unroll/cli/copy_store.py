"""``unroll copy-store``: a safe copy of the results, also during a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import StorePath
from unroll.cli.output import say
from unroll.commands import program
from unroll.defaults import STORE


def copy_store(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write, such as backup.db.")],
    store: StorePath = Path(STORE),
) -> None:
    """Copy the results as they are now to another file, even while a run writes to them.

    The copy is a store of its own. An existing file is never overwritten.
    """
    from unroll.store import Store

    with Store.open(store) as opened:
        opened.copy(file)
    look = shlex.join([program(), "doctor", "--store", str(file)])
    say(f"Wrote {file}. See what is in it: {look}", err=True)
