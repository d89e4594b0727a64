"""The report: one file that needs nothing, says what is missing, and cannot be broken by a name.

Planted and found: escaping switched off in the template; a figure's id used twice; the time of writing in the footer;
the path of the store in the commands; a style attribute that the security policy forbids; failed trials counted as
missing; trials read anew for each table while a run goes on.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import unroll
from tests.report.hostile import HOSTILE
from tests.report.page import Page
from tests.stored import stored
from unroll.plots import to_svg
from unroll.reading import Results
from unroll.report import report
from unroll.report.inline_svg import Styles, inline
from unroll.store import Store
from unroll.study.saved import saved


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return stored(tmp_path_factory.mktemp("store") / "results.db")


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return report(results)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    def state(model: str, length: int, seed: int) -> str:
        return "failed" if (model, seed) == ("lstm", 2) else "waiting" if length == 50 else "complete"

    return stored(tmp_path_factory.mktemp("store") / "half.db", state=state)


def test_it_is_one_well_formed_file_without_script(html: str):
    page = Page(html)
    assert page.open == page.crossed == []
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "iframe", "object", "embed", "form", "base", "img", "foreignobject"})
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    targets = [value for name in ("href", "src", "action", "srcset") for value in page.values(name)]
    assert all(value.startswith("#") or value == "data:," for value in targets)
    assert "@import" not in html
    assert "url(" not in re.sub(r"url\(#[^)]+\)", "", html)


def test_no_heading_of_a_table_is_empty(html: str, unfinished: Results):
    """Planted and found: the column of unfinished spans without a name."""
    for page in (html, report(unfinished)):
        headings = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)
        assert headings
        assert all(heading.strip() for heading in headings)


def test_its_security_policy_lets_in_its_own_style_and_nothing_else(html: str):
    policy = next(value for value in Page(html).values("content") if "default-src" in value)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:", "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip


def test_ids_are_unique_and_lead_somewhere(html: str):
    page = Page(html)
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    used = [value[1:] for value in page.values("href") if value.startswith("#")]
    used += re.findall(r"url\(#([^)]+)\)", html)
    assert set(used) <= set(ids)
    assert used


def test_every_figure_has_an_alternative_text_and_a_caption(html: str):
    page = Page(html)
    figures = [value for value in page.values("id") if value.startswith("figure-")]
    assert figures == ["figure-solved", "figure-lengths", "figure-learning", "figure-gradients", "figure-timing"]
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == len(figures)
    assert all(len(label) > 40 for label in labels)
    assert sum(tag == "figcaption" for tag, _ in page.elements) == len(figures)


def test_the_same_store_gives_the_same_bytes_wherever_it_lies(results: Results, html: str, tmp_path: Path):
    with Store.open(results.path) as store:
        store.copy(tmp_path / "copy.db")
    assert report(Results(results.study, tmp_path / "copy.db")) == html


def test_the_first_screen_is_computed_from_the_data(html: str):
    words = Page(html).words
    assert "Which cells remember?" in words
    assert "27 trials, all complete" in words
    first = words.index("Test loss")
    for finding in ("The tanh RNN solves the adding problem at T = 25 in 3 of 3 seeds", "T = 50"):
        assert finding in words[:first]
    assert "What this does not show" in words[:first]
    assert "smallest p" in words[:first]


def test_tables_hold_every_number_with_n_and_baseline(results: Results, html: str):
    words = Page(html).words
    assert "Test MSE · baseline 0.1667" in words
    assert "Solved · baseline 0.1667" in words
    assert "0.000110 0.000120 0.000130" in words, "every seed"
    assert "0.000120 0.00011 to 0.00013" in words, "median and range"
    assert "3 of 3 0.29 to 1.0" in words, "Clopper and Pearson"
    assert "Three seeds cannot separate two models here" in words
    assert "not recorded" in words, "whether they left the baseline: this store is older than that"
    assert "None: every trial that was planned is complete." in words


def test_settings_machine_sources_and_no_secrets(html: str):
    words = Page(html).words
    for fact in (
        "learning_rate 0.001",
        "torch 2.13.0",
        "backend native",
        "python 3.11.7",
        "@misc{x}",
        "@software{unroll",
    ):
        assert fact in words
    assert "secret-machine" not in html


@pytest.mark.parametrize(
    ("device", "same"),
    [({}, "versions, backend and processor"), ({"device": "1"}, "versions, backend, processor and GPU")],
)
def test_the_machine_is_told_whether_bits_depend_on_it_or_not(device: dict[str, str], same: str, tmp_path: Path):
    around = {"torch": "2.12.0", "cpu": "Imaginary", "kernel instructions": ""}
    found = {"numerics": {"backend": "torch", **device}, "circumstances": around}
    one = stored(tmp_path / "a.db", pairs=[("adding", "gru")], lengths=[10], seeds=[1], fingerprint=found)
    words = Page(report(one)).words
    assert "torch 2.12.0 cpu Imaginary" in words
    assert "kernel instructions" not in words, "where there are none"
    assert f"Under the same {same}, every weight" in words


def test_a_half_finished_study_says_what_is_missing(unfinished: Results):
    words = Page(report(unfinished)).words
    assert "16 of 27 trials complete, 3 failed, 8 not trained yet" in words
    assert "The loss became nan." in words
    assert "Hatched where trials are missing (3 failed and 8 not trained yet)" in words
    assert "not finished: may grow" in words


def test_a_study_of_which_nothing_is_trained_has_a_report(tmp_path: Path):
    words = Page(report(stored(tmp_path / "results.db", state=lambda *_: "waiting"))).words
    assert "0 of 27 trials complete, 27 not trained yet" in words
    assert "Nothing has been trained yet." in words


def test_all_trials_failed(tmp_path: Path):
    words = Page(report(stored(tmp_path / "results.db", state=lambda *_: "failed"))).words
    assert "0 of 27 trials complete, 27 failed" in words
    assert words.count("The loss became nan.") == 27


def test_how_to_repeat_it(results: Results, html: str, tmp_path: Path):
    page = Page(html)
    text = "".join(page.text)
    file = text[text.index('name = "by-hand"') : text.index("Then:")].rstrip() + "\n"
    (tmp_path / "study.toml").write_text(file)
    assert unroll.read_study(tmp_path / "study.toml", check=False).digest == results.study.digest
    assert "unroll run study.toml unroll report study.toml" in page.words


def test_shipped_studies_are_repeated_by_name_and_overrides_are_quoted():
    plain = saved(unroll.read_study("adding-quick"))
    assert (plain.text, plain.command("run")) == ("", "unroll run adding-quick")
    changed = saved(unroll.read_study("adding-quick", ["seed=[1, 2]", "train.clip_norm=1.0"]))
    assert changed.text == ""
    assert changed.command("run") == "unroll run adding-quick --set 'seed=[1, 2]' --set train.clip_norm=1.0"


def test_all_tables_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    results = stored(tmp_path / "results.db")
    reads = []
    frame = Store.frame
    monkeypatch.setattr(Store, "frame", lambda self, keys=None: reads.append(1) or frame(self, keys))
    report(results)
    assert len(reads) == 1


def test_sizes_do_not_grow_with_the_updates(results: Results, html: str, tmp_path: Path):
    import numpy as np

    longer = stored(tmp_path / "results.db", norms=lambda *_: np.linspace(2.0, 0.1, 20_000))
    assert len(report(longer)) < 1.5 * len(html)


def test_hostile_names_of_tasks_and_models_make_the_same_page(tmp_path: Path):
    def page(names: Sequence[str]) -> Page:
        pairs = list(zip(names[:20], names[20:], strict=True))
        return Page(report(stored(tmp_path / f"{names[0] == 'n0'}.db", pairs=pairs, lengths=[10], seeds=[1])))

    plain, hostile = page([f"n{i}" for i in range(len(HOSTILE))]), page(list(HOSTILE))
    assert hostile.elements == plain.elements
    assert hostile.open == hostile.crossed == []


@pytest.mark.parametrize("part", range(4))
def test_hostile_names_make_the_same_drawing(part: int, tmp_path: Path):
    def drawn(name: Callable[[int], str]) -> Page:
        pairs = [(name(10 * part + i), name(10 * part + (i + 3) % 10)) for i in range(10)]
        results = stored(tmp_path / f"{name(0) == 'n0'}.db", pairs=pairs, lengths=[10], seeds=[1])
        return Page(inline(to_svg(results.plot.lengths()), "lengths", results.plot.describe("lengths"), Styles()))

    plain, hostile = drawn(lambda i: f"n{i}"), drawn(lambda i: HOSTILE[i])
    assert hostile.elements == plain.elements
    assert hostile.open == hostile.crossed == []


def page_of(path: Path, name: str, question: str) -> Page:
    """The report of a study of which nothing is trained yet."""
    results = stored(path, name=name, question=question, pairs=[("adding", "gru")], lengths=[10], seeds=[1],
                     state=lambda *_: "waiting")  # fmt: skip
    return Page(report(results))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page_of(tmp_path_factory.mktemp("plain") / "plain.db", "plain", "plain")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_questions_of_studies_make_the_same_page(name: str, plain: Page, tmp_path: Path):
    hostile = page_of(tmp_path / "hostile.db", "".join(filter(str.isprintable, name)) or "x", name or "x")
    assert hostile.elements == plain.elements


def test_the_report_needs_no_plug_in(results: Results, html: str, monkeypatch: pytest.MonkeyPatch):
    from unroll import registry

    monkeypatch.setattr(registry.models, "_builtin", {})
    again = report(Results(results.study, results.path))
    assert len(Page(again).values("id")) == len(Page(html).values("id"))


def test_nothing_in_it_reaches_torch(results: Results, tmp_path: Path):
    import subprocess
    import sys

    shutil.copy(results.path, tmp_path / "results.db")
    (tmp_path / "study.toml").write_text(unroll.write_study(results.study))
    program = (
        "import sys, unroll; from unroll.report import report; "
        "report(unroll.results(unroll.read_study('study.toml', check=False), 'results.db')); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "False"


def test_results_of_which_nothing_is_said_are_not_called_missing(tmp_path: Path):
    """Of a number sequence that models of one kind continue there can be tables, and no sentence."""
    quiet = stored(tmp_path / "quiet.db", pairs=[("adding", "gru")], lengths=[10], seeds=[1]).frozen()
    quiet.findings = list
    words = Page(report(quiet)).words
    assert "No sentence follows from these results: see the tables." in words
    assert "no trial of this study is complete" not in words


def test_the_values_of_seeds_stand_apart_and_numbers_together(tmp_path: Path):
    """Planted and found: the blanks within 1.0 × 10⁻⁴ as wide as those between seeds."""
    results = stored(tmp_path / "results.db", lengths=(10,), seeds=(1, 2), result=lambda *facts: 2e-5 * facts[2])
    page = report(results)
    cells = re.findall(r'<td class="list">([^<]*)</td>', page)
    assert any("×" in cell for cell in cells)
    for cell in cells:
        assert all(re.fullmatch(r"[^\s×]+(\u202f×\u202f10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", value) for value in cell.split("   "))
