"""Swap the recurrent layers inside any model for those of ``unroll.nn``, in place, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch.nn.utils.parametrize import is_parametrized

from unroll.nn.gru import GRU
from unroll.nn.layer import Native, why_not, why_slower
from unroll.nn.lstm import LSTM
from unroll.nn.rnn import RNN

SWAPS: dict[type[torch.nn.Module], type[torch.nn.RNNBase]] = {
    torch.nn.RNN: RNN,
    torch.nn.LSTM: LSTM,
    torch.nn.GRU: GRU,
}
BACK: dict[type[torch.nn.Module], type[torch.nn.Module]] = {ours: torchs for torchs, ours in SWAPS.items()}
RECURRENT = {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}


class Swap(NamedTuple):
    """One recurrent layer of a model: its name ("" for the model itself), its class, and what was done or why not."""

    name: str
    layer: str
    swapped: bool
    reason: str


def accelerate(model: torch.nn.Module, *, always: bool = False) -> tuple[Swap, ...]:
    """Swap every torch.nn.RNN, LSTM and GRU in ``model`` for the same layer on the native kernels.

    In place: modules, parameters, buffers and hooks stay the objects that they were, so optimizers and references to
    layers stay valid. What comes back names every recurrent layer, also those left unchanged (subclasses, which
    may compute something else; parametrized and quantised layers; cells), with the reason. ``decelerate`` undoes it.

    ``always`` keeps every call on the native kernels: also those of few steps, for which the layers use torch's own
    implementation since it is faster there. Trials do, which run on the backend that they record.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.LSTM(2, 8, batch_first=True))
    >>> [swap.name for swap in accelerate(model)]
    ['0']
    """
    swaps = []
    for name, module in _modules(model, "accelerate"):
        layer = type(module).__name__
        if isinstance(module, Native):
            swaps.append(Swap(name, layer, False, "runs on the native kernels already"))
        elif type(module) in SWAPS and isinstance(module, torch.nn.RNNBase):
            reason = why_not(module) or ("" if always else why_slower(module))
            if not reason:
                # The new class only overrides forward: changing it keeps everything else, and works for the root too.
                module.__class__ = SWAPS[type(module)]
            swaps.append(Swap(name, layer, not reason, reason or "runs on the native kernels now"))
        elif reason := _why_left_alone(module):
            swaps.append(Swap(name, layer, False, reason))
        if always and isinstance(module, Native):
            module.always_native = True
    return tuple(swaps)


def decelerate(model: torch.nn.Module) -> tuple[Swap, ...]:
    """Swap every layer of ``unroll.nn`` in ``model`` for torch.nn's own, in place: the way back from ``accelerate``.

    For what knows torch's layers by their class: ``torch.jit.script``, quantization, symbolic tracing, a model file for
    a place without unroll.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.LSTM(2, 8, batch_first=True))
    >>> _ = accelerate(model)
    >>> [swap.name for swap in decelerate(model)], type(model[0]) is torch.nn.LSTM
    (['0'], True)
    """
    swaps = []
    for name, module in _modules(model, "decelerate"):
        if not isinstance(module, Native):
            continue
        layer = type(module).__name__
        back = BACK.get(type(module))
        if back is not None:
            module.__class__ = back  # type: ignore[assignment]
            module.__dict__.pop("always_native", None)
        reason = "runs on PyTorch's own kernels now" if back is not None else _why_left_alone(module)
        swaps.append(Swap(name, layer, back is not None, reason))
    return tuple(swaps)


def _modules(model: torch.nn.Module, what: str) -> Iterator[tuple[str, torch.nn.Module]]:
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"{what} needs a torch.nn.Module, {type(model).__name__} came.")
    yield from model.named_modules()


def _why_left_alone(module: torch.nn.Module) -> str:
    """Return why a recurrent layer that is not plainly torch's or unroll's is left as it is; "" for other modules."""
    kind = type(module)
    if isinstance(module, torch.jit.ScriptModule):
        return "it is compiled by TorchScript" if getattr(module, "original_name", "") in RECURRENT else ""
    if isinstance(module, torch.nn.RNNBase):
        if is_parametrized(module):
            return "its parameters are parametrized; take that off, swap, and parametrize the layer again"
        whose = "unroll" if isinstance(module, Native) else "torch"
        base = next(
            c.__name__ for c in kind.__mro__ if c in (BACK if whose == "unroll" else SWAPS) or c is torch.nn.RNNBase
        )
        return f"it is a subclass of {whose}.nn.{base}, which may compute something else"
    if isinstance(module, torch.nn.RNNCellBase):
        return "it is one step a call; the native kernels gain over whole sequences"
    if kind.__name__ in RECURRENT and kind.__module__.startswith("torch.ao.nn.quant"):
        return "it is quantised"
    return ""
