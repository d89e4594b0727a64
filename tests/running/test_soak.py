"""A long run takes no more of the machine at its end than near its beginning: memory, files, threads, the store's log.

Nor does a process that stays connected to the store and reads all of it after each trial; it sees each trial as soon as
that is acknowledged. A few trials in a test; ``make soak``: a thousand, with the bound on memory. Planted and found: a
reader of the store opened for each trial and never closed; a reader that does not end its transaction. Seen of a
thousand: 0.3 MiB more in the run, 6.8 in the reader, which holds a record of each trial; a log of 4.0 MiB at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from tests.running.test_run import Recorder, tiny
from unroll.running import execute
from unroll.store import Store

TRIALS = int(os.environ.get("TRIALS", "12"))
LONG = 500
"""From so many trials on memory is compared: before, what Python and torch set up once is more than what grows."""


# One connection for the whole run; for each line it is told, it reads all trials and says what it sees and takes.
READER = """
import json, sys
import psutil
from unroll.store import State, Store
process = psutil.Process()
with Store.open(sys.argv[1]) as store:
    for _ in sys.stdin:
        complete = sum(trial.state is State.complete for trial in store.trials())
        print(json.dumps([complete, process.memory_info().rss, process.num_fds(), process.num_threads()]), flush=True)
"""


class Weighing(Recorder):
    """Looks at the process, and at one that reads, after each trial."""

    def __init__(self, store: Path):
        super().__init__()
        self.store, self.process = store, psutil.Process()
        self.seen: list[tuple[int, int, int, int]] = []
        self.read: list[list[int]] = []
        self.reader: subprocess.Popen[str] | None = None

    def completed(self, slot, trial, metrics, seconds):
        if self.reader is None:
            command = [sys.executable, "-c", READER, str(self.store)]
            self.reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader.stdin.write("\n")
        self.reader.stdin.flush()
        self.read.append(json.loads(self.reader.stdout.readline()))
        log = self.store.with_name(self.store.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        usage = self.process.memory_info().rss, self.process.num_fds(), threading.active_count(), size
        self.seen.append(usage)


def test_a_long_run_takes_no_more_at_its_end(store: Path):
    study = tiny("length=4", "model=gru", f"seed={list(range(TRIALS))}", "train.epochs=1", "task.train=16")
    weighing = Weighing(store)
    try:
        summary = execute(study, store, executor="inline", observer=weighing)
    finally:
        if weighing.reader is not None:
            weighing.reader.communicate(timeout=60)
    assert (summary.complete, summary.failed) == (TRIALS, 0)
    assert [complete for complete, *_ in weighing.read] == list(range(1, TRIALS + 1))
    memory, files, threads, logs = zip(*weighing.seen[TRIALS // 4 :], strict=True)
    _, of_reader, files_of_reader, threads_of_reader = zip(*weighing.read[TRIALS // 4 :], strict=True)
    for constant in (files, threads, files_of_reader, threads_of_reader):
        assert max(constant) == min(constant)
    assert max(logs) <= 64 << 20
    grown = {"run": memory[-1] - memory[0], "reader": of_reader[-1] - of_reader[0]}
    told = {name: f"{bytes_ / 2**20:.1f} MiB more" for name, bytes_ in grown.items()}
    print(f"{TRIALS} trials: {told}, log at most {max(logs) / 2**20:.1f} MiB")
    if TRIALS >= LONG:
        assert max(grown.values()) <= 20 << 20, told
    with Store.open(store) as opened:
        assert opened.verify().verified == TRIALS
