"""A network's parameters as one vector, and the optimizers over it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import unwrap

import torch
from torch import Tensor, nn

from unroll.errors import PlugInError
from unroll.study import TrainSettings
from unroll.training.tensors import Kind, array, kind


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

    def clip(self, norm: float | Tensor, settings: TrainSettings) -> None:
        """Clip the gradient, of the given norm, in place; a norm that is a tensor is not looked at here."""
        bound = settings.clip_norm
        if bound is not None and isinstance(norm, Tensor):
            self.gradient.mul_(torch.where(norm > bound, bound / norm, 1.0))
        elif bound is not None and norm > bound:
            self.gradient.mul_(bound / norm)
        if settings.clip_value is not None:
            self.gradient.clamp_(-settings.clip_value, settings.clip_value)


def _uncompiled(optimizer: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """Return an optimizer's class without its guards for PyTorch's compiler, whose import takes a process two seconds.

    What they guard is the same; without gradients, as they have it.
    """
    methods = {
        "step": torch.no_grad()(unwrap(optimizer.step)),
        "add_param_group": unwrap(optimizer.add_param_group),
    }
    return type(optimizer.__name__, (optimizer,), methods)


_ADAM, _ADAMW, _SGD, _RMSPROP = map(
    _uncompiled, (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop)
)


def optimizer_of(settings: TrainSettings, values: Tensor) -> torch.optim.Optimizer:
    """Return the optimizer that the settings ask for; constants that they do not name are PyTorch's defaults."""
    shared = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "foreach": False}
    if settings.optimizer in ("adam", "adamw"):
        return (_ADAM if settings.optimizer == "adam" else _ADAMW)([values], **shared)
    if settings.optimizer == "sgd":
        return _SGD([values], momentum=settings.momentum, **shared)
    return _RMSPROP([values], alpha=settings.alpha, momentum=settings.momentum, **shared)


def state_kinds(settings: TrainSettings, values: Tensor) -> dict[str, Kind]:
    """Return what an optimizer that has made an update keeps of the parameters."""
    moments = ("exp_avg", "exp_avg_sq")
    vectors = {"adam": moments, "adamw": moments, "sgd": (), "rmsprop": ("square_avg",)}[settings.optimizer]
    if settings.momentum:
        vectors += ("momentum_buffer",)
    counts = () if settings.optimizer == "sgd" else ("step",)
    step = torch.zeros(())
    return {**{name: kind(array(values)) for name in vectors}, **{name: kind(array(step)) for name in counts}}
