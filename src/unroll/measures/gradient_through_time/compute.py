"""The gradient of the last loss with respect to every state before it: one chain of steps, forward and back."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from unroll import registry
from unroll.axes import Float64, Int64
from unroll.measures.base import DoesNotApplyError, Found
from unroll.models.network import Network
from unroll.store import NamedArray
from unroll.tasks import Split, Task
from unroll.training.examples import Examples
from unroll.training.splits import checked

AT_ONCE = 4_000_000
"""Numbers of state, over sequences and steps, that one chain may hold: some 20 times as many are kept beside them."""
HUNDREDTH = 2.0
"""A gradient counts as arriving while it is at least 10 to this power below the nearest one."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps outputs (b, O), and which sequences they are of, (b,), to the loss of each, (b,)."""


def compute(task: Task, network: Network, split: Split) -> Found:
    """Return what ``GradientThroughTime`` says; ``network`` in float64 and evaluation mode."""
    objective = registry.objectives.load(task.objective)()
    drawn = checked(task, objective, split, "sequences to look at it with")
    examples = Examples.of(drawn, task.inputs if task.tokens else 0)
    ends, targets = last_scored(examples)

    def loss(outputs: Tensor, rows: Tensor) -> Tensor:
        each: Tensor = objective.each(outputs.unsqueeze(1), targets[rows].unsqueeze(1))
        return each

    parts = gradients(network, examples.inputs().double(), ends, loss)
    steps = range(1, len(next(iter(parts.values()))) + 1)
    arrays = {
        f"log10_gradient{f'_{part}' if part else ''}": NamedArray({"step": steps}, values)
        for part, values in parts.items()
    }
    return Found(summary(parts[""]), arrays)


def last_scored(examples: Examples) -> tuple[Tensor, Tensor]:
    """Return the step, from 0, of the last scored position of each sequence, (N,), and its target, (N,) or (N, O)."""
    y, steps, rows = examples.y, examples.x.shape[1], torch.arange(len(examples))
    if y.is_floating_point():
        return torch.full((len(y),), steps - 1), y if y.ndim == 2 else y[:, -1]
    places = torch.arange(y.shape[1]).expand_as(y)
    last = torch.where(y >= 0, places, -1).amax(dim=1)
    if examples.at is not None:
        return examples.at[rows, last].long(), y[rows, last]
    return (last if y.shape[1] == steps else torch.full_like(last, steps - 1)), y[rows, last]


def gradients(network: Network, x: Tensor, ends: Tensor, loss: Loss) -> dict[str, Float64]:
    """Return log10 of G(t), (A - 1,), of the whole state under "" and of the part "h" where a state has parts.

    ``x`` (B, T, I); ``ends`` (B,), the step, from 0, of each sequence's loss. Where these differ, steps are counted so
    that all sequences have their loss at the last, A; the mean at a step is over those that reach back to it.

    Raises DoesNotApplyError where no state comes before the loss, ValueError where a gradient is no number.
    """
    longest = int(ends.max())
    if longest < 1:
        raise DoesNotApplyError("The answer comes after one step: no state leads to it, and no gradient back.")
    found: dict[str, list[Float64]] = {}
    rows, size = torch.arange(len(x)), _size(network, x)
    for some in torch.split(rows, max(1, AT_ONCE // ((longest + 1) * size))):
        for part, norms in _chain(network, x[some], ends[some], some, loss).items():
            found.setdefault(part, []).append(_aligned(norms, ends[some].numpy(), longest))
    return {part: _log10_root_mean(np.concatenate(norms)) for part, norms in found.items()}


def _size(network: Network, x: Tensor) -> int:
    """Return the numbers of state of one sequence."""
    with torch.no_grad():
        return network.flat(network.step(x[:1, 0])[1]).shape[1]


def _chain(network: Network, x: Tensor, ends: Tensor, rows: Tensor, loss: Loss) -> dict[str, Float64]:
    """Return log10 of the norm of each sequence's gradient after each step before the longest's loss, (B, A - 1)."""
    state, flats, outputs = None, [], {}
    parts: dict[str, slice] = {}
    wanted = set(ends.tolist())
    for t in range(max(wanted) + 1):
        y, state = network.step(x[:, t], state)
        if t in wanted:
            outputs[t] = y
        if t < max(wanted):
            flat = network.flat(state)
            flats.append(flat if flat.requires_grad else flat.requires_grad_())  # no weight led to it
            parts = network.parts(state)
            state = network.unflat(flat, state)
    last = torch.stack([outputs[t][row] for row, t in enumerate(ends.tolist())])
    total = loss(last, rows).sum()  # sequences do not mix: each state has the gradient of its own loss
    found = torch.autograd.grad(total, flats, allow_unused=True)
    felt = torch.stack([torch.zeros_like(s) if g is None else g for g, s in zip(found, flats, strict=True)], dim=1)
    return {
        name: _log10_norm(felt[:, :, part]) for name, part in {"": slice(None), **parts}.items() if name in ("", "h")
    }


def _log10_norm(felt: Tensor) -> Float64:
    """Return log10 of 2-norms over the last axis, (B, T), without squares that are too small or too large."""
    largest = felt.abs().amax(dim=2)
    scale = torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
    norm = (felt / scale.unsqueeze(2)).square().sum(dim=2).sqrt()
    logs: Float64 = (scale.log10() + norm.log10()).numpy()
    if np.isnan(logs).any():
        raise ValueError("its gradient is not a number")
    return logs


def _aligned(norms: Float64, ends: Int64, longest: int) -> Float64:
    """Return rows of norms, (B, some steps), moved so that each ends at the loss, (B, longest); NaN before it."""
    moved = np.full((len(norms), longest), np.nan)
    for row, norm, end in zip(moved, norms, ends, strict=True):
        row[longest - end :] = norm[:end]
    return moved


def _log10_root_mean(logs: Float64) -> Float64:
    """Return log10 of the root mean square by step, from log10 of norms (B, T), NaN where a sequence has none."""
    largest = np.nanmax(logs, axis=0)
    scale = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        mean: Float64 = scale + 0.5 * np.log10(np.nanmean(10.0 ** (2 * (logs - scale)), axis=0))
    return mean


def summary(logs: Float64) -> dict[str, float]:
    """Return ``gradient_reach`` and, of two steps or more with a gradient, ``gradient_slope``, of log10 G(1), ...."""
    arrives = np.flatnonzero(logs >= logs[-1] - HUNDREDTH) if np.isfinite(logs[-1]) else np.array([], np.int64)
    found = {"gradient_reach": float(len(logs) - arrives[0]) if len(arrives) else 0.0}
    finite = np.flatnonzero(np.isfinite(logs))
    if len(finite) > 1:
        slope = np.polyfit(finite.astype(np.float64), logs[finite] * math.log(10.0), 1)[0]
        found["gradient_slope"] = float(slope)
    return found
