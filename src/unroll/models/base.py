"""The contract of a model. To add one: inherit from Model in a file of its own, and name it in ``unroll.registry``."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from unroll.study.plug_in import PlugIn

if TYPE_CHECKING:
    from unroll.models.network import Network
    from unroll.tasks import Task

Memory: TypeAlias = Literal["state", "window", "none"]


class Model(PlugIn):
    """What learns: its settings and its facts. ``build`` makes the network, a plain ``torch.nn.Module``.

    Its fields are the settings that ``[model]`` may hold; see PlugIn. ``cell`` names the recurrence that
    ``unroll.kernels`` may compute, None where there is none.
    """

    noun = "model"
    memory: ClassVar[Memory] = "state"
    """What its outputs rest on beside the newest input: a state that every step changes, a window of the last inputs,
    or nothing."""
    cell: ClassVar[str | None] = None
    fitted: ClassVar[bool] = False
    """Whether the network is fitted in closed form, by ``Network.fit``, and never trained by updates."""

    @classmethod
    def told(cls) -> dict[str, Any]:
        """See PlugIn; and what its memory is."""
        return {**super().told(), "memory": str(cls.memory)}

    @property
    def reach(self) -> int:
        """How many values its outputs rest on, known without training: a window; 1 where a state holds what came."""
        return 1

    def kept(self, inputs: int, outputs: int, readout: Literal["last", "every"], backend: str) -> int:
        """Return how many numbers, float32, it keeps of each step of a sequence until the gradient has gone back.

        ``backend`` is "native" or "reference". 0 where nobody has counted: what a run needs is then estimated without.
        """
        return 0

    @abstractmethod
    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """Return the network for sequences with ``inputs`` inputs and ``outputs`` outputs a step.

        Called on PyTorch's meta device: memory is given afterwards, and ``Network.initialise`` fills it.
        """

    def check_task(self, task: Task) -> None:
        """Raise ValueError, with the reason and the next step, for a task that this model cannot do; most do all.

        A model that is fitted finds numbers: classes are nothing that least squares could find.
        """
        if self.fitted and task.objective != "mse":
            raise ValueError(
                f"{self.name} is fitted to numbers, and {task.name} asks for classes. Leave out this model"
            )
