"""What tasks and models said of themselves when a study was planned: how it is told in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from unroll import registry
from unroll.capabilities import Capability
from unroll.quantity import Quantity

if TYPE_CHECKING:
    from unroll.analysis.finding import Words
    from unroll.store import PlannedTrial


@dataclass(frozen=True, eq=False)
class Told:
    """What the plug-ins of these trials said; ``stored``: by kind and name, as the store has it."""

    planned: Sequence[PlannedTrial]
    stored: Mapping[str, Any]

    def facts(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return what a "task" or a "model" said of itself when the study was planned; see ``PlugIn.told``.

        Of a store that was written before plug-ins said so much, what they say now. Empty where neither is there.
        """
        stored: Mapping[str, Any] = self.stored.get(kind, {}).get(name, {})
        if "called" in stored:  # the fact that was told last
            return stored
        family = registry.tasks if kind == "task" else registry.models
        try:
            return {**family.load(name).told(), **stored}
        except Exception:  # it is not installed, or a third party's class is broken in any way
            return stored

    def can(self, kind: str, name: str, capability: type[Capability]) -> bool:
        """Say whether a "task" or a "model" said that it can do something."""
        return capability.capability in self.facts(kind, name).get("capabilities", ())

    @cached_property
    def stateless(self) -> frozenset[str]:
        """The models that keep no state: their memory is a window of the last inputs, or nothing."""
        models = {trial.model for trial in self.planned}
        return frozenset(model for model in models if self.facts("model", model).get("memory", "state") != "state")

    @cached_property
    def words(self) -> Words:
        """How sentences and figures name tasks, models and levels of settings."""
        from unroll.analysis.finding import Words

        def facts(kind: str) -> dict[str, Mapping[str, Any]]:
            return {name: self.facts(kind, name) for name in {getattr(trial, kind) for trial in self.planned}}

        def said(told: dict[str, Mapping[str, Any]], fact: str) -> dict[str, str]:
            return {name: str(one[fact]) for name, one in told.items() if one.get(fact)}

        tasks, models = facts("task"), facts("model")
        levels: dict[str, Mapping[str, Mapping[str, str]]] = {}
        for told in (*tasks.values(), *models.values()):
            levels |= told.get("called", {})
        return Words(said(tasks, "in_a_sentence"), said(models, "in_a_sentence"), said(tasks, "title"), levels)

    @cached_property
    def counted(self) -> Mapping[str, Quantity]:
        """What is counted beside the test loss, by the names of the metrics, as the trials' tasks declare it."""
        declared = {id(trial.declared): trial.declared for trial in self.planned}.values()  # many share one
        said = {str(one): one for texts in declared for one in texts.get("quantities", ())}
        return {quantity.name: quantity for quantity in map(Quantity.of, said.values())}
