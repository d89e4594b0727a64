"""Sources: entries stand once and are found by their keys; an unknown key is said, with the nearest one.

Planted and found: an entry that ends at its first closing brace; unroll's entry before a third party's of the same key;
the file of the module that runs in place of that of the class; an unknown key passed over when a study is planned.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unroll
from unroll import registry
from unroll.citation import cited, entries
from unroll.errors import PlugInError
from unroll.models.lstm import LSTM
from unroll.running.planning import plan
from unroll.tasks.adding import Adding
from unroll.testing.models import ModelConformance

OURS = (files("unroll") / "references.bib").read_text(encoding="utf-8")


def test_every_entry_of_ours_is_named_and_every_named_key_has_one() -> None:
    plugins = [
        family.load(name) for family in (registry.tasks, registry.models, registry.measures) for name in family.names()
    ]
    named = {key for plugin in plugins for key in plugin.sources}
    assert named == set(entries(OURS, "ours"))
    assert list(entries(OURS, "ours")) == sorted(named, key=str.lower), "in alphabetical order"
    for plugin in plugins:
        texts = cited(plugin)
        assert all(f"{{{key}," in text for key, text in zip(plugin.sources, texts, strict=True))
        assert plugin.told()["sources"] == texts


TEXT = st.text(st.sampled_from('ab 1\\"\n,=é'), max_size=12)
NESTED = st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3).map(lambda parts: "{" + "".join(parts) + "}"))
BETWEEN = st.text(st.sampled_from("ab \n%{}1"), max_size=9)


@given(st.lists(st.tuples(BETWEEN, NESTED), max_size=5), BETWEEN)
def test_entries_are_taken_as_they_stand_and_what_is_between_them_is_not(
    parts: list[tuple[str, str]], end: str
) -> None:
    written = {f"key{place}": f"@misc{{key{place}, note = {{{text}}}}}" for place, (_, text) in enumerate(parts)}
    file = "".join(before + entry for (before, _), entry in zip(parts, written.values(), strict=True)) + end
    assert entries(file, "x.bib") == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n@misc{a, x = {}", "x.bib, line 2: the entry 'a' does not end"),
        ("@misc{a,}\n@book{a,}", 'x.bib, line 2: the key "a" is there twice'),
        ("@misc{, x = 1}", "x.bib, line 1: an entry without a key"),
        ("@string{j = {Journal}}", "x.bib, line 1: @string is not read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(PlugInError) as raised:
        entries(text, "x.bib")
    assert message in str(raised.value)


def test_a_comment_is_none() -> None:
    assert entries("@comment{a, {b}} @misc{c,}", "x.bib") == {"c": "@misc{c,}"}


def made(tmp_path: Path, bib: str | None, base: type = LSTM, **facts: Any) -> type:
    """Return a class of a module that lies in a folder, with a file beside it."""
    module = ModuleType("theirs")
    module.__file__ = str(tmp_path / "theirs.py")
    sys.modules["theirs"] = module
    if bib is not None:
        (tmp_path / "mine.bib").write_text(bib, encoding="utf-8")
        facts["references"] = "mine.bib"
    return type("Mine", (base,), {"name": "mine", "summary": "mine", "version": "1", "__module__": "theirs", **facts})


@pytest.fixture(autouse=True)
def _no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "theirs", ModuleType("theirs"))


def test_a_third_party_brings_a_file_and_uses_ours(tmp_path: Path) -> None:
    bib = "@misc{mine2026,\n  title = {Ünïcode}\n}\n@misc{gers2000learning, note = {theirs}}"
    mine = made(tmp_path, bib, sources=("mine2026", "elman1990finding", "gers2000learning"))
    first, second, third = cited(mine)
    assert first == "@misc{mine2026,\n  title = {Ünïcode}\n}"
    assert second == entries(OURS, "ours")["elman1990finding"]
    assert third == "@misc{gers2000learning, note = {theirs}}"
    child = type("Child", (mine,), {"__module__": __name__})
    assert cited(child) == cited(mine), "a class inherits its base's sources and the file beside the base"


def test_a_class_that_was_typed_in_has_its_file_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = made(tmp_path, "@misc{a,}", sources=("a",))
    del sys.modules["theirs"].__file__
    monkeypatch.chdir(tmp_path)
    assert cited(mine) == ["@misc{a,}"]


def test_no_source_asks_for_no_file(tmp_path: Path) -> None:
    assert cited(made(tmp_path, None, Adding, sources=(), references="no.bib")) == []


WRONG: list[tuple[str | None, dict[str, Any], str]] = [
    (None, {"sources": ("elman1990findin",)}, 'Mine.sources names "elman1990findin", which is not in unroll\'s own '),
    (None, {"sources": ("elman1990findin",)}, 'Did you mean "elman1990finding"?'),
    ("@misc{a,}", {"sources": ("b",)}, "mine.bib or unroll's own references"),
    (None, {"sources": "elman1990finding"}, 'sources = ("elman1990finding",)'),
    (None, {"sources": ("@misc{a,}",)}, "holds an entry in place of its key"),
    (None, {"sources": ("a",), "references": "no.bib"}, "no.bib cannot be read"),
]


@pytest.mark.parametrize(("bib", "facts", "message"), WRONG)
def test_an_unknown_source_is_an_error_where_the_plug_in_is_used(
    bib: str | None, facts: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = made(tmp_path, bib, **facts)

    class Suite(ModelConformance):
        def model(self) -> Any:
            return mine()

    with pytest.raises(PlugInError) as raised:
        Suite().test_the_facts_are_there()
    assert message in str(raised.value)
    monkeypatch.setattr(registry.models, "_registered", {})
    unroll.register(mine)
    study = unroll.Study(name="s", factors={"task": ["adding"], "model": ["mine"], "length": [3], "seed": [1]})
    with pytest.raises(PlugInError) as raised:
        plan(study, unroll.check(study))
    assert message in str(raised.value)


def test_sources_are_in_no_key_and_in_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for place, sources in enumerate([(), ("a",), ("b", "elman1990finding")]):
        folder = tmp_path / str(place)
        folder.mkdir()
        monkeypatch.setattr(registry.models, "_registered", {})
        unroll.register(made(folder, "@misc{a,} @misc{b,}", sources=sources))
        study = unroll.Study(name="s", factors={"task": ["adding"], "model": ["mine"], "length": [3], "seed": [1]})
        keys |= {trial.key for trial in unroll.expand(study)}
    assert len(keys) == 1


def test_what_is_stored_are_whole_entries() -> None:
    study = unroll.Study(name="s", factors={"task": ["adding"], "model": ["lstm"], "length": [3], "seed": [1]})
    stored = json.loads(json.dumps(plan(study, unroll.expand(study)).plugins))
    assert [text[: text.index(",")] for text in stored["task"]["adding"]["sources"]] == [
        "@article{hochreiter1997long", "@inproceedings{arjovsky2016unitary", "@article{bai2018empirical",
        "@inproceedings{pascanu2013difficulty",
    ]  # fmt: skip
