"""Settings: frozen mappings as a study holds them, and the settings of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import PydanticCustomError, core_schema

LONGEST_RANGE = 1_000_000


class Settings(Mapping[str, Any]):
    """A mapping that never changes: lists inside it become tuples, mappings become Settings; it can be hashed."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None, /, **more: Any):
        self._items = {str(key): frozen(value) for key, value in {**(items or {}), **more}.items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"Settings({self._items!r})"

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return type(self), (self._items,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._from_table,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.plain, return_schema=handler(dict)),
        )

    @classmethod
    def _from_table(cls, value: Any) -> Settings:
        if not isinstance(value, Mapping):
            raise PydanticCustomError("dict_type", "not a table")
        return value if isinstance(value, Settings) else cls(value)

    def plain(self) -> dict[str, Any]:
        """Return the same as dicts and lists, as JSON knows them."""
        return {key: plain(value) for key, value in self._items.items()}


def plain(value: Any) -> Any:
    """Return a value with every Settings in it as a dict and every tuple as a list."""
    value = native(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def native(value: Any) -> Any:
    """Return NumPy's scalars and arrays as Python's numbers and lists, a range as a tuple, all else as it is.

    Raises ValueError for a range of more than ``LONGEST_RANGE`` values, which would fill the memory.
    """
    if isinstance(value, range):
        if value[LONGEST_RANGE:]:
            raise ValueError(f"{value} has more than {LONGEST_RANGE:,} values. Shorten it")
        return tuple(value)
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def frozen(value: Any) -> Any:
    """Return a value that can be hashed: lists in it become tuples, mappings become Settings."""
    value = native(value)
    if isinstance(value, Mapping):
        return Settings(value)
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    if isinstance(value, float) and value == 0:
        return 0.0  # -0.0 is equal to it, and would have another key
    return value


class _Native(BaseModel):
    """A form whose fields may be given NumPy's values and ranges; it holds Python's own."""

    @model_validator(mode="before")
    @classmethod
    def _with_native_values(cls, data: Any) -> Any:
        return {name: _native(value) for name, value in data.items()} if isinstance(data, dict) else data


def _native(value: Any) -> Any:
    value = native(value)
    return type(value)(map(native, value)) if type(value) in (list, tuple) else value


class Frozen(_Native):
    """Base of studies and trials: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return the same with some fields changed: checked, and with a key or digest of its own."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **(update or {})})


LATER: Final = "later"
"""Marks a field, in ``Annotated``, that came when results were stored already: see ``Section.resolved``."""


class Section(_Native):
    """Base of everything that a section of a study file describes: frozen, strict, no unknown keys, no NaN."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )

    def resolved(self) -> dict[str, Any]:
        """Return the settings as a trial's key holds them: all, but for fields marked LATER that have their default.

        What was stored before such a field existed was trained with what is now its default, and keeps its key.
        """
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.model_dump().items()
            if LATER not in fields[name].metadata or getattr(self, name) != fields[name].get_default()
        }


def none_word(value: Any) -> Any:
    """Read the word "none" of a study file as None, which TOML does not have."""
    return None if isinstance(value, str) and value == "none" else value


def backend_word(value: Any) -> Any:
    """Read "torch" as "reference": what files, keys and stores call PyTorch's own layers."""
    return "reference" if value == "torch" else value


def device_word(value: Any) -> Any:
    """Refuse "gpu", which means one of two devices and is as near to "cpu" as a word can be."""
    if value == "gpu":
        raise ValueError("'gpu' is 'cuda' (NVIDIA, AMD) or 'mps' (Apple). Set the one that there is")
    return value


def as_read(name: str, value: Any) -> Any:
    """Return a setting's value as its form reads it, for comparison: words that mean the same are one."""
    return backend_word(value) if name == "train.backend" else none_word(value)


def as_level(name: str, value: Any) -> tuple[bool, Any]:
    """Return what two values of a factor have in common only where they are one level: true is not 1."""
    return isinstance(value, bool), as_read(name, value)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Limit: TypeAlias = Annotated[Annotated[float, Field(gt=0, le=1e9)] | None, BeforeValidator(none_word)]
Epochs: TypeAlias = Annotated[Annotated[int, Field(ge=1, le=1_000_000)] | None, BeforeValidator(none_word)]


class TrainSettings(Section):
    """How a trial is trained: the section ``[train]``.

    ``clip_norm`` bounds the norm of the gradient over all parameters, ``clip_value`` each of its elements; "none" (the
    default) leaves it alone. ``momentum`` belongs to sgd and rmsprop, ``alpha`` (the share of the past in the mean of
    squared gradients) to rmsprop. The other constants of the optimizers are PyTorch's own (Adam and AdamW: betas 0.9
    and 0.999, eps 1e-8; RMSprop: eps 1e-8).

    ``weight_decay``, 0 by default for every optimizer, is over all trained parameters, biases included: adamw
    multiplies them by 1 - learning_rate · weight_decay before each update; the others add weight_decay · parameter
    to the gradient, after it was clipped.

    ``backend``: "native" kernels, "torch" for PyTorch's own layers ("reference" in keys and stores), or "auto", the
    kernels where they can run.

    ``device``: "cpu", or "cuda" or "mps", where PyTorch's own layers train on a GPU, one for each worker; see
    ``unroll.training.devices``. All trials of a study have the same. Models that are fitted need no GPU and use none.

    ``schedule`` says how the learning rate changes, see ``unroll.training.schedules``: "cosine" falls with each update
    from ``learning_rate`` towards ``final_learning_rate``; "step" multiplies it by ``step_factor`` after every
    ``step_epochs`` epochs.

    ``patience`` stops the training early: after so many epochs in a row without a new lowest validation loss. The
    weights of the epoch with the lowest one are tested and stored, also where all ``epochs`` were trained.

    ``precision`` of an update's products with the recurrent weights: "float32", or "bf16", in which their operands are
    rounded to bfloat16 and summed in float32, on a processor that has AMX or AVX-512 BF16. Weights, states, gates,
    gradients and the optimizer are float32 in either, and so are evaluations. Native kernels alone have it.
    """

    epochs: int = Field(50, ge=1, le=1_000_000)
    batch: int = Field(64, ge=1, le=10_000_000)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=1e3)
    momentum: float = Field(0.0, ge=0, lt=1)
    clip_norm: Limit = None
    clip_value: Limit = None
    backend: Annotated[Literal["auto", "reference", "native"], BeforeValidator(backend_word)] = "auto"
    alpha: Annotated[float, LATER] = Field(0.99, ge=0, lt=1)
    weight_decay: Annotated[float, LATER] = Field(0.0, ge=0, le=1e3)
    schedule: Annotated[Literal["constant", "cosine", "step"], LATER] = "constant"
    final_learning_rate: Annotated[float, LATER] = Field(0.0, ge=0, le=1e3)
    step_epochs: Annotated[Epochs, LATER] = None
    step_factor: Annotated[float, LATER] = Field(0.1, gt=0, lt=1)
    patience: Annotated[Epochs, LATER] = None
    device: Annotated[Literal["cpu", "cuda", "mps"], BeforeValidator(device_word), LATER] = "cpu"
    precision: Annotated[Literal["float32", "bf16"], LATER] = "float32"

    @model_validator(mode="after")
    def _combination(self) -> TrainSettings:
        if self.momentum and self.optimizer in ("adam", "adamw"):
            raise ValueError(
                f"train.momentum is for sgd and rmsprop; {self.optimizer} would ignore it. Give it in a [[where]] with "
                'match = { "train.optimizer" = "sgd" }'
            )
        if self.clip_norm and self.clip_value:
            raise ValueError("train.clip_norm and train.clip_value exclude each other: set one of them to 'none'")
        for setting, (owner, value) in BELONGS_TO.items():
            if (
                getattr(self, setting) != type(self).model_fields[setting].get_default()
                and getattr(self, owner) != value
            ):
                raise ValueError(
                    f"train.{setting} is for {owner} {value!r}; {getattr(self, owner)!r} would ignore it. Give it in a "
                    f'[[where]] with match = {{ "train.{owner}" = "{value}" }}, or remove it'
                )
        if self.precision == "bf16" and (self.device != "cpu" or self.backend == "reference"):
            held = f"train.device {self.device!r}" if self.device != "cpu" else "train.backend 'torch'"
            raise ValueError(
                f"train.precision 'bf16' is of the native kernels, which {held} excludes. Set train.device to "
                "'cpu' and train.backend to 'auto' or 'native', or train.precision to 'float32'"
            )
        if self.schedule == "step" and self.step_epochs is None:
            raise ValueError("train.schedule 'step' needs train.step_epochs: after how many epochs the rate falls")
        if self.schedule == "cosine" and self.final_learning_rate >= self.learning_rate:
            raise ValueError(
                f"train.final_learning_rate {self.final_learning_rate:g} is not below train.learning_rate "
                f"{self.learning_rate:g}, from which the rate falls. Lower it"
            )
        return self


BELONGS_TO: Final[Mapping[str, tuple[str, str]]] = {
    "alpha": ("optimizer", "rmsprop"),
    "final_learning_rate": ("schedule", "cosine"),
    "step_epochs": ("schedule", "step"),
    "step_factor": ("schedule", "step"),
}
"""Settings of training that nothing reads unless another one has this value."""

UNWATCHED: Final = (
    "early stopping watches the validation loss, and there are no validation sequences. Set task.validation to more "
    "than 0"
)
"""What is wrong with ``patience`` where a trial has no validation split."""

LONGEST_TESTED = 1_000_000
MOST_TESTED = 100


class LengthSettings(Section):
    """At which further lengths a trained model is tested: the section ``[test]``.

    Each of ``lengths``, in rising order, has a test split of its own, drawn after the training; none by default.
    """

    lengths: Annotated[
        tuple[Annotated[int, Field(ge=1, le=LONGEST_TESTED)], ...],
        BeforeValidator(_as_tuple),
        Field(max_length=MOST_TESTED),
        LATER,
    ] = ()

    @model_validator(mode="after")
    def _rising(self) -> LengthSettings:
        for before, after in pairwise(self.lengths):
            if after == before:
                raise ValueError(f"test.lengths has {after} twice. Remove one")
            if after < before:
                raise ValueError(f"test.lengths must rise: {after} comes after {before}. Sort them")
        return self


LONGEST_PROMPT = 10_000
LONGEST_STORED = 10_000
FURTHEST = 64
"""Terms beyond the window that a task gives for the measures."""

Prompt: TypeAlias = Annotated[
    Annotated[tuple[float, ...], Field(min_length=1, max_length=LONGEST_PROMPT)] | None,
    BeforeValidator(lambda value: none_word(_as_tuple(value))),
]


class GenerateSettings(Section):
    """How a trained model continues a sequence, and how far that is measured: the section ``[generate]``.

    ``prime`` says how the model is prepared: "once", the prompt is read and the output at its last value is the first
    prediction; "twice", as in the source notebook, the last value is fed again first. ``prompt`` ("none": the task's
    own) is continued for ``steps`` values, which are stored with the trial. On the test sequences, free-running errors
    are measured up to ``horizon`` steps ahead.
    """

    prime: Literal["once", "twice"] = "once"
    prompt: Prompt = None
    steps: int = Field(8, ge=1, le=LONGEST_STORED)
    horizon: int = Field(32, ge=8, le=FURTHEST)
