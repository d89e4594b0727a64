"""What every plug-in declares of itself: a task, a model, a measure. Known from its class, without torch."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from unroll.capabilities import capabilities
from unroll.citation import cited
from unroll.study.settings import Section
from unroll.wording import label


@dataclass(frozen=True)
class Level:
    """What a value of a setting is called: ``short`` in a title, ``words`` after "with" in a sentence."""

    short: str
    words: str


class PlugIn(Section, ABC):
    """The one base of all kinds of plug-ins: a frozen pydantic model whose fields are its settings in a study file.

    Types, bounds and defaults stand on the fields and are checked before anything is trained, without torch. Its facts
    are class variables, stored with a study when it is planned (``told``), so that results can be read without it. What
    only some can do is a class of ``unroll.capabilities`` that these inherit from.
    """

    noun: ClassVar[str]
    """"task" or "model": set by the base of its kind."""
    name: ClassVar[str]
    """What study files call it."""
    summary: ClassVar[str]
    """What it is, in a line."""
    title: ClassVar[str] = ""
    """As a legend shows it: "tanh RNN". Its name, with known acronyms as capitals, where it gives none."""
    in_a_sentence: ClassVar[str] = ""
    """As a sentence names it: "the tanh RNN", "the adding problem". Its title with its kind where it gives none."""
    version: ClassVar[str | None] = None
    """Changes whenever the same settings and streams would give something else; see ``unroll.versions``."""
    sources: ClassVar[tuple[str, ...]] = ()
    """What to cite: keys of BibTeX entries, in unroll's ``references.bib`` or in ``references``."""
    references: ClassVar[str] = ""
    """A BibTeX file of one's own, beside the module; see ``unroll.citation.cited``."""
    tags: ClassVar[tuple[str, ...]] = ()
    called: ClassVar[Mapping[str, Mapping[str, Level]]] = {}
    """What values of its settings are called, by setting and value: ``{"task.code": {"raw": Level("raw", "...")}}``."""

    @classmethod
    def __pydantic_init_subclass__(cls, **further: Any) -> None:
        """Let go of the names around a class that a function defines: all they hold would go to each worker with it."""
        super().__pydantic_init_subclass__(**further)
        if cls.__pydantic_complete__:
            cls.__pydantic_parent_namespace__ = None

    @classmethod
    def told(cls) -> dict[str, Any]:
        """Return its facts as plain data, sources as whole entries; but for its version, see ``unroll.versions``.

        Raises PlugInError for a source that is in no file.
        """
        title = str(cls.title) or label(str(cls.name))
        return {
            "summary": str(cls.summary),
            "title": title,
            "in_a_sentence": str(cls.in_a_sentence)
            or (f"the {title}" if title != cls.name else f'the {cls.noun} "{title}"'),
            "tags": [str(tag) for tag in cls.tags],
            "sources": cited(cls),
            "capabilities": capabilities(cls),
            "called": {
                str(setting): {str(value): asdict(level) for value, level in levels.items()}
                for setting, levels in cls.called.items()
            },
        }
