"""The training loop: update by update, so that whoever runs it can watch, stop and freeze it anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from unroll import registry
from unroll.axes import Float32
from unroll.errors import DivergedError
from unroll.models.network import Network
from unroll.streams import KeyedStreams, Streams
from unroll.streams.notebook import NotebookStreams
from unroll.study import Trial
from unroll.tasks import Criterion, Split, Task
from unroll.training.checkpoint import Checkpoint
from unroll.training.measures import measure
from unroll.training.network import build_network, model_of, task_of
from unroll.training.optimizers import ParameterVector, optimizer_of
from unroll.training.result import AXES, Result


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is. ``freeze`` may be called until the training is asked to go on.

    ``updates`` are those done, out of ``total``; ``epoch`` counts whole epochs done; ``loss`` is that of the last
    update, NaN before there is one.
    """

    epoch: int
    updates: int
    total: int
    loss: float
    freeze: Callable[[], Checkpoint]


def train(trial: Trial, checkpoint: Checkpoint | None = None) -> Generator[Progress, None, Result]:
    """Train a trial, from its beginning or from a checkpoint; yield after each update and each batch of an evaluation.

    A model that is fitted (``Model.fitted``) makes no updates and has no histories.

    The result is the same to the bit however often the training was frozen and continued, as long as numerics (see
    ``unroll.training.numerics``) and the number of threads, which must be one, stay the same.

    Raises DivergedError at the first loss that is NaN or infinite, CheckpointError for a checkpoint of another trial.
    """
    return (yield from Training(trial, checkpoint).run())


class Training:
    """The state of one training. ``run`` may be left at any yield, and ``freeze`` then keeps where it is."""

    def __init__(self, trial: Trial, checkpoint: Checkpoint | None = None):
        self.trial, self.settings = trial, trial.train
        self.task: Task = task_of(trial)
        streams = streams_of(trial)
        self.streams = streams
        dataset = self.task.dataset(streams, trial.length)
        self.train, self.validation, self.test = map(_tensors, (dataset.train, dataset.validation, dataset.test))
        self.network: Network = build_network(trial, streams.generator("init"))
        self.fitted = model_of(trial).fitted
        self.vector = ParameterVector(self.network, needed=not self.fitted)
        self.optimizer = optimizer_of(self.settings, self.vector.values)
        self.sequences = len(dataset.train)
        self.per_epoch = math.ceil(self.sequences / self.settings.batch)
        self.epochs = 0 if self.fitted else self.settings.epochs
        self.total = self.per_epoch * self.epochs
        self.dropped = dataset.dropped
        sizes = {"update": self.total, "epoch": self.epochs}
        names = [name for name in AXES if name != "validation_loss" or len(dataset.validation)]
        self.histories = {name: np.zeros(sizes[AXES[name]], dtype=np.float32) for name in names if self.epochs}
        self.epoch = self.done = 0
        self.epoch_loss = self.epoch_seconds = 0.0
        if checkpoint is not None:
            self._thaw(checkpoint)

    def run(self) -> Generator[Progress, None, Result]:
        """Yield progress after each update and each batch of an evaluation; return the result. See ``train``."""
        if self.fitted:
            losses = yield from self._fit()
        else:
            losses = yield from self._train()
        losses["test_mse"] = yield from self._evaluate(self.test, "test loss")
        return self._result(losses)

    def _fit(self) -> Generator[Progress, None, dict[str, float]]:
        """Fit the network in one go, again where it was frozen since: that takes no longer and gives the same bits."""
        self.network.fit(*self.train)
        losses = {"train_loss": (yield from self._evaluate(self.train, "training loss"))}
        if len(self.validation[0]):
            losses["validation_mse"] = yield from self._evaluate(self.validation, "validation loss")
        return losses

    def _train(self) -> Generator[Progress, None, dict[str, float]]:
        while self.epoch < self.epochs:
            yield from self._train_epoch()
            if "validation_loss" in self.histories:
                loss = yield from self._evaluate(self.validation, "validation loss")
                self.histories["validation_loss"][self.epoch] = loss
            self._end_epoch()
        losses = {"train_loss": float(self.histories["train_loss"][-1])}
        if "validation_loss" in self.histories:
            losses["validation_mse"] = float(self.histories["validation_loss"][-1])
        return losses

    def _train_epoch(self) -> Generator[Progress, None, None]:
        start = perf_counter()
        order = torch.from_numpy(self.streams.order(self.epoch, self.sequences))
        self.epoch_seconds += perf_counter() - start
        self.network.train()
        while self.done < self.per_epoch * (self.epoch + 1):
            start = perf_counter()
            first = (self.done % self.per_epoch) * self.settings.batch
            self._update(order[first : first + self.settings.batch])
            self.epoch_seconds += perf_counter() - start
            yield self._progress()

    def _update(self, batch: Tensor) -> None:
        x, y = self.train
        self.vector.gradient.zero_()
        loss = mse_loss(self.network(x.index_select(0, batch)), y.index_select(0, batch))
        loss.backward()  # type: ignore[no-untyped-call]
        value, norm = loss.item(), self.vector.gradient.norm().item()
        self.histories["loss"][self.done] = value
        self.histories["grad_norm"][self.done] = norm
        self.done += 1
        if not math.isfinite(value):
            raise DivergedError("training loss", value, self.epoch + 1, self.done)
        self.vector.clip(norm, self.settings)
        self.optimizer.step()
        self.epoch_loss += value * len(batch)

    def _end_epoch(self) -> None:
        self.histories["train_loss"][self.epoch] = self.epoch_loss / self.sequences
        self.histories["seconds"][self.epoch] = self.epoch_seconds
        self.epoch += 1
        self.epoch_loss = self.epoch_seconds = 0.0

    def _evaluate(self, split: tuple[Tensor, Tensor], name: str) -> Generator[Progress, None, float]:
        self.network.eval()
        total, n = 0.0, len(split[0])
        for first in range(0, n, self.settings.batch):
            x, y = (tensor[first : first + self.settings.batch] for tensor in split)
            with torch.no_grad():
                total += mse_loss(self.network(x), y).item() * len(x)
            yield self._progress()
        if not math.isfinite(total):
            raise DivergedError(name, total / n, min(self.epoch + 1, self.settings.epochs), self.done)
        return total / n

    def _progress(self) -> Progress:
        loss = float(self.histories["loss"][self.done - 1]) if self.done else math.nan
        return Progress(self.epoch, self.done, self.total, loss, self.freeze)

    def histories_so_far(self) -> dict[str, Float32]:
        """Return the histories as far as they have been recorded."""
        recorded = {"update": self.done, "epoch": self.epoch}
        return {name: values[: recorded[AXES[name]]].copy() for name, values in self.histories.items()}

    def freeze(self) -> Checkpoint:
        """Return a checkpoint of the training as it is between two updates."""
        state = {f"network.{name}": tensor.numpy() for name, tensor in self.network.state_dict().items()}
        state |= {f"history.{name}": values for name, values in self.histories_so_far().items()}
        for name, value in self.optimizer.state[self.vector.values].items():
            if value is not None:
                state[f"optimizer.{name}"] = value.numpy()
        position = {
            "key": self.trial.key,
            "epoch": self.epoch,
            "done": self.done,
            "epoch_loss": self.epoch_loss.hex(),
            "epoch_seconds": self.epoch_seconds,
        }
        return Checkpoint.freeze(state, position)

    def _thaw(self, checkpoint: Checkpoint) -> None:
        arrays = checkpoint.arrays(self.trial.key)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        self.network.load_state_dict(_named(tensors, "network."))
        self.optimizer.state[self.vector.values] = _named(tensors, "optimizer.")
        for name, values in self.histories.items():
            recorded = arrays[f"history.{name}"]
            values[: len(recorded)] = recorded
        self.epoch, self.done = checkpoint.position["epoch"], checkpoint.position["done"]
        self.epoch_loss = float.fromhex(checkpoint.position["epoch_loss"])
        self.epoch_seconds = checkpoint.position["epoch_seconds"]

    def _result(self, losses: dict[str, float]) -> Result:
        measures = measure(self.trial, self.task, self.network)
        metrics = {**losses, **measures.metrics, **{f"dropped_{split}": float(n) for split, n in self.dropped.items()}}
        criterion = self.task.solved
        metrics["solved"] = float(metrics[criterion.metric] < criterion.below)
        if self.epochs:
            metrics["seconds_per_epoch"] = float(np.median(self.histories["seconds"]))
            epoch = self._solved_in(criterion)
            if epoch is not None:
                metrics["updates_to_solve"] = float(epoch * self.per_epoch)
        weights = {name: tensor.numpy() for name, tensor in self.network.state_dict().items()}
        return Result(metrics, {**self.histories, **measures.histories}, Checkpoint.freeze(weights, {}).tensors)

    def _solved_in(self, criterion: Criterion) -> int | None:
        """Return the first epoch, from 1, whose loss meets a criterion of the loss; None where none does."""
        watched = self.histories.get("validation_loss", self.histories["train_loss"])
        below = np.flatnonzero(watched < criterion.below)
        return int(below[0]) + 1 if len(below) and criterion.metric == "test_mse" else None


def streams_of(trial: Trial) -> Streams:
    """Return fresh streams of a trial, by its protocol."""
    if trial.protocol == "notebook":
        return NotebookStreams(trial.seed, registry.tasks.load(trial.task).draws)
    return KeyedStreams(trial.seed)


def _tensors(split: Split) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(split.x), torch.from_numpy(split.y)


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
