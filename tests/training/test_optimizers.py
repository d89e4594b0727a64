"""The optimizers, fed with the same gradients as PyTorch's own, bit for bit.

Planted and found: AdamW's decay added to the gradient; alpha not passed on; a decay that sgd or rmsprop ignores.
"""

from __future__ import annotations

import pytest
import torch

from unroll.study import TrainSettings
from unroll.training.optimizers import optimizer_of, state_kinds
from unroll.training.tensors import kind

CASES = [
    ({"optimizer": "adam"}, torch.optim.Adam, {}),
    ({"optimizer": "adam", "weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}),
    ({"optimizer": "adamw"}, torch.optim.AdamW, {"weight_decay": 0.0}),
    ({"optimizer": "adamw", "weight_decay": 0.1}, torch.optim.AdamW, {"weight_decay": 0.1}),
    ({"optimizer": "sgd", "weight_decay": 0.1}, torch.optim.SGD, {"weight_decay": 0.1}),
    (
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
    ({"optimizer": "rmsprop", "alpha": 0.9}, torch.optim.RMSprop, {"alpha": 0.9}),
    (
        {"optimizer": "rmsprop", "alpha": 0.5, "momentum": 0.5, "weight_decay": 0.1},
        torch.optim.RMSprop,
        {"alpha": 0.5, "momentum": 0.5, "weight_decay": 0.1},
    ),
]


@pytest.mark.parametrize("kind_of_number", [torch.float32, torch.float64])
@pytest.mark.parametrize(("how", "theirs", "options"), CASES, ids=[str(how) for how, _, _ in CASES])
def test_every_step_is_pytorchs(how: dict, theirs: type, options: dict, kind_of_number: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(17, generator=generator, dtype=kind_of_number)
    mine, other = (torch.nn.Parameter(start.clone()) for _ in range(2))
    asked = TrainSettings(learning_rate=0.01, **how)
    ours, reference = optimizer_of(asked, mine), theirs([other], lr=0.01, **options)
    for _ in range(50):
        gradient = torch.randn(17, generator=generator, dtype=kind_of_number)
        for parameter, optimizer in ((mine, ours), (other, reference)):
            parameter.grad = gradient.clone()
            optimizer.step()
        assert torch.equal(mine, other)
    assert not torch.equal(mine, start)


@pytest.mark.parametrize(("how", "theirs", "options"), CASES, ids=[str(how) for how, _, _ in CASES])
def test_what_an_optimizer_keeps_is_what_a_checkpoint_expects(how: dict, theirs: type, options: dict) -> None:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = optimizer_of(TrainSettings(**how), parameter)
    parameter.grad = torch.ones(3)
    optimizer.step()
    kept = {name: kind(value.numpy()) for name, value in optimizer.state[parameter].items() if value is not None}
    assert kept == state_kinds(TrainSettings(**how), parameter.detach())


def test_adamw_without_decay_is_adam_and_with_it_is_not() -> None:
    def after(**how: object) -> torch.Tensor:
        parameter = torch.nn.Parameter(torch.ones(3))
        optimizer = optimizer_of(TrainSettings(**how), parameter)
        for _ in range(3):
            parameter.grad = torch.tensor([1.0, -2.0, 0.5])
            optimizer.step()
        return parameter.detach()

    assert torch.equal(after(optimizer="adamw"), after(optimizer="adam"))
    decayed = {"weight_decay": 0.1}
    assert not torch.equal(after(optimizer="adamw", **decayed), after(optimizer="adam", **decayed))
    assert not torch.equal(after(optimizer="adamw", **decayed), after(optimizer="adamw"))
