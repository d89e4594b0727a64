"""What ``make bench`` measured becomes tables that texts can quote; what it did not measure stays.

Planted and found: the share of the notebook's time taken from another length, or from learning one sequence at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kept import keep
from published.tables import Source

MACHINE = {
    "cpu": "a processor",
    "cores": 2,
    "instructions": "AVX2",
    "system": "Linux",
    "python": "3.11",
    "torch": "2.13",
    "unroll": "0.1.0",
    "measured": "2026-11-26T10:00:00+00:00",
}


def part(found: object) -> dict[str, object]:
    return {"machine": MACHINE, "rounds": 5, "found": found}


def epochs(cell: str, T: int, notebook: float, native: float, B: int = 64) -> dict[str, object]:
    return {"cell": cell, "T": T, "H": 64, "B": B, "median": {"notebook": notebook, "native v4": native},
            "against tuned": {"notebook": 1.1, "native v4": 7.56}}  # fmt: skip


def test_tables_of_a_measurement(tmp_path: Path):
    bare = {"cell": "gru", "T": 100, "median": {"notebook": 0.0174, "native v4": 0.00282}, "share": {"native v4": 0.69}}
    measured = [epochs("gru", 100, 2.9, 0.55), epochs("gru", 500, 16.1, 2.52), epochs("gru", 100, 0.4, 0.01, B=1)]
    symbols = {"cell": "lstm", "ratio": {"100 scored": 1.12}, "beyond": {"100 scored": 1.05}}
    small = {"cell": "lstm", "H": 8, "B": 1, "T": 2, "median": {"kernels": 4e-6, "training": 9e-6}}
    half = {"cell": "lstm", "T": 100, "median": {"float32": 0.005, "AMX": 0.0025}, "against float32": {"AMX": 2.0}}
    shares = [{**bare, "share": {"native v4": 0.7}}]
    updates = {"share": shares, "symbols": [symbols], "half": [half], "small": [small]}
    workers = {"workers": {"gru": {"1": 522.4, "2": 828.0}}}
    report = {"bare": [bare], "epochs": measured, "scaling": workers, "updates": updates}
    keep({name: part(found) for name, found in report.items()}, tmp_path / "bench")
    source = Source("bench", tmp_path / "bench")
    assert [row["said"] for row in source.table("bare")] == [17.4, "2.82 (69 %)"]
    assert source.table("bare")[1]["ms"] == pytest.approx(2.82)
    shares = {(row["T"], row["contender"]): row["of_notebook"] for row in source.table("epochs")}
    assert shares[500, "native v4"] == pytest.approx(2.52 / 16.1)
    assert shares[100, "native v4"] == pytest.approx(0.55 / 2.9)
    assert source.table("epochs")[1]["said"] == "0.55 (7.56x)"
    assert source.table("workers") == [{"cell": "GRU", "one": 522, "two": 828, "ratio": 828 / 522.4}]
    assert [(row["contender"], row["seconds"]) for row in source.table("on_line")] == [
        ("notebook", 0.4),
        ("native v4", 0.01),
    ]
    assert source.table("symbols") == [{"cell": "LSTM", "scored": 100, "times": 1.12, "beyond": 1.05}]
    assert [row["said"] for row in source.table("half")] == [5, "2.5 (2.00x)"]
    assert source.table("small") == [{"cell": "LSTM", "H": 8, "B": 1, "T": 2, "kernels": 4.0, "training": 9.0}]
    assert source.table("updates")[1]["said"] == "2.82 (70 %)"
    assert source.facts["date"] == "2026-11-26"
    assert source.facts["processor"] == "a processor"

    keep({"epochs": part(measured[1:2])}, tmp_path / "bench")
    again = Source("bench", tmp_path / "bench")
    assert len(again.table("bare")) == 2, "what is not measured again stays"
    assert len(again.table("epochs")) == 2
    assert again.changed() == []
