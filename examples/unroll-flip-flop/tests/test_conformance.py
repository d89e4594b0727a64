"""unroll's own tests of tasks and models, for ours. A fault in the equations is found by a test below them."""

import torch
from unroll_flip_flop.flip_flop import FlipFlop
from unroll_flip_flop.mgu import MGU

from unroll.streams import KeyedStreams
from unroll.testing.models import ModelConformance
from unroll.testing.tasks import TaskConformance


class TestFlipFlop(TaskConformance):
    lengths = (4, 12)
    too_short = (2, 0, 5)

    def task(self, **settings):
        return FlipFlop(**settings)

    def oracle(self, task, length, seen):
        """What a reader of the rules answers: the bit after the last w."""
        assert seen[-1] == 2
        held = None
        for instruction, bit in zip(seen[:-1:2], seen[1::2], strict=True):
            if instruction == 0:
                held = bit - 3
        return held

    def test_the_last_answer_is_what_is_asked(self):
        data = self.task(train=50, test=1).dataset(KeyedStreams(1), 20)
        assert all(asked.nonzero()[0].tolist() == [18] for asked in data.train.asked)


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
