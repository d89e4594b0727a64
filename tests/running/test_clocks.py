"""The clock of the day may jump, back and forth and into another year: results and times do not depend on it.

Planted and found: a trial's seconds taken from the clock of the day; the timeline put in the order of its times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running.conftest import bits
from tests.running.test_run import tiny
from unroll.running import execute
from unroll.store import Store

RUN = """
import sys, time
from tests.running.test_run import tiny
from unroll.running import execute
days = [time.time() for _ in range(4)]
assert max(days) - min(days) > 1e8, days  # the library is there
summary = execute(tiny("length=[4, 5]", "model=gru"), sys.argv[1], executor="inline")
assert (summary.complete, summary.failed) == (2, 0), summary
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler")
def test_a_clock_that_jumps_changes_nothing(store: Path, tmp_path: Path):
    library = tmp_path / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", RUN, store], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    straight = tmp_path / "straight.db"
    execute(tiny("length=[4, 5]", "model=gru"), straight, executor="inline")
    assert bits(store) == bits(straight)
    with Store.open(store) as opened:
        for trial in opened.trials():
            assert 0 <= trial.seconds < 60
            assert 0 <= trial.metrics["seconds_per_epoch"] < 60
            assert (opened.histories(trial.key)["seconds"] >= 0).all()
        kinds = [event["kind"] for event in opened.events()]
        assert kinds == ["planned", "started", "finished", "started", "finished"]
        times = [event["at"] for event in opened.events()]
        assert times != sorted(times)  # the order is that of the events, not of their times
        assert opened.verify().faults == ()
