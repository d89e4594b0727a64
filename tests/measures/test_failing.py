"""A measure that fails while results are read costs its own part, is named with its error, and nothing else is lost.

Every way in which a third party's measure can break is tried on everything that reads: tables in Python, ``unroll
show``, its JSON, the report, figures. Planted and found: a door that asks a measure without guarding it (each of
``judges``, ``covers``, ``leads`` in turn); a fault that is swallowed; a store's own error put on a measure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from tests.cli.conftest import Done
from tests.cli.conftest import unroll as command  # noqa: F401 - a fixture
from tests.report.page import Page
from tests.stored import stored
from unroll import registry
from unroll.errors import MeasureError, PlugInError, StoreLostError, UnknownNameError
from unroll.layout import Layout, heading
from unroll.measures import Finding, Measure
from unroll.measures.asking import asked, everyone
from unroll.reading import Results
from unroll.report import report
from unroll.study.questions import Question


def raising(*_: Any, **__: Any) -> Any:
    raise ValueError("no number of mine")


def nothing(*_: Any, **__: Any) -> None:
    """Return None where something is asked for."""


class Picture:
    """A figure that can be drawn."""

    points = staticmethod(lambda source: pd.DataFrame({"x": [1.0]}))
    describe = staticmethod(lambda points: "One point.")
    caption = staticmethod(lambda points: "A point.")

    @staticmethod
    def draw(points: pd.DataFrame) -> Any:
        from unroll.plots.style import new, styled

        with styled():
            figure = new(1.0)
            figure.subplots().plot(points["x"], points["x"], "o")
        return figure


class Excess(Measure):
    """A measure of a third party's that is whole."""

    name = "excess"
    title = "Excess"
    summary = "a number per trial"
    version = "1"
    section = "Mine"
    place = 150

    @property
    def figure(self) -> Any:
        return Picture()

    def table(self, source: Any) -> pd.DataFrame:
        trials = source.trials()
        return trials[["task", "model", "length", *source.factors, "seed"]].assign(excess=1.0)

    def findings(self, source: Any, about: Any) -> Any:
        yield Finding("found", "Everything is in excess.")


def broken(**parts: Any) -> type[Measure]:
    """Return the measure with some parts in place of its own."""
    return type("Broken", (Excess,), {"__doc__": "Breaks.", "__module__": __name__, "version": "1", **parts})


def picture(**parts: Any) -> Any:
    return property(lambda self: type("Torn", (Picture,), {name: staticmethod(part) for name, part in parts.items()})())


def endless(self: Any, source: Any, about: Any) -> Any:
    yield Finding("found", "One.")
    raising()


def of_numbers(self: Any, source: Any, where: Any) -> list[Layout]:
    made = Layout([heading("model")], "Excess")
    made.add(3)  # type: ignore[arg-type]
    return [made]


WAYS = {
    "a table that raises": ({"table": raising}, "table"),
    "a table that is none": ({"table": nothing}, "table"),
    "a table that leaves": ({"table": lambda *_: exit(3)}, "table"),
    "tables that raise": ({"layouts": raising}, "table"),
    "tables that are none": ({"layouts": nothing}, "table"),
    "tables of numbers": ({"layouts": of_numbers}, "table"),
    "numbers nobody knows of": ({"has_numbers": raising}, "table"),
    "sentences that raise": ({"findings": raising}, "sentences"),
    "sentences that are none": ({"findings": nothing}, "sentences"),
    "sentences that stop": ({"findings": endless}, "sentences"),
    "sentences that are texts": ({"findings": lambda *_: ["a text"]}, "sentences"),
    "judges that raise": ({"judges": raising}, "sentences"),
    "judges that are none": ({"judges": nothing}, "sentences"),
    "covers that raises": ({"covers": raising}, "figure"),
    "leads that raises": ({"leads": raising}, "figure"),
    "leads that is a text": ({"leads": lambda *_: "first"}, "figure"),
    "shown that raises": ({"shown": raising}, "figure"),
    "few that is none": ({"few": nothing}, "figure"),
    "left_out that raises": ({"left_out": raising}, "figure"),
    "heading that is none": ({"heading": nothing}, "figure"),
    "a figure that raises": ({"figure": property(raising)}, "figure"),
    "a figure that is none": ({"figure": property(lambda self: 3)}, "figure"),
    "points that raise": ({"figure": picture(points=raising)}, "figure"),
    "points that are none": ({"figure": picture(points=nothing)}, "figure"),
    "draw that raises": ({"figure": picture(draw=raising)}, "figure"),
    "draw that is none": ({"figure": picture(draw=nothing)}, "figure"),
    "describe that raises": ({"figure": picture(describe=raising)}, "figure"),
    "caption that is none": ({"figure": picture(caption=nothing)}, "figure"),
    "a place that is a text": ({"place": "first"}, "class"),
    "a section that is none": ({"section": None}, "class"),
    "a class that cannot be made": ({"__init__": raising}, "class"),
}
SEEN_IN_SHOW = ("table", "class")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("failing") / "results.db"
    return stored(path, pairs=[("adding", "lstm"), ("adding", "gru")], lengths=[10], seeds=[1, 2])


@pytest.fixture(scope="module")
def whole(results: Results, few: None) -> list[str]:
    """The elements of a report without the measure."""
    return without_it(report(results))


@pytest.fixture(autouse=True, scope="module")
def few() -> Iterator[None]:
    """Few measures beside it: a report is then drawn quickly."""
    kept = ("lengths", "memory", "early_stopping", "timing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.measures, "_versions", {})
        patch.setattr(registry.measures, "_builtin", {name: registry.measures._builtin[name] for name in kept})
        yield


def without_it(page: str) -> list[str]:
    """Return the elements of a page that have a name."""
    return [name for name in Page(page).values("id") if "excess" not in name]


@pytest.mark.parametrize("way", WAYS)
def test_a_measure_that_breaks_costs_its_own_part_and_is_named(
    way: str,
    results: Results,
    command: Callable[..., Done],  # noqa: F811
    whole: list[str],
):
    parts, part = WAYS[way]
    study = (results.study.digest[:8], "--store", results.path)
    registry.measures.register("excess", broken(**parts))

    page = report(results)
    assert without_it(page) == whole
    said = Page(page).words
    asks = "cannot be used" if part == "class" else f"fails at its {part}"
    assert f'The measure "excess" {asks}: ' in said
    assert said.count(f'The measure "excess" {asks}: ') == 1

    shown = command("show", *study)
    assert "by-hand" in shown.out
    told = json.loads(command("show", *study, "--json").out)
    assert [row["model"] for row in told["conditions"]] == ["lstm", "gru"]
    if part in SEEN_IN_SHOW:
        assert f'The measure "excess" {asks}: ' in " ".join((shown.out + shown.err).split())
    if part in SEEN_IN_SHOW and "layouts" not in parts:
        assert [(one["measure"], one["part"]) for one in told["failed"]] == [("excess", part)]
        assert told["failed"][0]["reason"]

    assert results.findings()


def test_whoever_asks_for_it_by_its_name_gets_its_error(results: Results, command: Callable[..., Done]):  # noqa: F811
    registry.measures.register("excess", broken(table=raising, figure=picture(points=raising)))
    with pytest.raises(MeasureError, match='"excess" fails at its table: ValueError: no number of mine') as raised:
        results.excess()
    assert isinstance(raised.value.__cause__, ValueError), "its author sees where"
    with pytest.raises(MeasureError, match="fails at its figure"):
        results.plot.excess()
    outcome = command("plot", results.study.digest[:8], "excess", "--store", results.path)
    assert (outcome.code, "Traceback" in outcome.err) == (1, False)
    assert 'The measure "excess" fails at its figure: ValueError: no number of mine' in outcome.err
    assert "excess" in command("measures").out


def test_a_measure_that_rests_on_another_that_fails_is_named_too(results: Results):
    registry.measures.register("excess", broken(table=raising))
    resting = broken(name="resting", table=lambda self, source: source.measure("excess"))
    registry.measures.register("resting", resting)
    now = results.frozen()
    for one in everyone(now):
        one.spared(lambda one=one: one.layouts("terminal"), ())
    assert [error.measure for error in now.faults.of("table")] == ["excess", "resting"]
    assert "no number of mine" in now.faults.of("table")[1].reason


def test_a_question_is_answered_by_the_fault_of_the_table_that_its_answer_rests_on(results: Results):
    def resting(self: Any, source: Any, about: Any) -> Any:
        yield Finding("found", f"It has {len(source.measure(self.name))} rows.")

    registry.measures.register("excess", broken(table=raising, findings=resting))
    asked_for = (Question(text="How much?", by=("excess",)),)
    asking = Results(results.study.model_copy(update={"questions": asked_for}), results.path)
    said = 'The measure "excess" fails at its table: ValueError: no number of mine.'
    assert said in [one.sentence for one in asking.findings() if one.question == "How much?"]


def test_a_store_that_is_lost_is_no_fault_of_a_measure(results: Results):
    def lost(*_: Any) -> Any:
        raise StoreLostError("the store is gone")

    registry.measures.register("excess", broken(table=lost))
    with pytest.raises(StoreLostError):
        asked("excess", results).table()


def test_names_of_no_figure_are_told_as_what_they_are(results: Results):
    registry.measures.register("excess", broken(figure=property(nothing)))
    with pytest.raises(AttributeError, match='The measure "excess" has no figure'):
        _ = results.plot.excess
    with pytest.raises(AttributeError, match=r'Unknown figure "lenghts"\. Did you mean "lengths"'):
        _ = results.plot.lenghts
    with pytest.raises(UnknownNameError, match='Unknown figure "nothing"'):
        results.plot.draw("nothing")
    assert not hasattr(results.plot, "_repr_png_")
    assert {"lengths", "timing"} <= set(dir(results.plot))


def test_a_measure_cannot_stand_in_for_a_column(results: Results, command: Callable[..., Done]):  # noqa: F811
    registry.measures.register("excess", broken(rows="solved"))
    told = json.loads(command("show", results.study.digest[:8], "--store", results.path, "--json").out)
    assert told["failed"][0]["measure"] == "excess"
    assert all(isinstance(row["test_mse_median"], float) for row in told["conditions"])


def test_a_class_that_says_nothing_sensible_of_itself_cannot_be_asked(results: Results):
    registry.measures.register("excess", broken(when="sometimes"))
    with pytest.raises(PlugInError, match="its when is 'sometimes', not one of training, end, read"):
        asked("excess", results)
