"""What ``unroll run --dry-run`` prints."""

from __future__ import annotations

from dataclasses import asdict

from unroll.cli.output import print_json, print_table, table_of
from unroll.running.foresight import Foresight
from unroll.running.progress import duration


def print_foresight(name: str, foresight: Foresight, json: bool) -> None:
    """Print what a run would take."""
    if json:
        print_json({"study": name, **asdict(foresight)})
        return
    low, high = foresight.parameters
    table = table_of(("", ""), title=f"{name}: nothing is trained")
    table.show_header = False
    table.add_row("trials", f"{foresight.trials:,} ({foresight.complete:,} complete, {foresight.failed:,} failed)")
    table.add_row("parameters", f"{low:,}" if low == high else f"{low:,} to {high:,}")
    table.add_row("time", f"about {duration(foresight.seconds)} on {foresight.workers} worker(s)")
    table.add_row("memory", f"about {foresight.memory / 1e9:.1f} GB")
    table.add_row("disk", f"about {max(1, round(foresight.disk / 1e6)):,} MB")
    print_table(table)
