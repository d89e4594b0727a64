"""Everything that ``make bench`` measures: kernels, updates, cohorts, epochs, layers, scaling; tables, figure, JSON.

Run: python -m benchmarks [--rounds 5] [--parts bare updates cohorts epochs layers scaling] [--peers PYTHON]
     [--out benchmarks/results]

Run nothing beside it. With the parts that are measured anew, the JSON file's other parts stay. A Python that has other
libraries (``peers.py``) lets them take part in the epochs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import bare, cohorts, epochs, kept, layers, scaling, updates
from benchmarks.machine import machine

PARTS = {
    "bare": bare.measure,
    "updates": updates.measure,
    "cohorts": cohorts.measure,
    "epochs": epochs.measure,
    "layers": layers.measure,
    "scaling": scaling.measure,
}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", default="", metavar="PYTHON")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "bench.json"
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for part in options.parts:
        asked = (options.rounds, options.peers) if part == "epochs" else (options.rounds,)
        report[part] = {"machine": machine(), "rounds": options.rounds, "found": PARTS[part](*asked)}
        path.write_text(json.dumps(report, indent=2) + "\n")
    if "scaling" in report:
        scaling.draw(report["scaling"]["found"], kept.PICTURE)
    (options.out / "bench.md").write_text(tables(report))
    kept.keep(report)
    print(f"\nStored in {path}, {options.out / 'bench.md'} and {kept.FOLDER}. Into the texts: make published")


def tables(report: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    text = ""
    if "bare" in report:
        text += "## Bare forward and backward: ms (share of the FMA peak)\n\n"
        text += _table(report["bare"]["found"], 1e3, "share", "{:.0%}")
    if "updates" in report:
        text += "\n## Whole updates: ms (share of the FMA peak)\n\n"
        text += _table(report["updates"]["found"]["share"], 1e3, "share", "{:.0%}")
        text += "\n## Updates on symbols: times adding's, and beyond the operations of the readout\n\n"
        text += _symbols(report["updates"]["found"]["symbols"])
        if report["updates"]["found"]["half"]:
            text += "\n## Updates with products in bfloat16: ms (times as fast as with float32)\n\n"
            text += _table(report["updates"]["found"]["half"], 1e3, "against float32", "{:.2f}x")
        text += "\n## Small updates: microseconds\n\n"
        text += _small(report["updates"]["found"]["small"])
    if "cohorts" in report:
        text += "\n## Seeds as lanes of one call: microseconds of an update of one (times as fast as alone)\n\n"
        text += cohorts.table(report["cohorts"]["found"])
    if "epochs" in report:
        text += "\n## Whole epochs: s (times as fast as the tuned loop)\n\n"
        text += _table([row for row in report["epochs"]["found"] if row["B"] > 1], 1, "against tuned", "{:.2f}x")
        text += "\n## On-line, 8 units: s of 157 updates (times as fast as the tuned loop)\n\n"
        text += _table([row for row in report["epochs"]["found"] if row["B"] == 1], 1, "against tuned", "{:.2f}x")
    if "layers" in report:
        text += "\n## Layers: times as fast as torch's, forward / training\n\n"
        text += layers.table(report["layers"]["found"]["speed"])
    if "scaling" in report:
        text += "\n## Trials an hour at T = 500, two epochs each\n\n"
        text += "| cell | one worker | two | ratio |\n|---|---|---|---|\n"
        for cell, rates in report["scaling"]["found"]["workers"].items():
            one, two = (float(rate) for rate in rates.values())
            text += f"| {cell} | {one:.0f} | {two:.0f} | {two / one:.2f}x |\n"
    return text


def _symbols(rows: list[dict[str, Any]]) -> str:
    text = "| cell | scored | times | beyond |\n|---|---|---|---|\n"
    for row in rows:
        for name, ratio in row["ratio"].items():
            text += f"| {row['cell']} | {name.split()[0]} | {ratio:.2f}x | {row['beyond'][name]:.2f}x |\n"
    return text


def _small(rows: list[dict[str, Any]]) -> str:
    text = "| cell | H | B | T | kernels | training |\n|---|---|---|---|---|---|\n"
    for row in rows:
        alone, training = (f"{row['median'][name] * 1e6:.1f}" for name in ("kernels", "training"))
        text += f"| {row['cell']} | {row['H']} | {row['B']} | {row['T']} | {alone} | {training} |\n"
    return text


def _table(rows: list[dict[str, Any]], factor: float, beside: str, form: str) -> str:
    names = list(rows[0]["median"])
    lines = ["| cell | T | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for row in rows:
        cells = [
            f"{row['median'][name] * factor:.3g}"
            + (f" ({form.format(row[beside][name])})" if name in row[beside] else "")
            for name in names
        ]
        lines.append(f"| {row['cell']} | {row['T']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
