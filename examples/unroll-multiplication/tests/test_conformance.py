"""unroll's own tests of tasks and models, for ours. A fault in the equations is found by a test below them."""

import torch
from unroll_multiplication.mgu import MGU
from unroll_multiplication.multiplication import Multiplication

from unroll.streams import KeyedStreams
from unroll.testing.models import ModelConformance
from unroll.testing.tasks import TaskConformance


class TestMultiplication(TaskConformance):
    lengths = (2, 3, 10)
    too_short = (1, 0)

    def task(self, **settings):
        return Multiplication(**settings)

    def test_the_target_is_the_product(self):
        data = self.task(train=50, test=1).dataset(KeyedStreams(1), 6)
        for x, y in zip(data.train.x, data.train.y, strict=True):
            first, second = (float(value) for value, marker in x if marker == 1)
            assert abs(first * second - float(y[0])) < 1e-6


class TestMGU(ModelConformance):
    def model(self):
        return MGU(hidden=5)

    def test_a_gate_that_is_shut_keeps_the_state(self):
        network = self.network()
        with torch.no_grad():
            network.gate.weight.zero_()
            network.gate.bias.fill_(-100.0)
        _, state = network.step(torch.ones(1, 2), torch.full((1, 5), 0.25))
        assert torch.equal(state, torch.full((1, 5), 0.25))
