"""The source notebook's training loop as it is written: what unroll's speed is compared with.

A DataLoader over a TensorDataset with ``shuffle=True``, a model that reads the last output of its recurrent layer,
Adam, and for each update the gradient norm summed over the parameters one ``item()`` at a time.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LAYERS = {"tanh_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Model(nn.Module):
    """A recurrent layer, of 64 units in the notebook, and a linear layer on its last output."""

    def __init__(self, cell: str, hidden: int = 64):
        super().__init__()
        self.recurrent = LAYERS[cell](2, hidden, 1, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, T, 2) to (B, 1)."""
        out, _ = self.recurrent(x)
        return self.linear(out[:, -1, :])


def updates(
    cell: str, length: int, hidden: int = 64, batch: int = 64, compiled: bool = False
) -> Generator[float, None, None]:
    """Train for ever; yield the seconds of each update, fetching its batch and the shuffle of each epoch included.

    compiled: by ``torch.compile``, with its defaults, which leave recurrent layers as they are.
    """
    seed, sequences = 1, 10_000
    torch.manual_seed(seed)
    draw = np.random.RandomState(seed)
    values = draw.uniform(0, 1, (sequences, length))
    markers = np.zeros((sequences, length))
    for row in markers:
        row[draw.choice(length, size=2, replace=False)] = 1.0
    x = torch.tensor(np.stack([values, markers], axis=-1).astype(np.float32))
    y = torch.tensor(np.sum(values * markers, axis=1, keepdims=True).astype(np.float32))
    loader = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
    model: nn.Module = Model(cell, hidden)
    criterion = nn.MSELoss()
    if compiled:
        model = torch.compile(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    while True:
        model.train()
        start = time.perf_counter()
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), target)
            loss.backward()
            total = 0.0
            for parameter in model.parameters():
                total += parameter.grad.data.norm(2).item() ** 2
            optimizer.step()
            loss.item()
            yield time.perf_counter() - start
            start = time.perf_counter()
