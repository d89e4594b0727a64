"""The adding problem: two values are marked, their sum is asked for at the end."""

from __future__ import annotations

from unroll.axes import Float64
from unroll.tasks.base import Criterion, Memory, Tolerance
from unroll.tasks.marked import Marked


class Adding(Marked):
    r"""The sum of the two marked values of a sequence.

    ::

        value     0.42  0.17  0.93  0.08  0.66
        marker    0     1     0     0     1
        target                            0.83     = 0.17 + 0.66

    x: (N, T, 2), a value and a marker; y: (N, 1), or (N, 1, 1) where lengths differ. ``markers`` says where the markers
    stand, because the field has several variants:

    ``anywhere``
        on two different steps (Bai et al. 2018, and the source notebook); values uniform in [0, 1)
    ``halves``
        one in each half of the sequence (Arjovsky et al. 2016); with an odd T the second half is the longer one, and
        its last step can be marked
    ``hs97``
        as in the first paper (Hochreiter and Schmidhuber 1997, section 5.4): values uniform in [-1, 1); T to T + T/10
        steps; the first marker on one of the first ten steps, the second on one of the first T/2 - 1 that is free;
        the first and the last step are marked by -1; a value that is marked on the very first step is 0; the target is
        1/2 + (X + Y)/4
    ``pascanu13``
        values uniform in [0, 1); T to 1.1 T - 1 steps; the first marker in the first tenth, the second in the four
        tenths after it; the target is the mean of the two. Here each sequence has a length of its own, in the code of
        Pascanu et al. (2013) all of a batch have the same

    Always answering the mean gives the baseline, the variance of the target: 2/12 = 1/6 for a sum of two uniform
    numbers (the 0.1767 printed in Bai et al. 2018 is not that number), 1/24 for their mean. For ``hs97`` it is 1/24 too
    but for the zeros: with P that a marker stands on the first step,

    .. math:: \text{baseline} = \frac{2 - P}{48}, \qquad P = \frac{1}{10} + \frac{9/10}{T/2 - 2} \text{ for } T \ge 22,

    0.03919 at T = 100. A trial counts as solved at 6 % of the baseline: 0.01, and 0.0025 for targets half as wide.
    """

    name = "adding"
    summary = "the sum of two marked values of a sequence"
    title = "adding"
    in_a_sentence = "the adding problem"
    version = "1"
    tags = ("regression", "long-term memory")
    sources = ("hochreiter1997long", "arjovsky2016unitary", "bai2018empirical", "pascanu2013difficulty")
    pitfalls = (
        "The null of hs97 is not 1/24: the first step, which counts as 0 where it is marked, lowers it.",
        "Pascanu's code counts a squared error above 0.04 as wrong, Hochreiter and Schmidhuber an absolute one.",
        (
            "Bai et al. print 0.1767 as the null of this problem, which is 1/6, and draw the markers from "
            "a generator without a seed."
        ),
        "Code that draws both halves by T/2 never marks the last step of an odd T.",
    )
    lowest = -1.0
    neutral = 0.0

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.01; below 0.0025 where the target is half as wide as a sum of two values in [0, 1)."""
        return Criterion("test_mse", 0.0025 if self.ragged else 0.01)

    def baseline(self, length: int) -> float:
        """1/6 or 1/24 at every length; for ``hs97`` see the class."""
        if self.markers == "hs97":
            return (2 - self.on_first_step(length)) / 48
        return 1 / 24 if self.ragged else 1 / 6

    def tolerance(self, length: int) -> Tolerance | None:
        r"""For ``hs97`` an answer that is off by more than 0.04 is wrong, as in the paper.

        So is that of the mean, 1/2, for all pairs with \|X + Y\| > 0.16: a share of (1 - 0.08)^2, and of 0.84 where one
        of them is 0.
        """
        if self.markers != "hs97":
            return None
        zero = self.on_first_step(length)
        return Tolerance(0.04, zero * 0.84 + (1 - zero) * 0.92**2)

    @property
    def notes(self) -> str:
        """See Marked; and which answers are counted as wrong."""
        return super().notes + (", wrong: off by more than 0.04" if self.markers == "hs97" else "")

    def memory(self, length: int) -> Memory | None:
        """The last k of T steps, see ``unroll.analysis.memory``: of two marked values, each is among them by k/T.

        None where the markers keep to the first half: then the loss is no straight line in k.
        """
        return None if self.ragged else Memory("steps", float(length))

    def answer(self, marked: Float64) -> Float64:
        """See Marked: the sum, scaled as the variant has it."""
        total: Float64 = marked[:, 0] + marked[:, 1]
        if self.markers == "hs97":
            return 0.5 + total / 4
        return total / 2 if self.markers == "pascanu13" else total
