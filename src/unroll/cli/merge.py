"""``unroll merge``: put the results of several stores into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli.options import Json, StorePath
from unroll.cli.output import say
from unroll.defaults import STORE
from unroll.wording import counted, listed, measured

if TYPE_CHECKING:
    from unroll.store import Adopted, Alarm


def merge(
    stores: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Stores to read, such as part1.db part2.db.")],
    store: StorePath = Path(STORE),
    json: Json = False,
) -> None:
    """Merge the results of several stores into one, as after runs with --shard.

    What is complete in --store stays as it is, the others are only read; merging twice changes nothing. Exit code: 1
    if a trial is complete in both with different results, if one belongs to another version of a plug-in than the study
    here, or if something is damaged, there or here. Other results under the same numerics raise an alarm: one of the
    two is wrong, or a task or model that does not come with unroll gives other numbers there.
    """
    from unroll.api import merge as merge_stores
    from unroll.cli.output import print_json

    merged = merge_stores(stores, store)
    if json:
        print_json({str(path): asdict(adopted) for path, adopted in merged.items()})
    else:
        for path, adopted in merged.items():
            _print(path, adopted, store)
    if not all(adopted.whole for adopted in merged.values()):
        raise typer.Exit(1)


SHOWN = 5
"""How many alarms are told in full, and how many trials, studies or networks are named."""


def _sound(alarm: Alarm, path: Path, store: Path) -> None:
    """Tell an alarm: the trial, both digests, and under what each was computed."""
    others = f", or the {listed(alarm.foreign, 'or')} gives other numbers there" if alarm.foreign else ""
    say(f"  ALARM: {alarm.trial} has other bits under the same numerics. One of the two is wrong{others}:", err=True)
    for place, digest, found in zip((store, path), alarm.digests, alarm.fingerprints, strict=True):
        told = "; ".join(f"{name} {what}" for part in found.values() for name, what in part.items() if what is not None)
        say(f"    {place}: digest {digest} ({told})", err=True)


def _some(keys: Sequence[str]) -> str:
    """Name the first trials."""
    return ", ".join(key[:8] for key in keys[:SHOWN])


def _print(path: Path, adopted: Adopted, store: Path) -> None:
    parts = [
        f"{adopted.complete} complete trials",
        *([f"{adopted.failed} failed ones"] if adopted.failed else []),
        *([f"{adopted.checkpoints} checkpoints"] if adopted.checkpoints else []),
    ]
    say(f"{path}: took {', '.join(parts)}; {adopted.known} were there already.")
    if adopted.complete + adopted.known and not adopted.fitting and not adopted.apart:
        say(f"  No study in {store} asks for any of them. They are kept there: plan or merge their study.", err=True)
    for apart in adopted.apart:
        versions = ", ".join(apart.versions) or "other versions of plug-ins"
        say(
            f"  {len(apart.keys)} complete trials of {apart.study} belong to {versions}. They are kept in {store}, but "
            f"the study does not show them as it is planned there: run or plan it with that version.",
            err=True,
        )
    alarmed = {alarm.key for alarm in adopted.alarms}
    explained = [key for key in adopted.different if key not in alarmed]
    if explained:
        why = (
            f"they were computed under another {listed(adopted.numerics)}"
            if adopted.numerics
            else "nothing says under which versions and on which processor they were computed"
        )
        say(
            f"  {len(explained)} of these differ from those in {store}, which were kept ({_some(explained)}): {why}.",
            err=True,
        )
    for alarm in adopted.alarms[:SHOWN]:
        _sound(alarm, path, store)
    if adopted.alarms:
        more = len(adopted.alarms) - SHOWN
        if more > 0:
            say(f"  And {more} more: --json tells all.", err=True)
        say(
            "  Nothing of these was taken. Find out which is wrong: on each of the two machines, with its own store, "
            "unroll doctor --verify --sample 20 --store PATH. Then forget what the one that fails has computed (unroll "
            "forget) and run it on the other.",
            err=True,
        )
        foreign = dict.fromkeys(name for alarm in adopted.alarms for name in alarm.foreign)
        if foreign:
            say(
                f"  Where neither fails, neither is wrong: the {listed(list(foreign))} does not come with unroll, so "
                "that numerics say nothing of what it computes with; NumPy's exp and sin differ between processors. "
                'See "The same on every processor" of the page on plug-ins.',
                err=True,
            )
    if adopted.found_otherwise:
        measures = listed(list(dict.fromkeys(measure for measure, _ in adopted.found_otherwise)))
        keys = list(dict.fromkeys(key for _, key in adopted.found_otherwise))
        say(
            f"  What {measures} found in {measured(len(keys), 'trained network')} there differs from what is in "
            f"{store}, which was kept ({_some(keys)}).",
            err=True,
        )
    if adopted.damaged_studies:
        say(
            f"  Damaged there and not taken: the study {listed(adopted.damaged_studies[:SHOWN])}. Its sound trials "
            f"were: plan or run it again with --store {store}.",
            err=True,
        )
    if adopted.damaged:
        say(
            f"  {len(adopted.damaged)} trials there are damaged and were not taken ({_some(adopted.damaged)}). See "
            f"what of them: unroll doctor --verify --store {path}",
            err=True,
        )
    if adopted.damaged_here:
        say(
            f"  {counted(len(adopted.damaged_here), 'complete trial')} of it cannot take the place of what is damaged "
            f"in {store} ({_some(adopted.damaged_here)}). Forget that, then merge again: unroll forget --damaged "
            f"--store {store}",
            err=True,
        )
