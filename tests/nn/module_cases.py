"""PyTorch's own cases of RNN, LSTM and GRU (its ModuleInfo), run against ``unroll.nn``.

A process of its own, since importing PyTorch's testing modules freezes backend flags and loads a profile of hypothesis.
Checks have the names of PyTorch's own module tests (test/test_modules.py): values and gradients in both types, training
and evaluating, the others once; all on the native kernels, whatever the size. ``python -m tests.nn.module_cases``
prints, as JSON, how many cases each check has seen.
"""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import unroll.nn
from unroll.kernels import ops

LEFT_OUT = {
    "gradgrad": "the native kernels have no second derivative, and say so: test_operators.py",
    "check_inplace": "none of these layers has an argument inplace",
    "memory_format": "it is about inputs of four and five axes",
    "cpu_gpu_parity": "no accelerator; on other devices the layers are torch's own",
    "multiple_device_transfer": "no accelerator",
    "gpu_deterministic": "no accelerator",
    "forward_nondeterministic": "no accelerator",
}

NATIVE: list[str] = []  # cells that the kernels ran


def spied() -> None:
    """Count the calls of the kernels."""
    original = ops.forward

    def spy(cell: str, *args: Any, **named: Any) -> Any:
        NATIVE.append(cell)
        return original(cell, *args, **named)

    ops.forward = spy  # type: ignore[assignment]


def tensors(value: Any) -> list[Tensor]:
    """Return all tensors of a nested result."""
    if isinstance(value, Tensor):
        return [value]
    return [t for part in value if part is not None for t in tensors(part)] if isinstance(value, tuple | list) else []


def pair(case: Any, name: str, training: bool, dtype: torch.dtype) -> tuple[torch.nn.RNNBase, torch.nn.RNNBase]:
    """Return torch's layer and ours of a case, with the same weights."""
    made = [
        getattr(home, name)(*case.constructor_input.args, **case.constructor_input.kwargs).to(dtype).train(training)
        for home in (torch.nn, unroll.nn)
    ]
    made[1].load_state_dict(made[0].state_dict())
    unroll.nn.accelerate(made[1], always=True)
    return made[0], made[1]


def copied(args: Any) -> Any:
    """Return a case's arguments as leaves of their own."""
    if isinstance(args, Tensor):
        return args.detach().clone().requires_grad_()
    return type(args)(copied(arg) for arg in args) if isinstance(args, tuple | list) else args


def run(layer: torch.nn.RNNBase, args: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Return a call's tensors, and the gradients of arguments and parameters."""
    torch.manual_seed(3)  # dropout
    given = copied(args)
    out = tensors(layer(*given))
    weights = [torch.linspace(-1, 1, t.numel(), dtype=t.dtype).view(t.shape) for t in out]
    return out, list(torch.autograd.grad(out, [*tensors(given), *layer.parameters()], weights))


def scattered(args: Any) -> Any:
    """Return a case's arguments with gaps in memory."""
    if isinstance(args, Tensor):
        return torch.stack([args, torch.full_like(args, torch.nan)], dim=-1)[..., 0]
    return type(args)(scattered(arg) for arg in args) if isinstance(args, tuple | list) else args


def forward(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """Values, against torch's layer and the case's own reference."""
    args = case.forward_input.args
    torch.manual_seed(3)
    got = ours(*args, **case.forward_input.kwargs)
    torch.manual_seed(3)
    assert_close(got, theirs(*args, **case.forward_input.kwargs))
    if case.reference_fn is not None:
        torch.manual_seed(3)
        assert_close(got, case.reference_fn(ours, *args, **case.forward_input.kwargs))


def grad(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """Gradients of everything."""
    assert_close(run(ours, case.forward_input.args), run(theirs, case.forward_input.args))


def non_contiguous_tensors(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """Arguments with gaps in memory give the same bits."""
    args = case.forward_input.args
    assert_close(ours(*scattered(args)), ours(*args), rtol=0, atol=0)


def pickle(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """A whole layer through torch.save."""
    file = io.BytesIO()
    torch.save(ours, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert type(again) is type(ours)
    assert_close(again(*case.forward_input.args), ours(*case.forward_input.args), rtol=0, atol=0)


def save_load(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """A state_dict into a fresh layer, and into torch's."""
    fresh = type(ours)(*case.constructor_input.args, **case.constructor_input.kwargs).to(ours.weight_ih_l0.dtype)
    fresh.train(ours.training).load_state_dict(ours.state_dict())
    unroll.nn.accelerate(fresh, always=True)
    assert_close(fresh(*case.forward_input.args), ours(*case.forward_input.args), rtol=0, atol=0)
    theirs.load_state_dict(ours.state_dict())


def representation(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """The text of a layer is torch's."""
    assert repr(ours) == str(ours) == repr(theirs)


def factory_kwargs(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """Dtype and device of the constructor."""
    made = type(ours)(*case.constructor_input.args, **case.constructor_input.kwargs, device="meta", dtype=torch.float64)
    assert {(str(p.device), p.dtype) for p in made.parameters()} == {("meta", torch.float64)}


def device_ctx_init(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """A device as context."""
    with torch.device("meta"):
        made = type(ours)(*case.constructor_input.args, **case.constructor_input.kwargs)
    assert {str(p.device) for p in made.parameters()} == {"meta"}


def to_empty(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """From no memory to memory, then filled."""
    made = copy.deepcopy(ours).to("meta").to_empty(device="cpu")
    made.load_state_dict(ours.state_dict())
    assert_close(made(*case.forward_input.args), ours(*case.forward_input.args), rtol=0, atol=0)


def to(theirs: torch.nn.RNNBase, ours: torch.nn.RNNBase, case: Any) -> None:
    """To another type and back, with the arguments."""
    other = torch.float32 if ours.weight_ih_l0.dtype == torch.float64 else torch.float64

    def moved(args: Any) -> Any:
        return args.to(other) if isinstance(args, Tensor) else type(args)(moved(a) for a in args)

    args = moved(case.forward_input.args)
    assert_close(copy.deepcopy(ours).to(other)(*args), copy.deepcopy(theirs).to(other)(*args))


CHECKS = {
    "forward": forward,
    "grad": grad,
    "non_contiguous_tensors": non_contiguous_tensors,
    "pickle": pickle,
    "save_load": save_load,
    "repr": representation,
    "factory_kwargs": factory_kwargs,
    "device_ctx_init": device_ctx_init,
    "to_empty": to_empty,
    "to": to,
}


def cases() -> Iterator[tuple[str, bool, torch.dtype, Any]]:
    """Yield the layer's name, whether it trains, its type, and a case of PyTorch's."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if info.module_cls in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU):
            for training in (True, False):
                for dtype in (torch.float32, torch.float64):
                    how = {"device": "cpu", "dtype": dtype, "requires_grad": True, "training": training}
                    for case in info.module_inputs_func(info, **how):
                        yield info.module_cls.__name__, training, dtype, case


def errors() -> Iterator[tuple[str, Any]]:
    """Yield PyTorch's cases of calls and constructions that must fail."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if info.module_cls in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU) and info.module_error_inputs_func:
            how = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": True}
            for case in info.module_error_inputs_func(info, **how):
                yield info.module_cls.__name__, case


def refused(name: str, case: Any) -> None:
    """Run a case that must fail, with PyTorch's message."""
    made, called = case.module_error_input.constructor_input, case.module_error_input.forward_input
    with pytest.raises(case.error_type, match=case.error_regex):
        getattr(unroll.nn, name)(*made.args, **made.kwargs)(*called.args, **called.kwargs)


def main() -> None:
    """Run everything."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    spied()
    seen: Counter[str] = Counter()
    for name, training, dtype, case in cases():
        theirs, ours = pair(case, name, training, dtype)
        for check, function in CHECKS.items():
            if check in ("forward", "grad") or (not training and dtype == torch.float32):
                function(theirs, ours, case)
                seen[check] += 1
    for name, case in errors():
        refused(name, case)
        seen["errors"] += 1
    for name in ("RNN", "LSTM", "GRU"):
        layer = getattr(unroll.nn, name)(3, 4, num_layers=2, dropout=0.5)
        unroll.nn.accelerate(layer, always=True)
        x = torch.randn(5, 2, 3)
        assert not torch.equal(layer.train()(x)[0], layer.eval()(x)[0])
        seen["if_train_and_eval_modes_differ"] += 1
    print(json.dumps({"seen": seen, "native": Counter(NATIVE), "left out": LEFT_OUT}))


if __name__ == "__main__":
    main()
