"""Linear prediction: the last values, weighted as least squares says. The oracle of sequences with a linear rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from unroll.models.base import Model

if TYPE_CHECKING:
    from unroll.models.network import Network
    from unroll.tasks import Task


class Linear(Model):
    r"""The best linear function of the last values, found by least squares in float64, without training.

    .. math:: y_t = c_1 x_t + c_2 x_{t-1} + \ldots + c_k x_{t-k+1}

    k is the shortest lag at which this is exact, up to ``window``; where it is nowhere exact, k is ``window``.
    Coefficients become fractions with small denominators where that is exact too, so the network says the rule that it
    found. There is no constant, and before k values are known, as many as there are have weights of their own.
    """

    name = "linear"
    summary = "linear prediction from the last values by least squares, not trained"
    title = "linear"
    in_a_sentence = "the linear rule"
    version = "1"
    memory = "window"
    tags = ("baseline",)
    fitted = True
    sources = ("makhoul1975linear",)

    window: Annotated[int, Field(ge=1, le=512)] = 8

    def check_task(self, task: Task) -> None:
        """See Model: answers at the last or at every step, for the same weights at each."""
        super().check_task(task)
        if task.readout == "some":
            raise ValueError(
                f"linear is fitted to answers at the last or at every step, and {task.name} asks at some. Leave out "
                "this model"
            )

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.linear_network import LinearNetwork

        return LinearNetwork(self.window, inputs, outputs, readout)
