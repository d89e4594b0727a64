"""The contract of a model. To add one: inherit from Model in a file of its own, and name it in ``unroll.registry``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from unroll.models.network import Network
    from unroll.tasks import Task


class Model(BaseModel, ABC):
    """What learns: its settings and its facts. ``build`` makes the network, a plain ``torch.nn.Module``.

    A model is a frozen pydantic model: types, bounds and defaults of its settings are declared on its fields and are
    checked before anything is trained, without torch. ``cell`` names the recurrence that ``unroll.kernels`` may
    compute, None where there is none. ``version`` changes whenever the same settings and streams would give another
    network.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )

    name: ClassVar[str]
    summary: ClassVar[str]
    version: ClassVar[str | None] = None
    sources: ClassVar[tuple[str, ...]] = ()
    """BibTeX entries."""
    tags: ClassVar[tuple[str, ...]] = ()
    cell: ClassVar[str | None] = None
    fitted: ClassVar[bool] = False
    """Whether the network is found in one go, by ``Network.fit``, and never trained by updates."""

    @abstractmethod
    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """Return the network for sequences with ``inputs`` inputs and ``outputs`` outputs a step.

        Called on PyTorch's meta device: memory is given afterwards, and ``Network.initialise`` fills it.
        """

    def check_task(self, task: Task) -> None:
        """Raise ValueError, with the reason and the next step, for a task that this model cannot do; most do all."""
