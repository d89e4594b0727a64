"""The multiplication problem: two values are marked, their product is asked for at the end."""

from __future__ import annotations

from unroll.axes import Float64
from unroll.tasks.base import Criterion
from unroll.tasks.marked import Marked


class Multiplication(Marked):
    r"""The product of the two marked values of a sequence.

    ::

        value     0.4   0.2   0.9   0.1   0.6
        marker    0     1     0     0     1
        target                            0.12     = 0.2 * 0.6

    As the adding problem, and with the same ``markers`` ("anywhere", "halves", "hs97", "pascanu13"; see
    ``unroll.tasks.adding.Adding``), but values are uniform in [0, 1) in each of them, and in ``hs97`` a value that is
    marked on the very first step is 1 (Hochreiter and Schmidhuber 1997, section 5.5; Pascanu et al. 2013).

    Always answering the mean, E[UV] = 1/4, gives the baseline: Var(UV) = 1/9 - 1/16 = 7/144. In ``hs97`` one factor is
    1 by the probability P that a marker stands on the first step (0.119 at T = 100), so

    .. math:: \text{baseline} = \frac P3 + \frac{1 - P}9 - \left(\frac P2 + \frac{1 - P}4\right)^2.

    No amount of memory is told: the loss is no straight line in what is known; one factor alone already gives 1/36.
    """

    name = "multiplication"
    summary = "the product of two marked values of a sequence"
    title = "multiplication"
    in_a_sentence = "the multiplication problem"
    version = "1"
    tags = ("regression", "long-term memory")
    sources = ("hochreiter1997long", "pascanu2013difficulty")
    pitfalls = (
        (
            "The MSE that Hochreiter and Schmidhuber print cannot go with their count of wrong answers: "
            "it is probably a mean absolute error."
        ),
    )
    lowest = 0.0
    neutral = 1.0

    @property
    def solved(self) -> Criterion:
        """Test MSE below 0.003: of the baseline about the same share as 0.01 is in the adding problem."""
        return Criterion("test_mse", 0.003)

    def baseline(self, length: int) -> float:
        """7/144 at every length; for ``hs97`` see the class."""
        if self.markers != "hs97":
            return 7 / 144
        single = self.on_first_step(length)
        return single / 3 + (1 - single) / 9 - (single / 2 + (1 - single) / 4) ** 2

    def answer(self, marked: Float64) -> Float64:
        """See Marked: the product."""
        product: Float64 = marked[:, 0] * marked[:, 1]
        return product
