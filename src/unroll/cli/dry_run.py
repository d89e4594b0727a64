"""What ``unroll run --dry-run`` prints."""

from __future__ import annotations

from dataclasses import asdict

from unroll.cli.output import facts_table, print_json, print_table, say
from unroll.running.foresight import Foresight
from unroll.running.sizes import shortage
from unroll.wording import about, bytes_, measured

TOLD = 0.01
"""The share of the time that measures may take before it is told."""


def print_foresight(name: str, foresight: Foresight, json: bool) -> None:
    """Print what a run would take."""
    if json:
        print_json({"study": name, **asdict(foresight)})
        return
    low, high = foresight.parameters
    facts = {
        "trials": f"{foresight.trials:,} ({foresight.complete:,} complete, {foresight.failed:,} failed)",
        "parameters": f"{low:,}" if low == high else f"{low:,} to {high:,}",
        "time": f"{about(foresight.seconds)} on {_workers(foresight)}",
        "memory": f"about {bytes_(foresight.memory)}",
        "disk": f"about {bytes_(foresight.disk)}",
    }
    if foresight.examining > TOLD:
        facts["time"] += f"; {foresight.examining:.0%} of it for measures at the end of each training"
    if foresight.kept_state:
        facts["kept state"] = f"about {bytes_(foresight.kept_state)} more"
    if foresight.going_on:
        facts["going on"] = f"{foresight.going_on:,} from a kept state"
    if foresight.elsewhere is not None:
        there = foresight.elsewhere
        where = "on the CPU" if there.device == "cpu" else "on a GPU"
        told = f"{about(there.seconds)} on {measured(there.workers, 'worker')}"
        named = "" if there.device == "cpu" else f", {there.names[0]}"
        facts[where] = f"{told}{named} (--set train.device={there.device})"
    print_table(facts_table(f"{name}: estimate, nothing trained", facts.items()))
    if foresight.here and (text := shortage(foresight.memory, foresight.workers)):
        say(text, err=True)


def _workers(foresight: Foresight) -> str:
    cores = f" that share {measured(foresight.cores, 'core')}" if foresight.workers > foresight.cores else ""
    on = "" if foresight.device == "cpu" else f", {foresight.device}"
    on += "" if foresight.here else ", as far as can be seen from this machine"
    return f"{measured(foresight.workers, 'worker')}{cores}{on}"
