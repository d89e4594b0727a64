"""The family of tests of a study: how much of the error each test may use, and its p corrected for all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unroll.analysis.statistics import many_sign_flips_p, smallest_p
from unroll.axes import Float64

FIRST = 0.8
"""The share of a pair's error that its first group may use, where its seeds are enough for the second to use the rest.
"""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """Tests that are made together, of one pair of models: columns of differences, (seeds, H).

    A pair has at most two groups: what it is compared by ``first``, and the rest. ``n``: the most pairs of seeds that
    any of the tests has.
    """

    pair: Pair
    first: bool
    differences: Float64
    n: int


class Family:
    r"""All tests of a study.

    Within a group p is corrected by ``sign_flips_p``. Of m pairs that have a test left, each may use :math:`a / m` of
    the error a, as in Holm's procedure: when all of a pair's tests are rejected, the others share its part. A pair
    whose seeds are too few to reach a at all has no part: the smallest p is known before anything is seen (Tarone, "A
    modified Bonferroni method for discrete data", Biometrics 46, 1990). Within a pair the first group has 0.8 of its
    part and the second 0.2, or all of it where the other is rejected or has no tests; where the second could not use so
    little, the first has all, and the second is tested only when the first is rejected as a whole. No part becomes
    smaller by a rejection, so that the chance of any false one is at most a (Goeman and Solari, "The sequential
    rejection principle of familywise error control", Annals of Statistics 38, 2010).
    """

    def __init__(self, groups: Sequence[Group], error: float):
        self.groups, self.error = groups, error
        self.pairs = len({group.pair for group in groups if self._counts(group)})
        both = {group.pair for group in groups if group.first} & {group.pair for group in groups if not group.first}
        least = error * (1 - FIRST) / max(self.pairs, 1)
        self.split = {group.pair: smallest_p(group.n) <= least for group in groups if group.pair in both}

    def least(self, group: Group, n: int) -> float:
        """Return the smallest corrected p that a test with n pairs of seeds can have, if it is the first rejected."""
        pairs = Counter(one.pair for one in self.groups)
        part = self._part(group, pairs) or self._part(group, Counter([group.pair]))
        return min(1.0, smallest_p(n) * max(self.pairs, 1) / part)

    def p(self) -> list[tuple[list[float], list[float]]]:
        """Return for each group the p of each of its tests: alone, and corrected for all tests of all groups."""
        each = many_sign_flips_p([group.differences for group in self.groups])
        order = [sorted(range(len(within)), key=lambda test, p=within: p[test]) for _, within in each]  # type: ignore[misc]
        found = [[1.0] * len(within) for _, within in each]
        reached = 0.0
        while True:
            open_ = [place for place, left in enumerate(order) if left and self._counts(self.groups[place])]
            left = [self.groups[place] for place in open_]
            pairs = Counter(group.pair for group in left)
            offers = [
                (each[place][1][order[place][0]] * len(pairs) / part, place)
                for place in open_
                if (part := self._part(self.groups[place], pairs))
            ]
            if not offers:
                return [([float(p) for p in alone], within) for (alone, _), within in zip(each, found, strict=True)]
            p, place = min(offers)
            reached = max(reached, min(1.0, p))
            found[place][order[place].pop(0)] = reached

    def _counts(self, group: Group) -> bool:
        """Whether its seeds are enough that it could be rejected if it were alone."""
        return smallest_p(group.n) <= self.error

    def _part(self, group: Group, left: Mapping[Pair, int]) -> float:
        """Return which share of its pair's error a group may use; ``left``: of each pair the groups with tests left."""
        if left[group.pair] < 2:
            return 1.0
        if not self.split[group.pair]:
            return float(group.first)
        return FIRST if group.first else 1 - FIRST
