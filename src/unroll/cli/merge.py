"""``unroll merge``: put the results of several stores into one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.options import Json, StorePath
from unroll.defaults import STORE


def merge(
    stores: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Stores to read, such as part1.db part2.db.")],
    store: StorePath = Path(STORE),
    json: Json = False,
) -> None:
    """Put the results of several stores into one, as after runs with --shard.

    What is complete in --store stays as it is, the others are only read; merging twice changes nothing.
    """
    from unroll.api import merge as merge_stores
    from unroll.cli.output import print_json

    merged = merge_stores(stores, store)
    if json:
        print_json({str(path): asdict(adopted) for path, adopted in merged.items()})
        return
    for path, adopted in merged.items():
        parts = [
            f"{adopted.complete} complete trials",
            *([f"{adopted.failed} failed ones"] if adopted.failed else []),
            *([f"{adopted.checkpoints} checkpoints"] if adopted.checkpoints else []),
        ]
        typer.echo(f"{path}: took {', '.join(parts)}; {adopted.known} were there already.")
        if adopted.different:
            some = ", ".join(key[:8] for key in adopted.different[:5])
            typer.echo(
                f"  {len(adopted.different)} of these differ from those in {store}, which were kept ({some}): another "
                "processor or another version computed them.",
                err=True,
            )
