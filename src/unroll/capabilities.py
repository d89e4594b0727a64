"""What some plug-ins can do and others cannot: classes to inherit from, that ``isinstance`` can ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar


class Capability:
    """Base of what can be asked for. ``capability`` is the word that stands for it where facts are stored."""

    capability: ClassVar[str]


class Continues(Capability):
    """A task whose sequences can be continued: a trained network can continue one on its own output."""

    capability = "continues"


class Writes(Capability, ABC):
    """A task of a text, whose symbols can be read and written: a trained network can go on with it."""

    capability = "writes"

    @abstractmethod
    def read(self, text: str) -> list[int]:
        """Return the ids of a text's symbols; raises PromptError for one that training never showed."""

    @abstractmethod
    def text_of(self, ids: Sequence[int]) -> str:
        """Return symbols as the text that they are."""


class Recalls(Capability):
    """A task whose length is a lag: a value is shown, and asked for so many steps later."""

    capability = "recalls"


def capabilities(plugin: type) -> list[str]:
    """Return the words of what a class can do."""
    return [base.capability for base in plugin.__mro__ if issubclass(base, Capability) and Capability in base.__bases__]
