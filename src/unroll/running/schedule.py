"""The order of the trials, and when all of them will have ended."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeAlias

from unroll.running.calibration import Calibration, shape
from unroll.running.work import Report
from unroll.study import Trial

Kind: TypeAlias = tuple[Any, ...]

SIMULATED = 100
"""How many of the waiting trials are put on workers one by one; longer queues fill all workers evenly."""


class Schedule:
    """Trials by expected cost, longest first, so that no long one is left for the end; and the time that remains.

    The expected costs come from a calibration. Trials that are running or have ended correct those that wait: by the
    ratio of seen to expected time of the same task, model and length, else by the median of all such ratios.
    """

    def __init__(self, trials: Sequence[Trial], calibration: Calibration, workers: int):
        self._cost = {trial.key: calibration.cost(trial) for trial in trials}
        self._waiting = deque(sorted(trials, key=lambda trial: -self._cost[trial.key]))
        self._running: dict[str, tuple[Trial, float]] = {}  # key: (trial, share done)
        self._waiting_cost, self._ended_cost = (
            defaultdict[Kind, float](float),
            defaultdict[Kind, float](float),
        )
        for trial in trials:
            self._waiting_cost[_kind(trial)] += self._cost[trial.key]
        self._ratios: dict[Kind, float] = {}
        self._workers = max(1, workers)

    def __len__(self) -> int:
        """How many trials wait."""
        return len(self._waiting)

    def next(self) -> Trial:
        """Take the trial that comes next."""
        trial = self._waiting.popleft()
        self._waiting_cost[_kind(trial)] -= self._cost[trial.key]
        self._running[trial.key] = (trial, 0.0)
        return trial

    def again(self, trial: Trial) -> None:
        """Put a running trial back to the front."""
        del self._running[trial.key]
        self._waiting.appendleft(trial)
        self._waiting_cost[_kind(trial)] += self._cost[trial.key]

    def report(self, trial: Trial, report: Report) -> None:
        """Take note of how far a running trial is."""
        self._running[trial.key] = (trial, report.share)
        fresh = report.done - report.resumed_at
        if fresh and fresh >= report.total / 50:
            self._ratios[_kind(trial)] = report.seconds / (self._cost[trial.key] * fresh / report.total)

    def end(self, trial: Trial) -> None:
        """Take note that a running trial has ended, however."""
        del self._running[trial.key]
        self._ended_cost[_kind(trial)] += self._cost[trial.key]

    def share_done(self) -> float:
        """Return the share of all work that is done, 0 to 1, each trial weighted by its expected seconds."""
        ratio = self._ratio()
        done = sum(cost * ratio(kind) for kind, cost in self._ended_cost.items())
        left = sum(cost * ratio(kind) for kind, cost in self._waiting_cost.items())
        for trial, share in self._running.values():
            expected = self._cost[trial.key] * ratio(_kind(trial))
            done, left = done + expected * share, left + expected * (1 - share)
        return done / (done + left) if done + left else 1.0

    def seconds_left(self) -> float:
        """Return the expected seconds until the last trial has ended, each waiting one put on the first free worker."""
        ratio = self._ratio()
        loads = [self._cost[key] * ratio(_kind(trial)) * (1 - share) for key, (trial, share) in self._running.items()]
        loads += [0.0] * (self._workers - len(loads))
        last = [trial for trial, _ in zip(reversed(self._waiting), range(SIMULATED), strict=False)][::-1]
        expected = [self._cost[trial.key] * ratio(_kind(trial)) for trial in last]
        early = sum(cost * ratio(kind) for kind, cost in self._waiting_cost.items()) - sum(expected)
        loads = [load + max(0.0, early) / len(loads) for load in loads]
        heapq.heapify(loads)
        for seconds in expected:
            heapq.heappush(loads, heapq.heappop(loads) + seconds)
        return max(loads)

    def _ratio(self) -> Callable[[Kind], float]:
        """Return the function that gives the ratio of seen to expected time for a kind of trial."""
        usual = median(self._ratios.values()) if self._ratios else 1.0
        return lambda kind: self._ratios.get(kind, usual)


def _kind(trial: Trial) -> Kind:
    return (*shape(trial), trial.length)
