"""From a store to the stored tables: what a study came to, when, on which processor, with which versions."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from published import pictures
from published.pictures import Facts
from published.tables import FIGURE, Row, digest_of, write

if TYPE_CHECKING:
    import pandas as pd

    from unroll.reading import Results
    from unroll.store import TrialRecord

TIMES = ("seconds", "seconds_per_epoch", "started_at", "finished_at", "attempts")
"""Columns that a machine's load changes; they stand in ``times.csv`` alone."""
HORIZONS = (1, 2, 4, 8, 16, 32)
"""Steps ahead that are kept of the errors at every horizon."""
WIDTH = "200"


def tables(results: Results) -> dict[str, list[Row]]:
    """Return a study's tables by name; those that it has no data for are left out."""
    from unroll.exporters.names import named

    frozen = results.frozen()
    trials = frozen.trials().drop(columns=["condition"])
    complete = trials[trials["state"] == "complete"]
    found = {
        "trials": complete.drop(columns=["state", "notes"], errors="ignore"),
        "conditions": frozen.table(),
        "findings": _findings(frozen),
        "comparisons": frozen.comparisons(),
        "memory": frozen.memory(),
        "span": frozen.span(),
        "parameters": frozen.parameters(),
    }
    horizons = frozen.horizons()
    found |= {
        "generation": frozen.generation().drop(columns=["key", "condition"], errors="ignore"),
        "horizons": horizons[horizons["horizon"].isin(HORIZONS)] if len(horizons) else horizons,
        "traps": frozen.traps(),
        "window_lag": frozen.window_lag(),
    }
    rows = {name: records(frame.drop(columns=list(TIMES), errors="ignore")) for name, frame in found.items()}
    rows["conditions"] = list(map(named, rows["conditions"]))
    return {name: table for name, table in rows.items() if table}


def times(results: Results, known: Mapping[str, Any]) -> list[Row]:
    """Return the seconds per epoch, one row per condition; they mean something only where nothing else was running.

    Each row says when and where, since tables that are published later without times leave these as they are.
    """
    table = results.table()[["task", "model", "length", *results.factors, "n", "seconds_per_epoch"]]
    return [{**row, "date": known["date"], "processor": known["processor"]} for row in records(table)]


def facts(results: Results, trained: Iterable[TrialRecord]) -> dict[str, Any]:
    """Return when a study was trained, on what, with which versions, each as one text."""
    records = [record for record in trained if record.finished_at is not None and record.state == "complete"]
    days = sorted(str(record.finished_at)[:10] for record in records)
    around = [dict((record.fingerprint or {}).get("circumstances", {})) for record in records]
    # what no bit depends on is a circumstance
    numerics = [
        {**circumstances, **(record.fingerprint or {}).get("numerics", {})}
        for record, circumstances in zip(records, around, strict=True)
    ]
    return {
        "study": results.study.name,
        "trials": len(results.planned),
        "complete": len(records),
        "date": " to ".join(dict.fromkeys([days[0], days[-1]])) if days else None,
        "processor": _each(n.get("cpu") for n in numerics),
        "instructions": _each(n.get("kernel instructions") or n.get("instructions") for n in numerics),
        "backend": _each(n.get("backend") for n in numerics),
        **{name: _each(n.get(name) for n in numerics) for name in ("unroll", "torch", "numpy")},
        "python": _each(a.get("python") for a in around),
        "system": _each(a.get("system") for a in around),
        "commit": _each(str((a.get("git") or {}).get("commit", ""))[:12] for a in around),
    }


def show(results: Results) -> str:
    """Return the table that ``unroll show`` prints, without the seconds per epoch."""
    from unroll.cli.output import conditions_table, printed

    return printed(conditions_table(results).without("s/epoch"))


def output(command: str, store: Path) -> str:
    """Return what an ``unroll`` command prints on this store; what it says of its progress is left out."""
    words = [*shlex.split(command)[1:], "--store", str(store)]
    run = [sys.executable, "-c", "from unroll.cli.main import main; main()", *words]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": WIDTH})
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def store_tables(
    folder: Path, found: Mapping[str, list[Row]], known: dict[str, Any], drawn: Mapping[str, Facts] = {}
) -> None:
    """Write tables, those of figures, and facts into a source's folder.

    Files that are there and not among them go; only times stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.csv"), *folder.glob(FIGURE.format("*"))):
        if path.name != "times.csv":
            path.unlink()
    for name, rows in found.items():
        write(folder / f"{name}.csv", rows)
    for name, stored in drawn.items():
        pictures.write(folder / FIGURE.format(name), stored)
    store_facts(folder, known)


def store_facts(folder: Path, known: dict[str, Any]) -> None:
    """Write the facts of a source, with the digests of its tables."""
    tables = sorted([*folder.glob("*.csv"), *folder.glob(FIGURE.format("*"))])
    known = {**known, "files": {path.name: digest_of(path) for path in tables}}
    (folder / "facts.json").write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def records(frame: pd.DataFrame) -> list[Row]:
    """Return a frame's rows as plain values."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def _findings(results: Results) -> pd.DataFrame:
    """Return the findings, but for how an epoch's time grows: that is a time."""
    import pandas as pd

    return pd.DataFrame([dataclasses.asdict(finding) for finding in pictures.untimed(results).findings()])


def _each(values: Iterable[Any]) -> str | None:
    """Return the different values that there are, in order of appearance, as one text."""
    return ", ".join(str(value) for value in dict.fromkeys(values) if value) or None
