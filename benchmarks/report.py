"""How long a report of 1,000 trials takes, and how large it is: ``python -m benchmarks.report``.

The trials have 7,850 updates and 50 epochs each, as in the study "adding"; they are written, not trained. The time is
that of the whole command, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from tests.stored import stored
from unroll.study import write_study

UPDATES = 7850
MODELS = ("tanh_rnn", "lstm", "gru", "mgu")


def main() -> None:
    """Write the store, make the report, print seconds and megabytes."""
    with TemporaryDirectory() as folder:
        results = stored(
            Path(folder) / "results.db",
            pairs=[("adding", model) for model in MODELS],
            lengths=range(10, 110, 10),
            seeds=range(1, 6),
            rates=[1e-4, 3e-4, 1e-3, 3e-3, 1e-2],
            norms=lambda model, length, seed: np.random.default_rng(length + seed).lognormal(size=UPDATES),
            epochs=50,
        )
        (Path(folder) / "study.toml").write_text(write_study(results.study))
        command = [sys.executable, "-c", "from unroll.cli.main import main; main()", "report", "study.toml"]
        start = perf_counter()
        subprocess.run([*command, "--out", "report.html"], cwd=folder, check=True)
        seconds = perf_counter() - start
        size = (Path(folder) / "report.html").stat().st_size
        print(f"report of {len(results.planned):,} trials: {seconds:.1f} s (asked: 10), {size / 1e6:.2f} MB (asked: 5)")


if __name__ == "__main__":
    main()
