"""A network's parameters as one vector, and the optimizers over it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unroll.errors import PlugInError
from unroll.study import TrainSettings


class ParameterVector:
    """All trained parameters of a network in one vector, and their gradients in another.

    The network's own parameters become views of it. The optimizer then updates one tensor in place of many, and the
    norm of the gradient is one call: for networks this small, the number of calls is what an update costs.

    Raises PlugInError for parameters of several types or devices and, where they are ``needed``, for none at all.
    """

    def __init__(self, network: nn.Module, needed: bool = True):
        parameters = [p for p in network.parameters() if p.requires_grad]
        kinds = {(p.dtype, p.device) for p in parameters}
        if len(kinds) > 1 or (needed and not kinds):
            found = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds)) or "none"
            raise PlugInError(f"The trained parameters of a model must be of one type on one device; found: {found}.")
        self.values = torch.cat([p.detach().reshape(-1) for p in parameters]) if parameters else torch.empty(0)
        self.gradient = torch.zeros_like(self.values)
        self.values.grad = self.gradient
        start = 0
        for p in parameters:
            end = start + p.numel()
            p.data = self.values[start:end].view_as(p)
            p.grad = self.gradient[start:end].view_as(p)
            start = end

    def clip(self, norm: float, settings: TrainSettings) -> None:
        """Clip the gradient, of the given norm, in place."""
        if settings.clip_norm is not None and norm > settings.clip_norm:
            self.gradient.mul_(settings.clip_norm / norm)
        if settings.clip_value is not None:
            self.gradient.clamp_(-settings.clip_value, settings.clip_value)


def optimizer_of(settings: TrainSettings, values: Tensor) -> torch.optim.Optimizer:
    """Return the optimizer that the settings ask for; constants that they do not name are PyTorch's defaults."""
    if settings.optimizer == "adam":
        return torch.optim.Adam([values], lr=settings.learning_rate, foreach=False)
    if settings.optimizer == "sgd":
        return torch.optim.SGD([values], lr=settings.learning_rate, momentum=settings.momentum, foreach=False)
    return torch.optim.RMSprop([values], lr=settings.learning_rate, momentum=settings.momentum, foreach=False)
