"""The source notebook's own algorithm, on the global generators that it uses; their states are put back afterwards.

It is the oracle of the protocol ``notebook``: nothing here knows unroll. Its layers are PyTorch's, batch first, its
order is a DataLoader's, its gradient norm is summed over the parameters one by one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CELLS = {"tanh_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
HIDDEN, BATCH, LEARNING_RATE = 64, 64, 1e-3


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the three global generators, and leave them as they were found."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def sequences(n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    values = np.random.uniform(0, 1, (n, length))  # noqa: NPY002
    markers = np.zeros((n, length))
    for i in range(n):
        markers[i, np.random.choice(length, size=2, replace=False)] = 1.0  # noqa: NPY002
    x = np.stack([values, markers], axis=-1)
    y = np.sum(values * markers, axis=1, keepdims=True)
    return x.astype(np.float32), y.astype(np.float32)


class NotebookModel(nn.Module):
    def __init__(self, cell: str, hidden: int = HIDDEN):
        super().__init__()
        self.recurrence = CELLS[cell](input_size=2, hidden_size=hidden, num_layers=1, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.recurrence(x)
        return self.readout(out[:, -1, :])


@dataclass
class Start:
    """What the notebook has before its first update; all was drawn in its order."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    model: NotebookModel
    train_loader: Any
    test_loader: Any


def _start(cell: str, length: int, train: int, test: int) -> Start:
    train_data, test_data = sequences(train, length), sequences(test, length)
    loaders = [
        DataLoader(TensorDataset(*map(torch.tensor, data)), batch_size=BATCH, shuffle=shuffle)
        for data, shuffle in ((train_data, True), (test_data, False))
    ]
    return Start(train_data, test_data, NotebookModel(cell), *loaders)


def draws(cell: str, length: int, seed: int, *, epochs: int = 3, train: int = 10_000, test: int = 2_000) -> dict:
    """Return the data, the initial weights by name, and the order of each epoch, read off the DataLoader's batches."""
    with seeded(seed):
        start = _start(cell, length, train, test)
        weights = {name: value.detach().clone() for name, value in start.model.named_parameters()}
        loader = DataLoader(TensorDataset(torch.arange(train)), batch_size=BATCH, shuffle=True)
        orders = [torch.cat([batch for (batch,) in loader]).numpy() for _ in range(epochs)]
    return {"train": start.train, "test": start.test, "weights": weights, "orders": orders}


def run(
    cell: str,
    length: int,
    seed: int,
    *,
    epochs: int = 50,
    updates: int | None = None,
    train: int = 10_000,
    test: int = 2_000,
) -> dict[str, Any]:
    """Train as the notebook does: ``epochs`` epochs, or only the first ``updates`` updates of them.

    Returns the loss and the gradient norm of each update, the mean loss of each whole epoch, and the final test MSE
    (None where ``updates`` ended the training).
    """
    losses: list[float] = []
    norms: list[float] = []
    epoch_losses: list[float] = []
    with seeded(seed):
        start = _start(cell, length, train, test)
        criterion = nn.MSELoss()
        optimizer = torch.optim.Adam(start.model.parameters(), lr=LEARNING_RATE)
        for _ in range(epochs):
            start.model.train()
            total = 0.0
            for x, y in start.train_loader:
                optimizer.zero_grad()
                loss = criterion(start.model(x), y)
                loss.backward()
                squares = sum(p.grad.norm(2).item() ** 2 for p in start.model.parameters() if p.grad is not None)
                norms.append(squares**0.5)
                optimizer.step()
                losses.append(loss.item())
                total += loss.item() * x.size(0)
                if updates is not None and len(losses) == updates:
                    return _measured(losses, norms, epoch_losses, None)
            epoch_losses.append(total / train)
        start.model.eval()
        total = 0.0
        with torch.no_grad():
            for x, y in start.test_loader:
                total += criterion(start.model(x), y).item() * x.size(0)
    return _measured(losses, norms, epoch_losses, total / test)


def _measured(losses: list[float], norms: list[float], epochs: list[float], test_mse: float | None) -> dict[str, Any]:
    return {
        "losses": np.array(losses),
        "grad_norms": np.array(norms),
        "epoch_losses": np.array(epochs),
        "test_mse": test_mse,
    }
