"""Settings: frozen mappings as a study holds them, and the settings of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import PydanticCustomError, core_schema


class Settings(Mapping[str, Any]):
    """A mapping that never changes: lists inside it become tuples, mappings become Settings; it can be hashed."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None, /, **more: Any):
        self._items = {str(key): _frozen(value) for key, value in {**(items or {}), **more}.items()}

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
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Settings(value)
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value


class Frozen(BaseModel):
    """Base of studies and trials: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return the same with some fields changed: checked, and with a key or digest of its own."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **(update or {})})


class Section(BaseModel):
    """Base of everything that a section of a study file describes: frozen, strict, no unknown keys, no NaN."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )


def _none_word(value: Any) -> Any:
    return None if value == "none" else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Limit: TypeAlias = Annotated[Annotated[float, Field(gt=0, le=1e9)] | None, BeforeValidator(_none_word)]


class TrainSettings(Section):
    """How a trial is trained: the section ``[train]``.

    ``clip_norm`` bounds the norm of the gradient over all parameters, ``clip_value`` each of its elements; "none" (the
    default) leaves it alone. ``momentum`` belongs to sgd and rmsprop. The other constants of the optimizers are
    PyTorch's own (Adam: betas 0.9 and 0.999, eps 1e-8; RMSprop: alpha 0.99, eps 1e-8).
    """

    epochs: int = Field(50, ge=1, le=1_000_000)
    batch: int = Field(64, ge=1, le=10_000_000)
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=1e3)
    momentum: float = Field(0.0, ge=0, lt=1)
    clip_norm: Limit = None
    clip_value: Limit = None
    backend: Literal["auto", "reference", "native"] = "auto"

    @model_validator(mode="after")
    def _combination(self) -> TrainSettings:
        if self.momentum and self.optimizer == "adam":
            raise ValueError(
                "train.momentum is for sgd and rmsprop; adam would ignore it. Give it in a [[where]] with "
                'match = { "train.optimizer" = "sgd" }'
            )
        if self.clip_norm and self.clip_value:
            raise ValueError("train.clip_norm and train.clip_value exclude each other: set one of them to 'none'")
        return self


LONGEST_PROMPT = 10_000
LONGEST_STORED = 10_000
FURTHEST = 64
"""Terms beyond the window that a task gives for the measures."""

Prompt: TypeAlias = Annotated[
    Annotated[tuple[float, ...], Field(min_length=1, max_length=LONGEST_PROMPT)] | None,
    BeforeValidator(lambda value: _none_word(_as_tuple(value))),
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
