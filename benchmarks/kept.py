"""What ``make bench`` keeps for the texts: its tables among the published ones, and the picture of scaling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from published.export import store_tables
from published.tables import TABLES, Row, Source, digest_of

LABELS = {"tanh_rnn": "tanh RNN", "lstm": "LSTM", "gru": "GRU"}
FOLDER = Path(__file__).parents[1] / TABLES / "bench"
PICTURE = Path(__file__).parent / "scaling.svg"
ALT = "Share of the FMA peak against steps, hidden units, batch and lanes, and trials an hour against workers"

FACTS = {
    "processor": "cpu",
    "instructions": "instructions",
    "cores": "cores",
    "system": "system",
    "python": "python",
    "torch": "torch",
    "unroll": "unroll",
}
"""Facts of a source, and what ``machine()`` calls them."""


def keep(report: dict[str, Any], folder: Path = FOLDER) -> None:
    """Store the tables of a report; those of parts that were not measured stay as they are."""
    source = Source("bench", folder)
    known = dict(source.facts) if (folder / "facts.json").exists() else {}
    names = [path.stem for path in folder.glob("*.csv")]
    found = {name: source.table(name) for name in names}
    if "bare" in report:
        found["bare"] = _rows(report["bare"]["found"], "ms", 1e3, "share", "{:.0%}")
    if "updates" in report:
        found["updates"] = _rows(report["updates"]["found"]["share"], "ms", 1e3, "share", "{:.0%}")
        found["symbols"] = [row for one in report["updates"]["found"]["symbols"] for row in _symbols(one)]
        if report["updates"]["found"]["half"]:
            found["half"] = _rows(report["updates"]["found"]["half"], "ms", 1e3, "against float32", "{:.2f}x")
        found["small"] = [_small(row) for row in report["updates"]["found"]["small"]]
    if "epochs" in report:
        measured = report["epochs"]["found"]
        batches, single = [row for row in measured if row["B"] > 1], [row for row in measured if row["B"] == 1]
        found["epochs"] = _rows(batches, "seconds", 1, "against tuned", "{:.2f}x")
        if single:
            found["on_line"] = _rows(single, "seconds", 1, "against tuned", "{:.2f}x")
        for row in found["epochs"]:
            mine = (row["cell"], row["T"], "notebook")
            notebook = next(
                other for other in found["epochs"] if (other["cell"], other["T"], other["contender"]) == mine
            )
            row["of_notebook"] = row["seconds"] / notebook["seconds"]
    if "scaling" in report:
        found["workers"] = [_workers(cell, rates) for cell, rates in report["scaling"]["found"]["workers"].items()]
    for part in report.values():
        machine = part["machine"]
        known |= {name: str(machine[key]) for name, key in FACTS.items()} | {"rounds": part["rounds"]}
        known["date"] = str(machine["measured"])[:10]
    known.pop("note", None)
    known["pictures"] = {"scaling": {"alt": ALT, "file": digest_of(PICTURE)}}
    store_tables(folder, found, known)


def _rows(measured: list[dict[str, Any]], name: str, factor: float, beside: str, form: str) -> list[Row]:
    """Return one row per cell, length and contender: the time, the figure beside it, and both as a table shows them."""
    rows: list[Row] = []
    for row in measured:
        for contender, seconds in row["median"].items():
            other = row[beside].get(contender)
            said = f"{seconds * factor:.3g}" + (f" ({form.format(other)})" if other is not None else "")
            rows.append(
                {
                    "cell": LABELS[row["cell"]],
                    "T": row["T"],
                    "contender": contender,
                    name: seconds * factor,
                    beside.replace(" ", "_"): other,
                    "said": said.replace("%", " %"),
                }
            )
    return rows


def _symbols(measured: dict[str, Any]) -> list[Row]:
    return [
        {"cell": LABELS[measured["cell"]], "scored": int(name.split()[0]), "times": times, "beyond": beyond}
        for (name, times), beyond in zip(measured["ratio"].items(), measured["beyond"].values(), strict=True)
    ]


def _small(measured: dict[str, Any]) -> Row:
    sizes = {axis: measured[axis] for axis in "HBT"}
    times = {name: measured["median"][name] * 1e6 for name in ("kernels", "training")}
    return {"cell": LABELS[measured["cell"]], **sizes, **times}


def _workers(cell: str, rates: dict[Any, float]) -> Row:
    one, two = rates.values()
    return {"cell": LABELS[cell], "one": round(one), "two": round(two), "ratio": two / one}
