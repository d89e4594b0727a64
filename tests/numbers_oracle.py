"""The second source notebook's own algorithm: odd numbers and Fibonacci-like sequences, trained and continued.

It is the oracle of the number sequences under the protocol ``notebook``: nothing here knows unroll. Python's and
PyTorch's global generators are seeded just before the data are drawn, and put back afterwards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.notebook_oracle import seeded


@dataclass(frozen=True)
class Case:
    """One of the notebook's two models, with its settings."""

    window: int
    hidden: int
    epochs: int
    rate: float
    prompt: tuple[int, ...]


CASES = {
    "odd_numbers": Case(5, 16, 8, 1e-2, (1, 3, 5, 7, 9)),
    "fibonacci": Case(6, 32, 12, 5e-3, (1, 1, 2, 3, 5, 8)),
}


@dataclass(frozen=True)
class Outcome:
    """What the notebook has in the end."""

    sequences: list[list[int]]
    x: torch.Tensor
    y: torch.Tensor
    losses: list[float]
    continuation: list[float]


def odd_sequences(n: int = 2000) -> list[list[int]]:
    found = []
    for _ in range(n):
        length = random.randint(5, 12)
        start = random.choice([1, 3, 5, 7, 9, 11, 13])
        found.append([start + 2 * i for i in range(length)])
    return found


def fibonacci_sequences(n: int = 2000) -> list[list[int]]:
    found = []
    for _ in range(n):
        length = random.randint(6, 14)
        terms = [random.randint(0, 2), random.randint(1, 3)]
        for _ in range(length - 2):
            terms.append(terms[-1] + terms[-2])
        found.append(terms)
    return found


def windows(sequences: list[list[int]], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    xs, ys = [], []
    for sequence in sequences:
        largest = max(abs(v) for v in sequence)
        scaled = [v / (largest if largest > 0 else 1.0) for v in sequence]
        for start in range(len(scaled) - size):
            xs.append([[v] for v in scaled[start : start + size]])
            ys.append([[v] for v in scaled[start + 1 : start + size + 1]])
    return torch.tensor(xs, dtype=torch.float32), torch.tensor(ys, dtype=torch.float32)


class VanillaRNN(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.rnn = nn.RNN(1, hidden, nonlinearity="tanh", batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        out, state = self.rnn(x, state)
        return self.head(out), state


@torch.no_grad()
def generated(model: VanillaRNN, prompt: tuple[int, ...], steps: int) -> list[float]:
    model.eval()
    scale = max(1.0, max(abs(v) for v in prompt))
    scaled = [v / scale for v in prompt]
    _, state = model.rnn(torch.tensor([[[v] for v in scaled]], dtype=torch.float32))
    last, found = scaled[-1], []
    for _ in range(steps):
        y, state = model(torch.tensor([[[last]]], dtype=torch.float32), state)
        last = y[0, 0, 0].item()
        found.append(last * scale)
    return found


def run(task: str, seed: int, steps: int = 8) -> Outcome:
    """Draw, train and continue as the notebook does; the mean loss of each epoch, and the generated numbers."""
    case = CASES[task]
    with seeded(seed):
        sequences = odd_sequences() if task == "odd_numbers" else fibonacci_sequences()
        x, y = windows(sequences, case.window)
        loader = DataLoader(TensorDataset(x, y), batch_size=128, shuffle=True)
        model = VanillaRNN(case.hidden)
        optimizer = torch.optim.Adam(model.parameters(), lr=case.rate)
        losses = []
        model.train()
        for _ in range(case.epochs):
            total = 0.0
            for xb, yb in loader:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(xb)[0], yb)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(xb)
            losses.append(total / len(x))
        return Outcome(sequences, x, y, losses, generated(model, case.prompt, steps))
