"""The contract of a model as executable prose, for ours and for third parties' models.

Subclass ``ModelConformance`` in a test module, give ``model``, and let pytest collect it::

    class TestLSTM(ModelConformance):
        def model(self):
            return LSTM(hidden=5)
"""

from __future__ import annotations

import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, get_args

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from unroll.citation import cited
from unroll.models import Model
from unroll.models.base import Memory
from unroll.models.network import Network
from unroll.streams import Generator, KeyedStreams
from unroll.streams.noise import noise
from unroll.streams.notebook import NotebookStreams
from unroll.testing.untouched import global_generators_untouched

Readout = Literal["last", "every"]
READOUTS: tuple[Readout, ...] = ("last", "every")


class ModelConformance(ABC):
    """What every model promises, for several sizes, both readouts, float32 and float64."""

    sizes: ClassVar[tuple[tuple[int, int, int, int], ...]] = ((1, 1, 1, 1), (3, 7, 2, 1), (4, 5, 1, 3))
    """B, T, I, O of the networks under test."""

    longest_window: ClassVar[int] = 64
    """Steps, at least as many as the window of the model under test holds, where its memory is a window."""

    @abstractmethod
    def model(self) -> Model:
        """Return the model under test, small: a few units."""

    def network(
        self, inputs: int = 2, outputs: int = 1, readout: Readout = "last", generator: Generator | None = None
    ) -> Network:
        """Return a network as training makes it: built without memory, then filled."""
        with torch.device("meta"):
            built = self.model().build(inputs, outputs, readout)
        network = built.to_empty(device="cpu")
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
        network.initialise(generator or KeyedStreams(1).generator("init"))
        return network

    def cases(self) -> Iterator[tuple[Network, Tensor, Readout, tuple[int, int, int, int]]]:
        """Yield a network and a batch of each size and readout, in float64."""
        for readout in READOUTS:
            for B, T, I, O in self.sizes:  # noqa: E741 - the axis letters
                yield self.network(I, O, readout).double(), batch(B, T, I), readout, (B, T, I, O)

    def test_outputs_have_their_shape_and_type(self) -> None:
        """(B, T, I) becomes (B, O) for a readout on the last step, (B, T, O) for one on every step."""
        for network, x, readout, (B, T, _, O) in self.cases():  # noqa: E741
            for dtype in (torch.float32, torch.float64):
                y = network.to(dtype)(x.to(dtype))
                assert y.shape == ((B, O) if readout == "last" else (B, T, O))
                assert y.dtype == dtype
                assert y.isfinite().all()

    def test_step_by_step_is_the_whole_sequence(self) -> None:
        """T calls of ``step`` give the outputs of one call of ``forward``, in evaluation mode."""
        for network, x, readout, (_, T, _, _) in self.cases():
            network.eval()
            state: Any = None
            outputs = []
            for t in range(T):
                y_t, state = network.step(x[:, t], state)
                outputs.append(y_t)
            stepped = outputs[-1] if readout == "last" else torch.stack(outputs, dim=1)
            torch.testing.assert_close(stepped, network(x), rtol=0, atol=1e-10)

    def test_what_comes_later_changes_nothing_before(self) -> None:
        """The output at step t depends on x up to t only; for every step of a readout on every step."""
        for network, x, readout, (_, T, _, _) in self.cases():
            if readout == "every":
                network.eval()
                before = network(x)
                for t in range(T - 1):
                    changed = x.clone()
                    changed[:, t + 1 :] += 1.0
                    assert torch.equal(network(changed)[:, : t + 1], before[:, : t + 1])

    def test_the_readout_on_the_last_step_is_the_last_of_every_step(self) -> None:
        """The same weights, the same output."""
        every, last = self.network(readout="every").double().eval(), self.network(readout="last").double().eval()
        last.load_state_dict(every.state_dict())
        torch.testing.assert_close(every(batch(3, 6, 2))[:, -1], last(batch(3, 6, 2)), rtol=0, atol=1e-12)

    def test_its_memory_is_what_it_says(self) -> None:
        """The gradient of the last output reaches the first input through a state, however far; not beyond a window.

        Of a memory that is "none" it reaches the last input alone.
        """
        memory = self.model().memory
        x = batch(3, 2 if memory == "none" else self.longest_window + 1, 2).requires_grad_()
        self.network().double().eval()(x).sum().backward()
        felt = x.grad is not None and bool(x.grad[:, 0].any())
        assert felt == (memory == "state"), f'its memory is not "{memory}"'

    def test_the_sequences_of_a_batch_do_not_mix(self) -> None:
        """Each sequence has the output that it has alone."""
        for network, x, _, (B, *_) in self.cases():
            network.eval()
            together = network(x)
            for b in range(B):
                torch.testing.assert_close(network(x[b : b + 1]), together[b : b + 1], rtol=0, atol=1e-12)

    def test_a_state_is_flat_and_back(self) -> None:
        """``flat`` has a row per sequence, which knows of no other; ``unflat`` gives the state back, to the bit.

        A step from there goes on as if nothing had been done, and its gradient reaches the rows. A model that keeps
        nothing at all has nothing to flatten.
        """
        if self.model().memory == "none":
            return
        for network, x, _, (B, T, *_) in self.cases():
            network.eval()
            state: Any = None
            for t in range(T):
                _, state = network.step(x[:, t], state)
            rows = network.flat(state)
            assert rows.shape[0] == B
            assert rows.dtype == x.dtype
            again = network.unflat(rows, state)
            assert torch.equal(network.flat(again), rows)
            assert torch.equal(network.step(x[:, 0], again)[0], network.step(x[:, 0], state)[0])
            alone: Any = None
            for t in range(T):
                _, alone = network.step(x[:1, t], alone)
            torch.testing.assert_close(network.flat(alone), rows[:1], rtol=0, atol=1e-12)
            covered = [place for part in network.parts(state).values() for place in range(rows.shape[1])[part]]
            assert covered in ([], list(range(rows.shape[1])))
            felt = rows.detach().requires_grad_()
            network.step(x[:, 0], network.unflat(felt, state))[0].sum().backward()  # type: ignore[no-untyped-call]
            assert felt.grad is not None
            if self.model().memory == "state":
                assert bool(felt.grad.any()), "the next output does not depend on the state"

    def test_twice_gives_the_same(self) -> None:
        """Bit-for-bit equal in evaluation mode: no state is kept from call to call."""
        for network, x, *_ in self.cases():
            network.eval()
            first = network(x)
            network(x + 1)
            assert torch.equal(network(x), first)

    def test_every_parameter_learns(self) -> None:
        """The gradient of the outputs reaches every parameter."""
        network = self.network(readout="every").double()
        network(batch(4, 6, 2)).square().sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name

    def test_initialise_fills_everything(self) -> None:
        """No parameter or buffer keeps what was in memory; weights are not all the same."""
        for readout in READOUTS:
            network = self.network(readout=readout)
            for name, tensor in network.state_dict().items():
                assert tensor.isfinite().all(), f"initialise() gives no value to {name}"
            assert torch.cat([p.flatten() for p in network.parameters()]).std() > 0

    def test_initial_weights_depend_only_on_the_generator(self) -> None:
        """Not on what was in memory, not on a global generator, not on an earlier call."""
        for streams in (KeyedStreams, NotebookStreams):
            first = self.network(generator=streams(7).generator("init")).state_dict()
            again = self.network(generator=NotebookStreams(1).generator("init"))
            again.initialise(streams(7).generator("init"))
            assert all(torch.equal(first[name], value) for name, value in again.state_dict().items())
            other = self.network(generator=streams(8).generator("init")).state_dict()
            assert any(not torch.equal(first[name], value) for name, value in other.items())

    def test_global_generators_are_left_alone(self) -> None:
        """In building, filling and going forward, by neither protocol."""
        with global_generators_untouched():
            for streams in (KeyedStreams, NotebookStreams):
                self.network(generator=streams(1).generator("init")).eval()(batch(2, 3, 2).float())

    def test_what_a_network_draws_in_training_is_the_noise_of_its_update(self) -> None:
        """Training mode draws from torch's generator alone, which each update seeds: see ``unroll.streams.noise``."""
        network, x = self.network().train(), batch(5, 3, 2).float()
        with global_generators_untouched():
            outputs = []
            for update in (3, 3, 4, 3):
                with noise(7, update):
                    outputs.append(network(x).detach().clone())
        assert torch.equal(outputs[0], outputs[1]), "the same update, other bits"
        assert torch.equal(outputs[0], outputs[3]), "what was drawn before decides"

    def test_parameters_can_be_counted_without_memory(self) -> None:
        """Built on the meta device, a network has its parameters' shapes and nothing else."""
        with torch.device("meta"):
            network = self.model().build(2, 1, "last")
        tensors = [*network.parameters(), *network.buffers()]
        assert all(tensor.is_meta for tensor in tensors)
        shapes = {name: tensor.shape for name, tensor in self.network().state_dict().items()}
        assert {name: tensor.shape for name, tensor in network.state_dict().items()} == shapes
        assert sum(parameter.numel() for parameter in network.parameters()) > 0

    def test_settings_are_frozen_and_plain(self) -> None:
        """They become part of the trial key: JSON must hold them, and bring the same model back."""
        model = self.model()
        plain = json.loads(json.dumps(model.model_dump(), allow_nan=False))
        assert type(model)(**plain) == model
        assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301 - our own bytes
        for name in plain:
            with pytest.raises(ValidationError):
                setattr(model, name, plain[name])
        with pytest.raises(ValidationError):
            type(model)(**{**plain, "no_such_setting": 1})

    def test_the_facts_are_there(self) -> None:
        """Name, summary and sources whose entries are found; what its memory is."""
        model = self.model()
        assert model.memory in get_args(Memory)
        assert model.name.isidentifier()
        assert model.summary
        assert "\n" not in model.summary
        assert len(cited(type(model))) == len(model.sources)


class FittedConformance(ModelConformance):
    """What a model promises that is fitted, not trained: all that others do, but nothing in it is trained or drawn."""

    def network(
        self, inputs: int = 2, outputs: int = 1, readout: Readout = "last", generator: Generator | None = None
    ) -> Network:
        """Return a network that was filled and then fitted to a few sequences."""
        network = super().network(inputs, outputs, readout, generator)
        y = batch(6, 7, outputs)
        network.fit(batch(6, 7, inputs), y[:, -1] if readout == "last" else y)
        return network

    def test_every_parameter_learns(self) -> None:
        """There is none."""
        assert type(self.model()).fitted
        assert not [p for p in self.network().parameters() if p.requires_grad]

    def test_initialise_fills_everything(self) -> None:
        """And fitting leaves nothing empty."""
        for readout in READOUTS:
            assert all(tensor.isfinite().all() for tensor in self.network(readout=readout).state_dict().values())

    def test_initial_weights_depend_only_on_the_generator(self) -> None:
        """What is fitted depends bit for bit on the data alone, and not on what was fitted before."""
        first, again = self.network(), self.network(generator=KeyedStreams(8).generator("init"))
        again.fit(batch(6, 7, 2), batch(6, 7, 1)[:, -1])
        assert all(torch.equal(first.state_dict()[name], value) for name, value in again.state_dict().items())

    def test_parameters_can_be_counted_without_memory(self) -> None:
        """Built on the meta device, a network has its buffers' shapes and nothing else."""
        with torch.device("meta"):
            network = self.model().build(2, 1, "last")
        assert all(tensor.is_meta for tensor in network.buffers())
        shapes = {name: tensor.shape for name, tensor in self.network().state_dict().items()}
        assert {name: tensor.shape for name, tensor in network.state_dict().items()} == shapes


def batch(B: int, T: int, I: int) -> Tensor:  # noqa: E741 - the axis letters
    """Return inputs between -1 and 1, float64 (B, T, I), always the same."""
    return torch.from_numpy(KeyedStreams(99).generator("inputs").uniform(-1.0, 1.0, (B, T, I)))
