"""A trained model: its weights, and how it continues a prompt, step by step, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from operator import index
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray

from unroll import registry
from unroll.axes import Float64
from unroll.capabilities import Writes
from unroll.errors import DamagedError, PlugInError, PromptError
from unroll.models.network import Explains, Network
from unroll.models.resolve import resolve
from unroll.nn import decelerate
from unroll.store.reader import Reader
from unroll.streams import KeyedStreams
from unroll.study import GenerateSettings, Trial
from unroll.study.messages import shown
from unroll.tasks import Task
from unroll.tasks.numbers import Numbers, too_short
from unroll.training import single_thread
from unroll.training.continuing import free_running, precision, teacher_forced, written
from unroll.training.network import build_network
from unroll.training.prompts import prompt_of
from unroll.training.relative_error import relative_error
from unroll.training.tensors import kind, unpack

if TYPE_CHECKING:
    import pandas as pd

MOST_STEPS = 1_000_000
SYMBOLS = 200
"""How many symbols a text is continued by, where nobody says."""

Prompt: TypeAlias = Sequence[SupportsFloat] | NDArray[np.floating[Any] | np.integer[Any]]


@dataclass(frozen=True)
class Trained:
    """A trained model: its trial, its task with the trial's settings, and its network with the trained weights.

    ``network`` computes as it was trained, on the trial's backend. ``unroll.generate`` continues with it what its task
    is of: a number sequence, or a text.
    """

    trial: Trial
    task: Task
    network: Network

    def module(self) -> torch.nn.Module:
        """Return a copy of the network in which every recurrent layer is PyTorch's own, in evaluation mode.

        It maps inputs (B, T, I) to outputs, (B, O) or, for a task that reads every step, (B, T, O), and can be trained
        on.
        """
        copy = deepcopy(self.network)
        decelerate(copy)
        return copy.eval()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return copies of the trained weights by the names that they have in the network, as ``module`` takes them."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    @property
    def numbers(self) -> Numbers:
        """The task, one of number sequences; raises PromptError for any other, which generates nothing."""
        if not isinstance(self.task, Numbers) or self.trial.generate is None:
            raise PromptError(
                f'The task "{self.trial.task}" generates no sequences, so {self.trial} has nothing to continue. Choose '
                "a task that does: unroll tasks"
            )
        return self.task

    @property
    def settings(self) -> GenerateSettings:
        """How the trial generates; raises PromptError where its task does not."""
        assert self.numbers is self.task  # noqa: S101 - it raises where nothing is generated
        assert self.trial.generate is not None  # noqa: S101 - the same
        return self.trial.generate

    @property
    def rule(self) -> str | None:
        """The rule that the model found, in words, of the numbers x or of their codes u; None where it can say none."""
        if not isinstance(self.network, Explains) or not isinstance(self.task, Numbers):
            return None
        plain = self.task.representation == "raw" and self.task.scale == "prefix"
        return self.network.rule("x" if plain else "u") or None

    def __str__(self) -> str:
        return str(self.trial)


@dataclass(frozen=True)
class Continuation:
    """What a model put after a prompt, in the task's own units; float64, (steps,).

    ``truth`` holds the terms that the rule puts there, None where it does not determine them, NaN beyond the range of
    float64; ``relative_error`` as in ``unroll.training.relative_error``. ``teacher_forced``: each value was predicted
    from the true ones before it, not from the model's own.
    """

    prompt: Float64
    continuation: Float64
    truth: Float64 | None
    relative_error: Float64 | None
    teacher_forced: bool

    def table(self, series: str = "model") -> pd.DataFrame:
        """Return one row per step, from 1: step, value, truth, relative_error, and the name of the series."""
        import pandas as pd

        steps = np.arange(1, len(self.continuation) + 1)
        nothing = np.full(len(steps), np.nan)
        return pd.DataFrame(
            {
                "step": steps,
                "value": self.continuation,
                "truth": nothing if self.truth is None else self.truth,
                "relative_error": nothing if self.relative_error is None else self.relative_error,
                "series": series,
            }
        )


@dataclass(frozen=True)
class Written:
    """What a model put after the beginning of a text. ``sample``: the seed it was drawn with, None for the likeliest.

    A symbol of the continuation that is none of those kept (see ``unroll.tasks.text.Text``) stands there as □.
    """

    prompt: str
    continuation: str
    sample: int | None


def trained(trial: Trial, parameters: bytes) -> Trained:
    """Return the model that a trial trained, from the weights that the store keeps (safetensors bytes).

    Raises DamagedError for weights that are not this network's.
    """
    task = resolve(trial).task
    network = build_network(trial, KeyedStreams(trial.seed).generator("init"))
    try:
        weights = unpack(parameters, {name: kind(tensor.numpy()) for name, tensor in network.state_dict().items()})
    except ValueError as error:
        raise DamagedError(
            f"The weights of {trial} ({trial.key[:12]}) are not its network's: {error}. Forget its study (unroll "
            "forget) and train it again (unroll run)."
        ) from error
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    network.eval()
    return Trained(trial, task, network)


def load(store: Reader, key: str, files: Mapping[str, Mapping[str, str]] | None = None) -> Trained:
    """Return the model that a complete trial of a store trained, by its key or the first digits of it.

    ``files``: where users' files lie now, by the whole key and as in ``Trial.files``; else where they lay then.

    Raises UnknownNameError where there is no such trial, or it is not complete, PlugInError where its task or model has
    another version now: its weights would then stand for something else.
    """
    record = store.trial(key)
    parameters = store.parameters(record.key)
    trial = Trial.from_spec(dict(record.spec), (files or {}).get(record.key, record.files))
    for part, family, name in (("task", registry.tasks, trial.task), ("model", registry.models, trial.model)):
        found, wanted = family.version(name), trial.versions.get(part)
        if found != wanted:
            raise PlugInError(
                f'The {part} "{name}" has changed since {trial} ({record.key[:8]}) was trained: {wanted} then, {found} '
                f"now. Install that version, or take the weights alone: unroll export {record.key[:8]} --format "
                "safetensors"
            )
    return trained(trial, parameters)


@overload
def generate(
    model: Trained, prompt: str, steps: SupportsIndex | None = None, *, sample: SupportsIndex | None = None
) -> Written: ...


@overload
def generate(
    model: Trained,
    prompt: Prompt | None = None,
    steps: SupportsIndex | None = None,
    *,
    teacher_forced: bool = False,
) -> Continuation: ...


@overload
def generate(
    model: Trained,
    prompt: Prompt | str | None = None,
    steps: SupportsIndex | None = None,
    *,
    teacher_forced: bool = False,
    sample: SupportsIndex | None = None,
) -> Continuation | Written: ...


def generate(
    model: Trained,
    prompt: Prompt | str | None = None,
    steps: SupportsIndex | None = None,
    *,
    teacher_forced: bool = False,
    sample: SupportsIndex | None = None,
) -> Continuation | Written:
    """Continue a prompt; return the values, beside the truth where the task's rule determines it, or the text.

    Parameters
    ----------
    model
        From ``unroll.load_model``.
    prompt
        Of a task of numbers: finite numbers in the task's own units, a sequence or a NumPy array of one axis; default:
        that of the trial's ``[generate]``, else the task's own. Of a task of text: its beginning, a string.
    steps
        How many values or symbols to add, 1 to 1,000,000. Default: that of the trial's ``[generate]``; of a text 200.
        The memory in use does not grow with them, but for the values themselves.
    teacher_forced
        Of numbers: predict each value from the true ones before it instead of from the model's own. Needs a rule.
    sample
        Of a text: draw each symbol by the probability that the model gives it, with this seed, 0 or above. Default:
        take the likeliest.

    The same prompt gives the same bits. Raises PromptError for a prompt that cannot be continued, and where a value
    leaves the range of numbers, with the step.

    """
    if isinstance(model.task, Writes):
        return _written(
            model, model.task, *_checked_text(model.trial, model.task, prompt, steps, teacher_forced, sample)
        )
    given, wanted = _checked_numbers(model, prompt, steps, sample, model.network.window)
    with np.errstate(all="ignore"):  # overflow is looked for in each value
        truth = _truth(model, given, wanted)
        values = _values(model, given, wanted, truth if teacher_forced else None, teacher_forced)
    error = None if truth is None else relative_error(values, truth, given)
    if error is not None and truth is not None:
        error[np.isnan(truth)] = np.nan
    return Continuation(given, values, truth, error, teacher_forced)


def _written(model: Trained, task: Writes, text: str, ids: list[int], count: int, seed: int | None) -> Written:
    draw = None if seed is None else KeyedStreams(seed).generator("sample")
    with single_thread():
        try:
            symbols = list(islice(written(model.network, ids, model.task.inputs, draw), count))
        except FloatingPointError as error:
            raise PromptError(f"{model} cannot continue this: {error}. Train it anew with a lower rate.") from error
    return Written(text, task.text_of(symbols), seed)


def _checked_text(
    trial: Trial,
    task: Writes,
    prompt: Prompt | str | None,
    steps: SupportsIndex | None,
    forced: bool,
    sample: SupportsIndex | None,
) -> tuple[str, list[int], int, int | None]:
    """Return a text, its symbols, how many follow and the seed, after everything that can be wrong with them."""
    if forced:
        raise PromptError(f"{trial} continues a text, of which nobody knows how it goes on: no teacher forcing.")
    if not isinstance(prompt, str) or not prompt:
        given = "" if prompt is None or prompt == "" else f", not {shown(prompt)}"
        raise PromptError(f'{trial} continues a text. Give its beginning{given}, such as --prompt "Once upon a time".')
    return prompt, task.read(prompt), _counted(SYMBOLS if steps is None else steps), _seed(sample)


def _seed(sample: SupportsIndex | None) -> int | None:
    """Return a seed as Python's int; None for none."""
    if sample is None:
        return None
    try:
        seed = -1 if isinstance(sample, bool) else index(sample)
    except TypeError:
        seed = -1
    if seed < 0:
        raise PromptError(f"{shown(sample)} is no seed: a whole number, 0 or above.")
    return seed


def check_prompt(
    trial: Trial,
    prompt: Prompt | str | None = None,
    steps: SupportsIndex | None = None,
    *,
    teacher_forced: bool = False,
    sample: SupportsIndex | None = None,
) -> None:
    """Raise PromptError for what is wrong with a prompt before its trial has been trained; see ``generate``."""
    task, declared = resolve(trial)
    if isinstance(task, Writes):
        _checked_text(trial, task, prompt, steps, teacher_forced, sample)
        return
    if not isinstance(task, Numbers) or trial.generate is None:
        return  # said by ``trained``
    model = Trained(trial, task, build_network(trial, KeyedStreams(trial.seed).generator("init")))
    window = 1 if declared.fitted else model.network.window  # a fit decides its window
    checked, count = _checked_numbers(model, prompt, steps, sample, window)
    if teacher_forced:
        with np.errstate(all="ignore"):
            _known(model, _truth(model, checked, count))


def _checked_numbers(
    model: Trained, prompt: Prompt | str | None, steps: SupportsIndex | None, sample: SupportsIndex | None, window: int
) -> tuple[Float64, int]:
    """Return a prompt and how many values follow, after everything that can be wrong with them."""
    numbers = model.numbers
    if sample is not None:
        raise PromptError(
            f"{model} continues numbers, which are computed and not drawn. Leave the seed of a sample out."
        )
    given = _checked(model, prompt_of(model.trial, numbers) if prompt is None else prompt, window)
    return given, _counted(model.settings.steps if steps is None else steps)


def _counted(steps: SupportsIndex) -> int:
    """Return a number of steps as Python's int, after everything that can be wrong with it."""
    try:
        count = 0 if isinstance(steps, bool) else index(steps)
    except TypeError:
        count = 0
    if not 1 <= count <= MOST_STEPS:
        raise PromptError(f"{shown(steps)} steps cannot be generated: 1 to {MOST_STEPS:,}, a whole number.")
    return count


def _checked(model: Trained, prompt: Prompt | str, window: int) -> Float64:
    """Return a prompt as an array, after everything that can be wrong with it where outputs rest on such a window."""
    try:
        if np.asarray(prompt).dtype.kind in "US":  # which NumPy reads as Python does
            raise TypeError
        given = np.asarray(prompt, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise PromptError(f"{shown(prompt)} is no prompt: give numbers, such as 1,3,5,7,9.") from None
    if given.ndim != 1:
        raise PromptError(f"A prompt is one sequence of numbers, not an array of shape {given.shape}.")
    if not len(given):
        raise PromptError("The prompt is empty. Give at least one number, such as --prompt 1,3,5,7,9.")
    for place in np.flatnonzero(~np.isfinite(given))[:1]:
        raise PromptError(f"Value {place + 1} of the prompt is {given[place]}. Give finite numbers.")
    least = model.numbers.needed(model.trial.length, window)
    if len(given) < least:
        raise PromptError(too_short(model.trial.model, least, len(given)))
    with np.errstate(all="ignore"):
        coded = model.numbers.coding.encode(given[None] / model.numbers.scales(given[None])[:, None])[0]
    largest = torch.finfo(precision(model.network)).max
    for place in np.flatnonzero(~(np.abs(coded) <= largest))[:1]:
        raise PromptError(
            f"Value {place + 1} of the prompt, {given[place]:g}, is {coded[place]:g} as the network sees it "
            f"({model.numbers.representation}): beyond {largest:.2g}, its largest number. Give smaller numbers."
        )
    return given


def _truth(model: Trained, prompt: Float64, steps: int) -> Float64 | None:
    truth = model.numbers.truth(prompt, steps, model.trial.length)
    return None if truth is None else np.where(np.isfinite(truth), truth, np.nan)


def _known(model: Trained, truth: Float64 | None) -> Float64:
    """Return the truth that is to be fed; PromptError where there is none."""
    if truth is None:
        raise PromptError(
            f'The task "{model.trial.task}" does not determine what follows this prompt: no truth to be fed. '
            "Give a prompt that follows its rule, or leave out --teacher-forced."
        )
    return truth


def _values(model: Trained, prompt: Float64, steps: int, truth: Float64 | None, forced: bool) -> Float64:
    if forced:
        whole = np.concatenate([prompt, _known(model, truth)])[None]
        predictions = teacher_forced(model.network, model.numbers, whole, len(prompt))
    else:
        predictions = free_running(model.network, model.numbers, prompt[None], model.settings.prime)
    values = np.empty(steps)
    with single_thread():
        for place, value in enumerate(islice(predictions, steps)):
            values[place] = value[0]
            if not np.isfinite(value[0]):
                raise PromptError(
                    f"At step {place + 1} the continuation leaves the range of numbers ({value[0]}). Generate "
                    f"{place or 'no'} steps, or give another prompt."
                )
    return values
