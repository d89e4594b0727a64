"""What ``unroll show TRIAL`` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from unroll.axes import Float32
from unroll.cli.output import print_json, print_table, table_of
from unroll.store import Store, TrialRecord
from unroll.wording import number

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60


def show_trial(key: str, path: Path, json: bool) -> None:
    """Print everything that the store holds about one trial."""
    with Store.open(path) as store:
        trial = store.trial(key)
        histories = store.histories(trial.key)
    if json:
        curves = {name: [float(value) for value in values] for name, values in histories.items()}
        print_json({**_plain(asdict(trial)), "histories": _plain(curves)})
        return
    table = table_of(("", ""), title=f"{trial.model} on {trial.task}, T = {trial.length}, seed {trial.seed}")
    table.show_header = False
    for name, value in _facts(trial).items():
        table.add_row(name, value)
    for name, values in histories.items():
        if len(values):
            table.add_row(
                name,
                f"{sparkline(values)}  {number(values[0])} → {number(values[-1])} ({len(values)} values)",
            )
    print_table(table)
    if trial.error:
        typer.echo(trial.error.get("traceback") or trial.error.get("message"))


def sparkline(values: Float32) -> str:
    """Return a curve as a line of bars, the mean of each stretch, from its smallest to its largest value."""
    import numpy as np

    stretches = [part.mean() for part in np.array_split(values.astype(np.float64), min(WIDTH, len(values)))]
    finite = [value for value in stretches if np.isfinite(value)]
    if not finite:
        return "not finite"
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] if np.isfinite(value) else "×" for value in stretches)


def _facts(trial: TrialRecord) -> dict[str, str]:
    facts = {
        "key": trial.key,
        "state": f"{trial.state}, begun {trial.attempts} time(s)",
        "protocol": trial.protocol,
        "variant": trial.notes,
        "parameters": f"{trial.parameters:,}",
        "baseline": number(trial.baseline, 4),
    }
    facts |= {name: number(value, 4) for name, value in trial.metrics.items()}
    for section, settings in trial.spec["settings"].items():
        facts[f"[{section}]"] = ", ".join(f"{name} = {value}" for name, value in settings.items())
    if trial.seconds is not None:
        facts["training"] = f"{trial.seconds:.1f} s, ended {trial.finished_at}"
    for part, values in (trial.fingerprint or {}).items():
        facts[part] = ", ".join(f"{name} {value}" for name, value in values.items())
    if trial.digest:
        facts["digest"] = trial.digest
    return {name: value for name, value in facts.items() if value}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not (value == value and abs(value) != float("inf")):
        return None
    return value
