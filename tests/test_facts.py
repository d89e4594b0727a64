"""What plug-ins say of themselves: told without torch, stored with the plan, read where they are not installed.

Planted and found: a capability of a base that is not one; a network of a window that says it has a state, and the other
way round; facts of an older store not completed; what is stored replaced by what is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unroll
from unroll import registry
from unroll.capabilities import Continues, Recalls
from unroll.models import Model
from unroll.models.drift import Drift
from unroll.models.feedforward import Feedforward
from unroll.models.gru import GRU
from unroll.running.planning import plan
from unroll.store import PlannedStudy, Store
from unroll.tasks.adding import Adding
from unroll.tasks.announce import Announce
from unroll.tasks.fibonacci import Fibonacci
from unroll.testing.models import ModelConformance

STUDY = unroll.Study(
    name="recall",
    factors={"task": ["announce", "fibonacci"], "model": ["gru", "feedforward", "drift"], "length": [3], "seed": [1]},
    where=[{"match": {"model": "drift"}, "task": {"representation": "raw"}}],
)


def test_every_plug_in_is_told_without_torch() -> None:
    script = """
import json, sys
from unroll import registry
families = (registry.tasks, registry.models)
print(json.dumps({name: family.load(name).told() for family in families for name in family.names()}))
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert {*registry.tasks.names(), *registry.models.names()} == facts.keys()
    titles = [one["title"] for one in facts.values()]
    assert len({*titles}) == len(titles)
    assert all(one["in_a_sentence"] and one["summary"] for one in facts.values())


def test_what_a_plug_in_says() -> None:
    assert GRU.told()["in_a_sentence"] == "the GRU"
    assert [model.told()["memory"] for model in (GRU, Feedforward, Drift)] == ["state", "window", "window"]
    assert Adding.told()["capabilities"] == []
    assert Fibonacci.told()["capabilities"] == ["continues"]
    assert set(Announce.told()["capabilities"]) == {"continues", "recalls"}
    assert isinstance(Announce(), Continues)
    assert isinstance(Announce(), Recalls)
    assert "memory" not in Adding.told()


@pytest.mark.parametrize(
    ("name", "title", "sentence"),
    [("mine", "mine", 'the model "mine"'), ("my_lstm", "my LSTM", "the my LSTM")],
)
def test_a_plug_in_that_gives_no_words_is_named_by_its_name(name: str, title: str, sentence: str) -> None:
    mine = type("Mine", (Model,), {"name": name, "summary": "mine", "__module__": __name__})
    facts = mine.told()
    assert (facts["title"], facts["in_a_sentence"], facts["memory"]) == (title, sentence, "state")


@pytest.mark.parametrize(
    ("base", "says"), [(GRU, "window"), (GRU, "none"), (Feedforward, "state"), (Feedforward, "none")]
)
def test_a_model_that_says_what_is_not_so_breaks_its_contract(base: type[Model], says: str) -> None:
    class Suite(ModelConformance):
        def model(self) -> Model:
            lying: type[Model] = type("Lying", (base,), {"memory": says, "__module__": __name__})
            return lying(hidden=4)

    with pytest.raises(AssertionError, match=f'its memory is not "{says}"'):
        Suite().test_its_memory_is_what_it_says()


def planned(path: Path, change: Any = lambda facts: facts) -> unroll.Results:
    """Store the plan of the study, its plug-ins' facts changed."""
    found = plan(STUDY, unroll.expand(STUDY))
    plugins = {kind: {name: change(facts) for name, facts in family.items()} for kind, family in found.plugins.items()}
    with Store.open(path, write=True) as store:
        store.plan(PlannedStudy(**{**vars(found), "plugins": plugins}))
    return unroll.results(STUDY, path)


def test_facts_are_read_from_the_plan_where_a_plug_in_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = planned(tmp_path / "r.db")
    for family in (registry.tasks, registry.models):
        monkeypatch.setattr(family, "_builtin", {})
    assert results.told.stateless == {"feedforward", "drift"}
    assert results.told.facts("task", "announce")["title"] == "delayed recall"
    assert set(results.window_lag()["task"]) == {"announce"}


def test_what_is_stored_counts(tmp_path: Path) -> None:
    results = planned(tmp_path / "r.db", lambda facts: {**facts, "memory": "state", "capabilities": []})
    assert results.told.stateless == frozenset()
    assert results.window_lag().empty


def test_an_older_store_is_completed_by_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = {"summary", "sources", "tags", "version"}
    results = planned(tmp_path / "r.db", lambda facts: {name: "as it was" for name in facts if name in older})
    assert results.told.stateless == {"feedforward", "drift"}
    assert results.told.facts("model", "drift")["summary"] == "as it was"
    assert set(results.window_lag()["task"]) == {"announce"}
    monkeypatch.setattr(registry.models, "_builtin", {})
    again = unroll.results(STUDY, results.path)
    assert again.told.stateless == frozenset()
    assert again.told.facts("model", "no_such") == {}
