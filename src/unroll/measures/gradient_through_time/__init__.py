"""How far back in time the gradient of the last answer reaches, in the trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from unroll.measures.base import About, Found, Measure, Place
from unroll.quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source
    from unroll.models.base import Model
    from unroll.models.network import Network
    from unroll.streams import Generator
    from unroll.study import Trial
    from unroll.tasks import Task

NOTE = (
    "Steps before the last answer, and how many of them its gradient reaches back: as far as it is at least a "
    "hundredth of what it is one step before. Slope of its logarithm per step: above 0 it fades on its way back"
)
REACH = Quantity("gradient_reach", "steps that the gradient reaches back", unit="steps", bounds=(0.0, None))
SLOPE = Quantity("gradient_slope", "slope of the log gradient", unit="nats/step")
GRADIENT = Quantity("log10_gradient", "log10 of the gradient", axes=("step",))
OF_H = Quantity("log10_gradient_h", "log10 of the gradient by h", axes=("step",))


class GradientThroughTime(Measure):
    r"""The gradient of the last scored position's loss with respect to the state after each step before.

    With :math:`L_b` that loss of sequence b of B, A its step, :math:`s_t` the state from which step t + 1 starts:

    .. math:: G(t) = \sqrt{\frac1B \sum_b \Bigl\| \frac{\partial L_b}{\partial s_t} \Bigr\|_2^2},
              \qquad t = 1, \ldots, A - 1

    in float64, with the weights at the end of the training, over ``sequences`` sequences that no split holds. Stored is
    its logarithm to base 10; where no gradient arrives at all, minus infinity. Of a state of two parts (LSTM) also that
    of h alone. ``gradient_reach`` is the largest A - t with G(t) at least a hundredth of G(A - 1); ``gradient_slope``
    that of a line through ln G(t): above 0 the gradient fades on its way back, below 0 it grows.
    """

    name = "gradient_through_time"
    title = "Gradient through time"
    summary = "how far back in time the gradient of the last answer reaches"
    version = "1"
    when = "end"
    sources = ("bengio1994learning", "pascanu2013difficulty")
    needs = "a complete trial of a model with a state"
    place = 450

    sequences: Annotated[int, Field(ge=1, le=10_000)] = 64

    def why_not(self, task: Task, model: Model) -> str:
        """See Measure: without a state there is nothing that a gradient could be taken with respect to."""
        if model.memory == "state":
            return ""
        return f"{model.name} keeps no state from step to step, so no gradient passes through one."

    def quantities(self, task: Task, length: int) -> tuple[Quantity, ...]:
        """See Measure."""
        return REACH, SLOPE, GRADIENT, OF_H

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition: how many of the steps the gradient reaches back."""
        from unroll.measures.gradient_through_time.table import reaches

        return reaches(source.examination(self.name), source.factors)

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure: its own table, a row per condition, where a network has been looked at."""
        from unroll.measures.gradient_through_time.sheet import layout

        frame = source.measure(self.name)
        if frame["n"].any():
            on_a_terminal = where == "terminal"
            yield layout(frame, source.factors, self.name, self.title, NOTE, terminal=on_a_terminal)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """See Measure."""
        from unroll.measures.gradient_through_time.sentences import sentences

        return sentences(about.only(source.measure(self.name)), source.told.words)

    def compute(self, trial: Trial, task: Task, network: Network, generator: Generator) -> Found:
        """See Measure."""
        from unroll.measures.gradient_through_time.compute import compute

        return compute(task, network, task.sequences(generator, self.sequences, trial.length))
