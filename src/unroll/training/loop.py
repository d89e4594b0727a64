"""The training loop: update by update, so that whoever runs it can watch, stop and freeze it anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from unroll import registry
from unroll.axes import Float32, Float64, Int64
from unroll.capabilities import Continues
from unroll.errors import DivergedError, Problem, StudyError
from unroll.exact import power
from unroll.kernels.updates import Wanted
from unroll.models.network import Network
from unroll.models.resolve import resolve
from unroll.objectives import Objective
from unroll.streams.noise import noise
from unroll.study import Trial
from unroll.study.settings import UNWATCHED
from unroll.tasks import Criterion, Split
from unroll.training.checkpoint import Checkpoint, Position, damaged
from unroll.training.cohort import Answer, Asking, alone
from unroll.training.common import common
from unroll.training.devices import at_once, device_of
from unroll.training.early_stopping import best_epoch, is_over
from unroll.training.examples import Examples
from unroll.training.ledger import Ledger
from unroll.training.memoryless import memoryless
from unroll.training.native import NativeUpdates, products_of, why_not_native
from unroll.training.network import build_network, streams_of
from unroll.training.optimizers import ParameterVector, optimizer_of, state_kinds
from unroll.training.overlap import Overlap
from unroll.training.prompts import dataset_of
from unroll.training.result import AXIS_OF, BY_LENGTH, VALIDATION, Measured, Result, axis_of
from unroll.training.schedules import cosine, learning_rate
from unroll.training.splits import checked
from unroll.training.tensors import Kind, array, kind, pack

Value = TypeVar("Value")

LARGEST = float(np.finfo(np.float32).max)
NATIVE_BATCH = 64
"""Sequences between two looks at an evaluation in native code, at least; how many decides no bit."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is. ``freeze`` may be called until the training is asked to go on.

    ``updates`` are those done, out of ``total``; ``epoch`` counts whole epochs done; ``loss`` is that of the last
    update, on a GPU of the last that was fetched, NaN before there is one.
    """

    epoch: int
    updates: int
    total: int
    loss: float
    freeze: Callable[[], Checkpoint]


def train(trial: Trial, checkpoint: Checkpoint | None = None, look: float = 0.0) -> Generator[Progress, None, Result]:
    """Train a trial, from its beginning or from a checkpoint; yield after each update and each batch of an evaluation.

    Updates in native code (``unroll.training.native``) may be made several at a time: as many as begin within ``look``
    seconds, one at least.

    A model that is fitted (``Model.fitted``) makes no updates and has no histories.

    The result has the same bits however often the training was frozen and continued, as long as numerics (see
    ``unroll.training.numerics``) and the number of threads, which must be one, stay the same.

    Raises DivergedError at the first loss that is NaN or infinite (on a GPU at the end of its epoch), CheckpointError
    for a checkpoint that is damaged or another trial's, StudyError where ``train.patience`` has no validation loss to
    watch, DeviceError where the trial's device is not there.
    """
    return (yield from Training(trial, checkpoint, look).run())


class Training:
    """The state of one training. ``run`` may be left at any yield, and ``freeze`` then keeps where it is."""

    def __init__(self, trial: Trial, checkpoint: Checkpoint | None = None, look: float = 0.0):
        self.trial, self.settings, self.look = trial, trial.train, look
        self.task, model = resolve(trial)
        streams = streams_of(trial)
        self.streams = streams
        dataset = dataset_of(trial, self.task, streams)
        self.objective: Objective = registry.objectives.load(self.task.objective)()
        self.alphabet = self.task.inputs if self.task.tokens else 0
        splits = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
        train, validation, test = (self._checked(split, f"{name} split") for name, split in splits.items())
        self.device = device_of(trial)
        self.train, self.validation, self.test = map(self._examples, (train, validation, test))
        self.network: Network = build_network(trial, streams.generator("init")).to(self.device)
        self.fitted = model.fitted
        self.vector = ParameterVector(self.network, needed=not self.fitted)
        self.optimizer = optimizer_of(self.settings, self.vector.values)
        self.sequences = len(dataset.train)
        self.scored = self.objective.scored(self.train.y)
        self.per_epoch = math.ceil(self.sequences / self.settings.batch)
        self.epochs = 0 if self.fitted else self.settings.epochs
        self.patience = None if self.fitted else self.settings.patience
        if self.patience is not None and not len(dataset.validation):
            raise StudyError([Problem(UNWATCHED, "train.patience")])
        self.best: dict[str, Tensor] = {}  # the weights of the best epoch so far, with patience
        self.total = self.per_epoch * self.epochs
        self.ledger = None if at_once(self.device) else Ledger(self.per_epoch, self.device)
        self.native: NativeUpdates | None = None
        products = products_of(trial)
        covered = not why_not_native(self.network, type(self.objective), self.settings)
        if covered and self.ledger is None and not self.fitted:
            readout = self.task.readout
            self.native = NativeUpdates(self.network, self.vector, self.optimizer, self.settings, readout, products)
        self.pace = 1  # updates of the last native call
        self.drawn = 0  # the epoch whose sequences are held; they change only where they are fresh
        self.overlap = Overlap(test.x) if self.task.tokens or isinstance(self.task, Continues) else None
        if self.overlap is not None:
            self.overlap.trained_on(train.x)
        self.dropped, self.test_sequences = dataset.dropped, dataset.test_sequences
        self.tolerance = self.task.tolerance(trial.length)
        self.wrong = 0  # test sequences whose answer is further off than that
        self.test_losses: Float64 = np.zeros(len(dataset.test))  # of each test sequence, when the training has ended
        sizes = {"update": self.total, "epoch": self.epochs}
        watched = [f"{VALIDATION}{name}" for name in self._evaluated()] if len(dataset.validation) else []
        names = [*AXIS_OF, *watched] if self.epochs else []
        self.histories = {name: np.zeros(sizes[axis_of(name)], dtype=np.float32) for name in names}
        self.epoch = self.done = self.noted = 0  # noted: updates in the histories, all that are done but on a GPU
        self.epoch_loss = self.epoch_seconds = 0.0
        if checkpoint is not None:
            self._thaw(checkpoint)

    def run(self) -> Generator[Progress, None, Result]:
        """Yield progress after each update and each batch of an evaluation; return the result. See ``train``."""
        return (yield from alone(self.steps()))

    def steps(self) -> Asking[Progress, Result]:
        """Do the same, but ask for updates in native code, which may be made together with others' (``cohort``)."""
        if self.fitted:
            losses = yield from self._fit()
        else:
            losses = yield from self._train()
        means = yield from self._evaluate(self.test, "test loss", self.test_losses)
        losses |= {f"test_{name}": mean for name, mean in self._named(means).items()}
        tested = yield from self._test_further()
        return self._result(losses, tested)

    def _test_further(self) -> Generator[Progress, None, dict[str, Float32]]:
        """Test at each further length; return the histories along these lengths, infinite where a network ran away."""
        lengths = self.trial.test.lengths
        tested = {name: np.zeros(len(lengths), dtype=np.float32) for name in self._evaluated()} if lengths else {}
        for place, length in enumerate(lengths):
            split = self.task.sequences(self.streams.generator(f"test/{length}"), self.task.test, length)
            split = self._checked(split, f"test split of length {length}")
            means = yield from self._evaluate(self._examples(split))
            for name, mean in means.items():
                tested[name][place] = mean if math.isfinite(mean) else math.inf
        return tested

    def _fit(self) -> Generator[Progress, None, dict[str, float]]:
        """Fit the network in closed form, again where it was frozen since: as fast, and with the same bits."""
        with noise(self.trial.seed, 0):
            self.network.fit(self.train.inputs(), self.train.y)
        losses = {"train_loss": (yield from self._evaluate(self.train, "training loss"))["loss"]}
        if len(self.validation):
            means = yield from self._evaluate(self.validation, "validation loss")
            losses |= {f"{VALIDATION}{name}": mean for name, mean in self._named(means).items()}
        return losses

    def _train(self) -> Asking[Progress, dict[str, float]]:
        while self.epoch < self.epochs and not self._stopped():
            yield from self._train_epoch()
            if len(self.validation):
                means = yield from self._evaluate(self.validation, "validation loss")
                for name, mean in means.items():
                    self.histories[f"{VALIDATION}{name}"][self.epoch] = mean
            self._end_epoch()
        kept = self.epoch
        if self.patience is not None:
            kept = self._best_epoch()
            self.network.load_state_dict(self.best)
        losses = {"train_loss": float(self.histories["train_loss"][kept - 1])}
        if len(self.validation):
            means = {name: float(self.histories[f"{VALIDATION}{name}"][kept - 1]) for name in self._evaluated()}
            losses |= {f"{VALIDATION}{name}": mean for name, mean in self._named(means).items()}
        return losses

    def _stopped(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and is_over(self.histories["validation_loss"][: self.epoch], self.patience)

    def _best_epoch(self) -> int:
        return best_epoch(self.histories["validation_loss"][: self.epoch])

    def _train_epoch(self) -> Asking[Progress, None]:
        start = perf_counter()
        if self.task.fresh:
            self._draw_anew()
        order = torch.from_numpy(self.streams.order(self.epoch, self.sequences))
        there = order.to(self.device)
        self.epoch_seconds += perf_counter() - start
        self.network.train()
        while self.done < self.per_epoch * (self.epoch + 1):
            start, elsewhere = perf_counter(), 0.0
            first = (self.done % self.per_epoch) * self.settings.batch
            last = first + self.settings.batch
            if self.native is None:
                self._update(order[first:last], there[first:last])
            else:
                elsewhere = yield from self._update_natively(self.native, order[first:].numpy())
            if self.done == self.per_epoch * (self.epoch + 1):
                self.settle()
            self.epoch_seconds += perf_counter() - start - elsewhere
            yield self._progress()

    def _draw_anew(self) -> None:
        """Hold the sequences of the epoch that is under way."""
        if self.drawn == self.epoch:
            return
        del self.train  # one split at a time
        split = self.task.epoch(self.streams, self.epoch, self.trial.length)
        split = self._checked(split, f"training split of epoch {self.epoch + 1}")
        self.train, self.drawn = self._examples(split), self.epoch
        self.scored = self.objective.scored(self.train.y)
        if self.overlap is not None:
            self.overlap.trained_on(split.x)

    def _checked(self, split: Split, name: str) -> Split:
        return checked(self.task, self.objective, split, name)

    def _examples(self, split: Split) -> Examples:
        return Examples.of(split, self.alphabet).placed(self.device)

    def _update(self, batch: Tensor, there: Tensor) -> None:
        """Make an update on the sequences with these numbers, given here and on the device."""
        examples = self.train.there.take(there)
        self.optimizer.param_groups[0]["lr"] = learning_rate(self.settings, self.done, self.per_epoch)
        self.vector.gradient.zero_()
        with noise(self.trial.seed, self.done, self.device):
            loss = self.objective.loss(examples.answers(self.network), examples.y)
            loss.backward()  # type: ignore[no-untyped-call]
        norm = self.vector.gradient.norm()
        self.done += 1
        if self.ledger is None:
            length = norm.item()
            self._note(loss.item(), length, self.objective.scored(examples.y))
            self.vector.clip(length, self.settings)
        else:
            self.ledger.keep(loss.detach(), norm, self.objective.scored(self.train.y.index_select(0, batch)))
            self.vector.clip(norm, self.settings)
        self.optimizer.step()

    def _update_natively(self, native: NativeUpdates, order: Int64) -> Generator[Wanted, Answer | None, float]:
        """Make as many updates, on the sequences with these numbers, as there is time for until somebody looks.

        Return the seconds that went by meanwhile and were other trainings'.
        """
        most = min(2 * self.pace if self.look else 1, math.ceil(len(order) / self.settings.batch))
        rates = [learning_rate(self.settings, self.done + i, self.per_epoch, cosine, power) for i in range(most)]
        wanted = native.want(self.train, order[: most * self.settings.batch], np.array(rates), self.look)
        asked = perf_counter()
        answer = yield wanted
        assert answer is not None  # noqa: S101 - see Asking
        elsewhere = perf_counter() - asked - answer.seconds
        made = native.take(wanted)
        self.pace = max(1, len(made.losses))
        self.done += len(made.losses)
        for loss, norm, scored in zip(made.losses, made.norms, made.scored, strict=True):
            self._note(float(loss), float(norm), int(scored))
        if answer.raised is not None:
            raise answer.raised
        return elsewhere

    def _note(self, loss: float, norm: float, scored: int) -> None:
        self.histories["loss"][self.noted] = loss
        self.histories["grad_norm"][self.noted] = norm
        self.noted += 1
        if not math.isfinite(loss):
            self.done = self.noted  # what was done after it came to nothing
            raise DivergedError("training loss", loss, self.epoch + 1, self.done)
        self.epoch_loss += loss * scored

    def settle(self) -> None:
        """Bring the histories up to the last update: on a GPU, fetch what was kept there.

        Raises DivergedError for the first of these losses that is NaN or infinite.
        """
        if self.ledger is not None and self.noted < self.done:
            for loss, norm, scored in self.ledger.fetch():
                self._note(loss, norm, scored)

    def _end_epoch(self) -> None:
        self.histories["train_loss"][self.epoch] = self.epoch_loss / self.scored
        self.histories["seconds"][self.epoch] = self.epoch_seconds
        self.epoch += 1
        self.epoch_loss = self.epoch_seconds = 0.0
        if self.patience is not None and self._best_epoch() == self.epoch:
            self.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def _evaluate(
        self, split: Examples, name: str = "", each: Float64 | None = None
    ) -> Generator[Progress, None, dict[str, float]]:
        """Return a split's "loss" and what else is counted; fill ``each``, (N,), with the losses of its sequences.

        Of a loss that has a ``name``, what is NaN or infinite ends the trial, as float32 that is: histories are.
        """
        if self.native is not None:
            means = yield from self._evaluate_natively(self.native, split, each)
        else:
            means = yield from self._evaluate_in_python(split, each)
        if name and not abs(means["loss"]) <= LARGEST:
            raise DivergedError(name, means["loss"], max(1, math.ceil(self.done / self.per_epoch)), self.done)
        return means

    def _evaluate_natively(
        self, native: NativeUpdates, split: Examples, each: Float64 | None
    ) -> Generator[Progress, None, dict[str, float]]:
        """Sums over sequences are rounded once, at their end."""
        size = max(self.settings.batch, NATIVE_BATCH) if self.look else self.settings.batch
        parts = []
        for first in range(0, len(split), size):
            parts.append(native.evaluate(split, first, min(size, len(split) - first)))
            yield self._progress()
        names = ("losses", "furthest", "scored", "asked", "right")
        losses, furthest, scored, asked, right = (
            np.concatenate([getattr(part, name) for part in parts]) for name in names
        )
        if each is not None:
            each[:] = losses / scored
            if self.tolerance is not None:
                self.wrong = int((furthest > self.tolerance.error).sum())
        counts = {"accuracy": (right.sum(), asked.sum()), "sequence_accuracy": ((right == asked).sum(), len(split))}
        sums = {name: (float(counts[name][0]), int(counts[name][1])) for name in self._evaluated() if name in counts}
        return {"loss": math.fsum(losses) / int(scored.sum()), **self.objective.means(sums)}

    def _evaluate_in_python(self, split: Examples, each: Float64 | None) -> Generator[Progress, None, dict[str, float]]:
        self.network.eval()
        total, scored = 0.0, 0
        sums: dict[str, tuple[float, int]] = {}
        for first in range(0, len(split), self.settings.batch):
            part = split.part(first, self.settings.batch)
            with torch.no_grad():
                outputs = split.there.part(first, self.settings.batch).answers(self.network).cpu()
                count = self.objective.scored(part.y)
                total += self.objective.loss(outputs, part.y).item() * count
                scored += count
                for what, (value, over) in self.objective.counts(outputs, part.y, part.asked).items():
                    before = sums.get(what, (0.0, 0))
                    sums[what] = before[0] + value, before[1] + over
                if each is not None:
                    each[first : first + len(part)] = self.objective.each(outputs, part.y).numpy()
                    if self.tolerance is not None:
                        furthest = (outputs - part.y).abs().flatten(1).amax(dim=1)
                        self.wrong += int((furthest > self.tolerance.error).sum())
            yield self._progress()
        return {"loss": total / scored, **self.objective.means(sums)}

    def _evaluated(self) -> list[str]:
        """Return the names of what an evaluation gives."""
        return ["loss", *(quantity.name.removeprefix("test_") for quantity in self.objective.counted)]

    def _named(self, means: dict[str, float]) -> dict[str, float]:
        """Return means with the loss under its own name, such as "mse"."""
        return {self.objective.kind if name == "loss" else name: mean for name, mean in means.items()}

    def _progress(self) -> Progress:
        loss = float(self.histories["loss"][self.noted - 1]) if self.noted else math.nan
        return Progress(self.epoch, self.done, self.total, loss, self.freeze)

    def histories_so_far(self) -> dict[str, Float32]:
        """Return the histories as far as they have been recorded."""
        recorded = {"update": self.noted, "epoch": self.epoch}
        return {name: values[: recorded[axis_of(name)]].copy() for name, values in self.histories.items()}

    def freeze(self) -> Checkpoint:
        """Return a checkpoint of the training as it is between two updates. Raises as ``settle`` does."""
        self.settle()
        state = {f"network.{name}": array(tensor) for name, tensor in self.network.state_dict().items()}
        state |= {f"best.{name}": array(tensor) for name, tensor in self.best.items()}
        state |= {f"history.{name}": values for name, values in self.histories_so_far().items()}
        for name, value in self.optimizer.state[self.vector.values].items():
            if value is not None:
                state[f"optimizer.{name}"] = array(value)
        if self.task.fresh and self.overlap is not None:
            state["overlap.seen"] = self.overlap.seen
        at = Position(self.epoch, self.done, self.epoch_loss, self.epoch_seconds)
        return Checkpoint.freeze(state, self.trial.key, at)

    def _thaw(self, checkpoint: Checkpoint) -> None:
        key = self.trial.key
        checkpoint.check(key)
        try:
            at = Position.of(checkpoint.position, self.epochs, self.per_epoch)
        except ValueError as error:
            raise damaged(key, error) from error
        arrays = checkpoint.arrays(key, self._frozen_kinds(at))
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.network.load_state_dict(_named(tensors, "network."))
        self.best = _named(tensors, "best.")
        state = _named(tensors, "optimizer.")  # its count of updates stays here
        self.optimizer.state[self.vector.values] = {
            name: tensor if name == "step" else tensor.to(self.device) for name, tensor in state.items()
        }
        for name, values in self.histories.items():
            recorded = arrays[f"history.{name}"]
            values[: len(recorded)] = recorded
        if self.task.fresh and self.overlap is not None:
            self.overlap.seen = arrays["overlap.seen"]
        self.epoch, self.done, self.noted = at.epoch, at.done, at.done
        self.epoch_loss, self.epoch_seconds = at.epoch_loss, at.epoch_seconds

    def _frozen_kinds(self, at: Position) -> dict[str, Kind]:
        """Return what a checkpoint at this position holds."""
        recorded = {"update": at.done, "epoch": at.epoch}
        weights = {name: kind(array(tensor)) for name, tensor in self.network.state_dict().items()}
        kinds = {f"network.{name}": expected for name, expected in weights.items()}
        if self.patience is not None and at.epoch:
            kinds |= {f"best.{name}": expected for name, expected in weights.items()}
        kinds |= {f"history.{name}": kind(values[: recorded[axis_of(name)]]) for name, values in self.histories.items()}
        if at.done:
            state = state_kinds(self.settings, self.vector.values)
            kinds |= {f"optimizer.{name}": expected for name, expected in state.items()}
        if self.task.fresh and self.overlap is not None:
            kinds["overlap.seen"] = kind(self.overlap.seen)
        return kinds

    def _result(self, losses: dict[str, float], tested: dict[str, Float32]) -> Result:
        own = (registry.measures.load(name)() for name in registry.measures.own())
        network = self._here()
        recorded = [one.record(self.trial, self.task, network) for one in own if one.when == "training"]
        metrics = {**losses, **self._beyond(tested), **_all(one.metrics for one in recorded), **self._dropped()}
        criterion = self.task.criterion(self.trial.length)
        metrics["solved"] = float(criterion.met(metrics[criterion.metric]))
        histories = self.histories_so_far()
        if self.epochs:
            metrics["seconds_per_epoch"] = float(np.median(histories["seconds"]))
            epoch = self._solved_in(histories, criterion)
            if epoch is not None:
                metrics["updates_to_solve"] = float(epoch * self.per_epoch)
        if self.patience is not None:
            metrics |= {"epochs_trained": float(self.epoch), "best_epoch": float(self._best_epoch())}
        weights = {name: array(tensor) for name, tensor in self.network.state_dict().items()}
        return Result(
            metrics,
            {
                **histories,
                **{f"{name}{BY_LENGTH}": values for name, values in tested.items()},
                **_all(one.histories for one in recorded),
            },
            pack(weights),
            measured=self._measured(_all(one.sequences for one in recorded)),
        )

    def _beyond(self, tested: dict[str, Float32]) -> dict[str, float]:
        """Return the means of what is counted over the tested lengths that are longer than the one trained on."""
        longer = np.array(self.trial.test.lengths) > self.trial.length
        counted = {name: values for name, values in tested.items() if name != "loss"} if longer.any() else {}
        return {f"{name}_beyond": float(values[longer].mean(dtype=np.float64)) for name, values in counted.items()}

    def _here(self) -> Network:
        """Return the network on the CPU: step by step, a GPU is asked and answers at each step."""
        return self.network if at_once(self.device) else deepcopy(self.network).cpu()

    def _dropped(self) -> dict[str, float]:
        """Return the counts that are part of the digest, which knew nothing of what training was left without."""
        return {f"dropped_{split}": float(n) for split, n in self.dropped.items() if split != "train"}

    def _measured(self, sequences: Mapping[str, int]) -> dict[str, Measured]:
        """Return what stands outside the digest; see Measured."""
        constant = self.objective.constant(self.test.y.numpy(), None if self.test.at is None else self.test.at.numpy())
        found = {"memoryless": memoryless(self.objective.kind, constant, self.test_losses, self.test_sequences)}
        if len(self.test) > 1:
            found["spread"] = Measured({"test_sd": float(np.std(self.test_losses, ddof=1))})
        if self.tolerance is not None:
            found["wrong"] = Measured({"test_wrong": self.wrong / len(self.test)})
        if self.overlap is not None and (sequences or self.task.tokens):  # other numbers are never the same twice
            found["overlap"] = self.overlap.measured(self.dropped.get("train", 0), sequences, fresh=self.task.fresh)
        if self.task.readout == "every" and self.task.objective == "mse":
            found["common"] = common(self.network, self.native, self.test)
        return found

    def _solved_in(self, histories: Mapping[str, Float32], criterion: Criterion) -> int | None:
        """Return the first epoch, from 1, in which a criterion is met; None where none is, or nobody has watched it.

        Watched is the same quantity on the validation split; without one, of a loss, that on the training split.
        """
        kind = criterion.metric.removeprefix("test_")
        watched = histories.get(f"{VALIDATION}{'loss' if kind == self.objective.kind else kind}")
        if watched is None and kind == self.objective.kind:
            watched = histories["train_loss"]
        if watched is None:
            return None
        met = np.flatnonzero([criterion.met(float(value)) for value in watched])
        return int(met[0]) + 1 if len(met) else None


def _all(parts: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
    """Return what several mappings hold, which have no name in common."""
    return {name: value for part in parts for name, value in part.items()}


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
