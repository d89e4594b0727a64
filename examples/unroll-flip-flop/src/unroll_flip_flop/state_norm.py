"""How large the state of a trained network is after each step."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from unroll.measures import DoesNotApplyError, Found, Measure, NamedArray, Quantity

if TYPE_CHECKING:
    from unroll.models import Model
    from unroll.models.network import Network
    from unroll.streams import Generator
    from unroll.study import Trial
    from unroll.tasks import Task


class StateNorm(Measure):
    """The norm of the state after each step of new sequences, their mean, with the weights at the end."""

    name = "state_norm"
    summary = "how large the state of a trained network is after each step"
    when = "end"
    needs = "a complete trial of a model with a state"
    section = "Memory"
    place = 460

    sequences: Annotated[int, Field(ge=1, le=10_000)] = 64

    def why_not(self, task: "Task", model: "Model") -> str:
        """Say why it cannot be measured of such trials; "" where it can."""
        return "" if model.memory == "state" else f"{model.name} keeps no state."

    def quantities(self, task: "Task", length: int) -> tuple[Quantity, ...]:
        """Return what the numbers are called, and along what they run."""
        norm = Quantity("state_norm", "norm of the state", axes=("step",), bounds=(0.0, None))
        return norm, Quantity("growth", "the last norm divided by the first", scale="log")

    def compute(self, trial: "Trial", task: "Task", network: "Network", generator: "Generator") -> Found:
        """Return the norms; torch is imported here, since whoever reads results does not need it."""
        import torch

        from unroll.training.examples import Examples

        if trial.length == 1:
            raise DoesNotApplyError("After one step there is no growth.")
        split = task.sequences(generator, self.sequences, trial.length)
        x = Examples.of(split, task.inputs if task.tokens else 0).inputs().double()  # (B, T, I), ids as one-hot
        state, norms = None, []
        with torch.no_grad():
            for x_t in x.unbind(dim=1):
                _, state = network.step(x_t, state)
                norms.append(network.flat(state).norm(dim=1).mean())
        values = torch.stack(norms).numpy()
        steps = range(1, len(values) + 1)
        return Found({"growth": values[-1] / values[0]}, {"state_norm": NamedArray({"step": steps}, values)})
