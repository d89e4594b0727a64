"""A small repository whose texts quote two sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from published.export import store_tables
from published.tables import TABLES, Row

ROWS: list[Row] = [
    {"model": "tanh_rnn", "length": 10, "n": 10, "solved": 10, "test_mse_median": 0.0007, "test_mse": [0.0005, 0.0009]},
    {"model": "tanh_rnn", "length": 50, "n": 10, "solved": 3, "test_mse_median": 0.0721, "test_mse": [0.0005, 0.151]},
    {"model": "gru", "length": 10, "n": 10, "solved": 10, "test_mse_median": 4.5e-05, "test_mse": [4e-05, 5e-05]},
    {"model": "gru", "length": 50, "n": 10, "solved": 10, "test_mse_median": 0.00035, "test_mse": [7e-05, 0.00087]},
]
FACTS = {"study": "memory", "date": "2026-11-26", "processor": "a processor", "trials": 40, "complete": 40,
         "show": "  model   n\n  gru    10", "outputs": {"unroll show memory": "as it says"}}  # fmt: skip

README = """\
# A laboratory

At 50 steps the tanh RNN is solved in <!-- = memory solved of n where model=tanh_rnn length=50 -->?<!-- / --> trials,
with a median of <!-- = memory test_mse_median where model=tanh_rnn length=50 as 2 -->?<!-- / -->.
And <!-- ? memory all solved=n where model=gru -->the GRU solves it every time<!-- / -->.

<!-- = memory table model; length called T; solved of n called solved -->
<!-- / -->

The baseline is <!-- given: the variance of a sum -->0.167<!-- / -->.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README)
    findings = [{"kind": "found", "sentence": "The GRU solves it."}, {"kind": "not_shown", "sentence": "How long?"}]
    store_tables(tmp_path / TABLES / "memory", {"conditions": ROWS, "findings": findings}, FACTS)
    return tmp_path
