"""What ``unroll show TRIAL`` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from unroll.axes import Float32, Float64
from unroll.cli.output import columns, facts_table, print_json, print_table, say
from unroll.layout import GAP, LISTED
from unroll.store import Examined, Store, TrialRecord
from unroll.wording import duration, level, measured, number, setting, times

BARS = "▁▂▃▄▅▆▇█"
WIDTH, NARROWEST = 48, 12
"""Bars of a curve: as many as fit beside the names."""


def show_trial(key: str, path: Path, json: bool) -> None:
    """Print everything that the store holds about one trial."""
    with Store.open(path) as store:
        trial = store.trial(key)
        histories = {} if trial.damage else store.histories(trial.key)
        examined = Examined() if trial.damage else store.examinations(trial.key)
    if json:
        print_json({**asdict(trial), "histories": histories, "examinations": asdict(examined)})
        for name, fault in examined.faults:
            say(f"damaged: {name or 'examinations'}: {fault}", err=True)
        return
    facts = [*_facts(trial).items(), *_found(examined)]
    arrays = {name: array for record in examined.records for name, array in record.arrays.items()}
    names = [*(name for name, _ in facts), *histories, *arrays]
    bars = max(NARROWEST, min(WIDTH, columns() - max(map(len, names)) - GAP))
    for name, values in histories.items():
        if len(values):
            ends = f"{number(values[0])} → {number(values[-1])} ({measured(len(values), 'value')})"
            facts.append((name, f"{sparkline(values, bars)}{LISTED}{ends}"))
    for name, array in arrays.items():
        if len(array.axes) == 1:
            ends = f"{number(array.values[0])} → {number(array.values[-1])} by {' '.join(array.axes)}"
            facts.append((name, f"{sparkline(array.values, bars)}{LISTED}{ends}"))
        else:
            facts.append((name, " × ".join(f"{len(along):,} {axis}" for axis, along in array.axes.items())))
    print_table(facts_table(f"{trial.model} on {trial.task}, T = {trial.length}, seed {trial.seed}", facts))
    if trial.error:
        say(str(trial.error.get("traceback") or trial.error.get("message")))


def sparkline(values: Float32 | Float64, width: int = WIDTH) -> str:
    """Return a curve as a line of bars, the mean of each stretch, from its smallest to its largest value."""
    import numpy as np

    stretches = [part.mean() for part in np.array_split(values.astype(np.float64), min(width, len(values)))]
    finite = [value for value in stretches if np.isfinite(value)]
    if not finite:
        return "not finite"
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] if np.isfinite(value) else "×" for value in stretches)


def _found(examined: Examined) -> list[tuple[str, str]]:
    """Return what measures found in the network: their numbers, or why there are none."""
    facts = [(measure or "examinations", f"damaged: {fault}") for measure, fault in examined.faults]
    for record in examined.records:
        if record.error is not None:
            facts.append((record.measure, record.without.partition("\n")[0]))
        facts += [(name, number(value, 4)) for name, value in record.metrics.items()]
    return facts


def _facts(trial: TrialRecord) -> dict[str, str]:
    facts = {
        "key": trial.key,
        "state": (trial.damage and f"damaged: {trial.damage}") or f"{trial.state}, begun {times(trial.attempts)}",
        "protocol": trial.protocol,
        "variant": trial.notes,
        "parameters": f"{trial.parameters:,}",
        "baseline": number(trial.baseline, 4),
    }
    facts |= {name: number(value, 4) for name, value in trial.metrics.items()}
    for section, settings in trial.spec["settings"].items():
        facts[f"[{section}]"] = ", ".join(f"{name} = {level(name, value)}" for name, value in settings.items())
    if trial.seconds is not None:
        facts["training"] = f"{duration(trial.seconds)}, ended {trial.finished_at}"
    for part, values in (trial.fingerprint or {}).items():
        facts[part] = ", ".join(f"{name} {setting(value)}" for name, value in values.items())
    if trial.digest:
        facts["digest"] = trial.digest
    return {name: value for name, value in facts.items() if value}
