"""The order of the trials, and when all of them will have ended."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from statistics import median
from types import MappingProxyType
from typing import Any, TypeAlias

from unroll.running.calibration import Calibration, shape
from unroll.running.cohorts import fewest, most
from unroll.running.messages import Report
from unroll.study import Trial

Kind: TypeAlias = tuple[Any, ...]

SHARES = 4
"""Of what waits, a worker takes at most one of so many shares a worker at once."""
SIMULATED = 100
"""How many of the waiting trials, at each end of the queue, are put on workers one by one; what is between them fills
the workers evenly."""


class Schedule:
    """Trials by expected cost, longest first, so that no long one is left for the end; and the time that remains.

    The expected costs come from a calibration. Trials that are running or have ended correct those that wait: by the
    ratio of seen to expected time of the same task, model and length, else by the median of all such ratios. Before any
    is known, more workers than ``cores`` are expected to share them. ``begun`` says, by the keys of trials that go on
    from shorter trainings, which share of their updates is made already: what is left of them is what they cost.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        calibration: Calibration,
        workers: int,
        cores: int | None = None,
        begun: Mapping[str, float] = MappingProxyType({}),
    ):
        self._begun = begun
        self._cost = {trial.key: calibration.cost(trial) for trial in trials}
        self._left = {key: cost * (1 - begun.get(key, 0.0)) for key, cost in self._cost.items()}
        self._fewest: dict[str, int | None] = {}  # by the condition
        first: dict[str, int] = {}  # those that may be trained together stand side by side
        places = []
        for place, trial in enumerate(trials):
            condition = trial.condition
            if condition not in self._fewest:
                self._fewest[condition] = fewest(trial)
            places.append(place if self._fewest[condition] is None else first.setdefault(condition, place))
        costs = [-self._left[trial.key] for trial in trials]
        self._waiting = deque(trials[at] for at in sorted(range(len(trials)), key=lambda at: (costs[at], places[at])))
        self._running: dict[str, tuple[Trial, float]] = {}  # key: (trial, share done)
        self._waiting_cost, self._running_cost = sum(self._left.values()), 0.0  # the latter as they were begun
        self._waiting_costs = defaultdict[Kind, Counter[float]](Counter)  # how many wait of each expected cost
        self._ended_cost = defaultdict[Kind, float](float)
        for trial in trials:
            self._waiting_costs[_kind(trial)][self._left[trial.key]] += 1
        self._ratios: dict[Kind, float] = {}
        self._measured = calibration.measured(trials)
        self._apart: set[str] = set()
        self._cores = cores
        self.staff(workers)

    def __len__(self) -> int:
        """How many trials wait."""
        return len(self._waiting)

    def staff(self, workers: int) -> None:
        """Take note of how many workers there are now."""
        self._workers = max(1, workers)
        self._crowding = max(1.0, self._workers / (self._cores or self._workers))

    def next(self) -> Trial:
        """Take the trial that comes next."""
        trial = self._waiting.popleft()
        left = self._left[trial.key]
        self._waiting_cost -= left
        self._waiting_costs[_kind(trial)] -= Counter([left])
        self._running_cost += left
        self._running[trial.key] = (trial, self._begun.get(trial.key, 0.0))
        return trial

    def batch(self, seconds: float, most: int) -> list[Trial]:
        """Take the trials that come next for one worker: as many as are expected to take ``seconds``, one at least.

        So few that all workers end at about the same time; one where nothing is known of how long they take. None of
        the next condition whose trials may be trained together.
        """
        ratio = self._ratio()
        room = min(seconds, self._waiting_cost * ratio(()) / (SHARES * self._workers))
        if self._unknown:
            room = 0.0
        taken: list[Trial] = []
        while self._waiting and len(taken) < most:
            trial = self._waiting[0]
            room -= self._left[trial.key] * ratio(_kind(trial))
            if taken and (room < 0 or (trial.condition != taken[-1].condition and self._in_cohorts(trial))):
                break
            taken.append(self.next())
        return taken

    def cohort(self) -> list[Trial]:
        """Take trials that come next, for one worker, to be trained together; none where that does not pay.

        As many as come to each worker of all that waits or runs; see ``running.cohorts``. None that was told ``part``.
        """
        if not self._waiting or self._unknown:
            return []
        first = self._waiting[0]
        least = self._fewest[first.condition]
        if least is None:
            return []
        ratio = self._ratio()
        cost = self._left[first.key] * ratio(_kind(first))
        share = (self._waiting_cost + self._running_cost) * ratio(()) / (self._workers * cost)
        alike = takewhile(
            lambda trial: trial.condition == first.condition and self._in_cohorts(trial),
            islice(self._waiting, min(most(first), math.ceil(share))),
        )
        count = sum(1 for _ in alike)
        return [self.next() for _ in range(count)] if count >= least else []

    def _in_cohorts(self, trial: Trial) -> bool:
        return self._fewest[trial.condition] is not None and trial.key not in self._apart

    def part(self, trials: Iterable[Trial]) -> None:
        """Let these be trained one by one from now on: one of them may have ended its worker, and so the others."""
        self._apart |= {trial.key for trial in trials}

    def again(self, trial: Trial) -> None:
        """Put a running trial back to the front."""
        del self._running[trial.key]
        self._waiting.appendleft(trial)
        self._waiting_cost += self._left[trial.key]
        self._running_cost -= self._left[trial.key]
        self._waiting_costs[_kind(trial)][self._left[trial.key]] += 1

    def report(self, trial: Trial, report: Report) -> None:
        """Take note of how far a running trial is."""
        self._running[trial.key] = (trial, report.share)
        fresh = report.done - report.resumed_at
        if fresh and fresh >= report.total / 50:
            self._ratios[_kind(trial)] = report.seconds / (self._cost[trial.key] * fresh / report.total)

    def end(self, trial: Trial) -> None:
        """Take note that a running trial has ended, however."""
        del self._running[trial.key]
        self._running_cost -= self._left[trial.key]
        self._ended_cost[_kind(trial)] += self._left[trial.key]

    def share_done(self) -> float:
        """Return the share of this run's work that is done, 0 to 1, each trial weighted by its expected seconds."""
        ratio = self._ratio()
        done = sum(cost * ratio(kind) for kind, cost in self._ended_cost.items())
        left = sum(ratio(kind) * _total(costs) for kind, costs in self._waiting_costs.items())
        for trial, share in self._running.values():
            whole, begun = self._cost[trial.key] * ratio(_kind(trial)), self._begun.get(trial.key, 0.0)
            done, left = done + whole * (share - begun), left + whole * (1 - share)
        return done / (done + left) if done + left else 1.0

    def seconds_left(self) -> float | None:
        """Return the expected seconds until the last trial has ended, each waiting one put on the first free worker.

        Never less than the longest trial that waits, nor than all work shared evenly. None while nothing is known:
        nothing could be measured, and no trial has reported yet.
        """
        if self._unknown:
            return None
        ratio = self._ratio()
        expected = {kind: ratio(kind) for kind in self._waiting_costs}

        def seconds(trial: Trial) -> float:
            return self._left[trial.key] * expected[_kind(trial)]

        loads = [self._cost[key] * ratio(_kind(trial)) * (1 - share) for key, (trial, share) in self._running.items()]
        loads = _placed([0.0] * self._workers, sorted(loads, reverse=True))  # more than workers where some have several
        first = [seconds(trial) for trial in islice(self._waiting, SIMULATED)]
        rest = min(SIMULATED, len(self._waiting) - len(first))
        last = [seconds(trial) for trial in islice(reversed(self._waiting), rest)][::-1]
        total = sum(expected[kind] * _total(costs) for kind, costs in self._waiting_costs.items())
        longest = max((expected[kind] * max(costs) for kind, costs in self._waiting_costs.items() if costs), default=0)
        loads = _filled(_placed(loads, first), max(0.0, total - sum(first) - sum(last)))
        return max(longest, *_placed(loads, last))

    @property
    def _unknown(self) -> bool:
        """Whether nothing is known of how long trials take."""
        return not self._measured and not self._ratios

    def _ratio(self) -> Callable[[Kind], float]:
        """Return the function that gives the ratio of seen to expected time for a kind of trial."""
        usual = median(self._ratios.values()) if self._ratios else self._crowding
        return lambda kind: self._ratios.get(kind, usual)


def _kind(trial: Trial) -> Kind:
    return (*shape(trial), trial.length)


def _total(costs: Counter[float]) -> float:
    return sum(cost * count for cost, count in costs.items())


def _placed(loads: list[float], trials: list[float]) -> list[float]:
    """Return the workers' loads after each trial, in turn, went to the one that is free first."""
    loads = [*loads]
    heapq.heapify(loads)
    for seconds in trials:
        heapq.heapreplace(loads, loads[0] + seconds)
    return loads


def _filled(loads: list[float], work: float) -> list[float]:
    """Return the workers' loads after work that can be cut at will went to those that are free first."""
    loads = sorted(loads)
    filled = 0.0
    for count, following in enumerate([*loads[1:], math.inf], 1):
        filled += loads[count - 1]
        level = (filled + work) / count
        if level <= following:
            break
    return [level] * count + loads[count:]
