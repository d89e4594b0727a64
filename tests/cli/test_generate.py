"""``unroll generate``, as a person or a program would call it, and what ``unroll show`` prints of such studies.

Planted and found: a missing trial trained without a word; all trials of the study trained instead of one; a prompt
that is read with its last value dropped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from unroll import generate, load_model

STUDY = """
name = "numbers"
[factors]
task = ["odd_numbers", "fibonacci"]
model = ["gru", "linear"]
length = [5]
seed = [1, 2]
"task.representation" = ["difference", "raw"]
[task]
train = 60
validation = 20
test = 20
[train]
epochs = 1
[generate]
steps = 4
[[where]]
match = { model = "gru" }
model = { hidden = 3 }
"""
CALL = ("generate", "--study", "numbers.toml")
ODD = (*CALL, "--task", "odd_numbers")


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("numbers.toml").write_text(STUDY)


def states() -> dict[str, str]:
    from unroll.store import Store

    with Store.open("results.db") as store:
        return {
            f"{t.task} {t.model} {t.seed} {t.spec['settings']['task']['representation']}": t.state
            for t in store.trials()
        }


def test_a_missing_trial_is_trained_first_and_only_that(numbers: None, unroll):
    made = unroll(
        *ODD, "--model", "gru", "--seed", 2, "--set", "task.representation=raw", "--prompt", "1,3,5", "--steps", 3
    )
    assert made.code == 0
    assert "gru on odd_numbers, T = 5, seed 2" in made.err
    assert "is not in results.db yet. It is trained first." in made.err
    lines = made.out.splitlines()
    assert lines[0].split() == ["step", "predicted", "truth", "error"]
    assert [line.split()[2] for line in lines[1:]] == ["7", "9", "11"]
    found = states()
    assert len(found) == 16, "the whole study is planned, as it was written"
    assert [name for name, state in found.items() if state == "complete"] == ["odd_numbers gru 2 raw"]
    again = unroll(*ODD, "--model", "gru", "--prompt", "1,3,5", "--steps", 3)
    assert "the only complete trial that fits" in again.err
    assert again.out == made.out
    other = unroll(*ODD, "--model", "gru", "--set", "task.representation=difference", "--seed", 1)
    assert "It is trained first" in other.err
    several = unroll(*ODD, "--model", "gru")
    assert "the lowest free-running validation error" in several.err
    assert "of the 2 complete trials that fit" in several.err


def test_json(numbers: None, unroll):
    call = (
        *CALL,
        "--task",
        "fibonacci",
        "--model",
        "linear",
        "--seed",
        1,
        "--set",
        "task.representation=raw",
        "--json",
    )
    made = json.loads(unroll(*call).out)
    assert made["prompt"] == [1, 1, 2, 3, 5, 8]
    assert len(made["continuation"]) == 4
    assert made["truth"] == [13, 21, 34, 55]
    assert made["relative_error"] == pytest.approx([0, 0, 0, 0], abs=1e-12)
    assert made["rule"] == "x(t+1) = x(t) + x(t-1)"
    unknown = json.loads(unroll(*call, "--prompt", "1 1 9", "--steps", 2).out)
    assert unknown["prompt"] == [1, 1, 9]
    assert unknown["truth"] is unknown["relative_error"] is None
    forced = json.loads(unroll(*call, "--teacher-forced", "--steps", 3).out)
    assert forced["teacher_forced"]
    assert forced["continuation"] == pytest.approx([13, 21, 34])
    far = json.loads(unroll(*call, "--prompt", "-1,-2,-3", "--steps", 1400).out)
    assert len(far["continuation"]) == 1400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt", ""), "The prompt is empty"),
        (("--prompt", "1,x"), '"x" in the prompt is no number'),
        (("--prompt", "1_0 2"), '"1_0" in the prompt is no number. Write it as 1,3,5,7,9.'),
        (("--prompt", "1,\u0661\u0662"), '"\u0661\u0662" in the prompt is no number'),
        (("--prompt", "1,nan"), "Value 2 of the prompt is nan"),
        (("--prompt", "inf"), "Value 1 of the prompt is inf"),
        (("--prompt", "1,3,5", "--steps", 0), "0 steps cannot be generated"),
        (("--prompt", "1,2,9", "--teacher-forced"), "does not determine what follows"),
        (("--prompt", "1e308,1e308", "--steps", 9), "leaves the range of numbers"),
        (("--task", "odd_number"), 'Did you mean "odd_numbers"?'),
        (("--model", "lstm"), "There are: linear."),
        (("--seed", 7), "There are: 1."),
    ],
)
def test_what_cannot_be_continued(arguments: tuple, message: str, unroll, numbers: None):
    set_ = ("--set", "model=linear", "--set", "seed=1", "--set", "task.representation=raw")
    done = unroll(*ODD, *set_, *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_study_with_several_tasks_asks_which(numbers: None, unroll):
    done = unroll(*CALL)
    assert done.code == 2
    assert "Choose one: odd_numbers, fibonacci." in done.err
    assert "generates no sequences" in unroll("generate", "--study", "adding-quick").err
    assert unroll("generate").code == 2


def test_a_prompt_off_the_rule_has_neither_truth_nor_error(numbers: None, unroll):
    set_ = ("--set", "model=linear", "--set", "seed=1", "--set", "task.representation=raw")
    done = unroll(*ODD, *set_, "--prompt", "1,2,9", "--steps", 2)
    assert done.out.splitlines()[0].split() == ["step", "predicted"]
    assert "not determined" in done.err


def test_show_prints_continuations_and_horizons_and_json_holds_them(numbers: None, unroll):
    assert unroll("run", "numbers.toml", "--executor", "inline").code == 0
    text = unroll("show", "numbers.toml").out
    for part in ("After the prompt", "Free-running", "1 % up to", "≥ 32", "cannot pass"):
        assert part in text
    assert re.search(r"truth +11 +13 +15 +17 ", text)
    assert "traps" not in text
    assert "announced" not in text
    rows = json.loads(unroll("show", "numbers.toml", "--json").out)["conditions"]
    assert len(rows) == 8
    for row in rows:
        assert [one["step"] for one in row["generation"]] == [1, 2, 3, 4] * 2
        assert {one["seed"] for one in row["generation"]} == {1, 2}
        beyond = {"step"} if (row["task"], row["task.representation"]) == ("odd_numbers", "difference") else {"larger"}
        assert {one["regime"] for one in row["horizons"]} >= {"within", *beyond}
        within = [one for one in row["horizons"] if one["regime"] == "within"]
        assert [one["horizon"] for one in within] == list(range(1, 33))
        assert len(within[0]["each_seed"]) == 2
    exact = next(
        row for row in rows if (row["task"], row["model"], row["task.representation"]) == ("fibonacci", "linear", "raw")
    )
    assert exact["solved"] == 2
    assert max(one["relative_error_high"] for one in exact["horizons"]) < 1e-6


TRAPS = """
name = "traps"
[[factors]]
task = ["odd_numbers"]
model = ["tanh_rnn"]
length = [5]
seed = [1]
"task.scale" = ["whole", "prefix"]
"generate.prime" = ["twice", "once"]
[task]
representation = "raw"
split = "none"
train = 60
[model]
hidden = 3
[train]
epochs = 1
"""
LAGS = """
name = "lags"
[[factors]]
task = ["announce"]
model = ["feedforward"]
length = [2, 4]
"model.window" = [3]
seed = [1]
[[factors]]
task = ["announce"]
model = ["gru"]
length = [2, 4]
"model.hidden" = [2, 3]
seed = [1]
[task]
train = 60
[train]
epochs = 1
"""


def test_show_prints_the_traps_and_the_map_of_lags(numbers: None, unroll):
    Path("traps.toml").write_text(TRAPS)
    Path("lags.toml").write_text(LAGS)
    assert unroll("run", "traps.toml", "--executor", "inline").code == 0
    text = unroll("show", "traps.toml").out
    for part in ("The notebook's traps", "priming twice", "scale, priming twice", "worth", "× 1.0"):
        assert part in text
    shown = json.loads(unroll("show", "traps.toml", "--json").out)
    rows = shown["conditions"]
    assert [row["traps"][0]["off"] for row in rows] == [[], ["priming twice"], ["scale"], ["scale", "priming twice"]]
    effects = {row["factor"]: (row["first"], row["level"], row["n"]) for row in shown["effects"]}
    assert effects == {"task.scale": ("whole", "prefix", 1), "generate.prime": ("twice", "once", 1)}
    assert unroll("run", "lags.toml", "--executor", "inline").code == 0
    text = unroll("show", "lags.toml").out
    assert "Free-running" not in text, "one value is asked for: nothing is ahead of it"
    for part in ("stays unexplained", "lag 2", "lag 4", "window 3", "hidden 2", "hidden 3"):
        assert part in text
    rows = json.loads(unroll("show", "lags.toml", "--json").out)["conditions"]
    assert [(row["length"], row["window_lag"][0]["capacity"]) for row in rows] == [
        (2, 3),
        (4, 3),
        (2, 2),
        (2, 3),
        (4, 2),
        (4, 3),
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--prompt", ""], "The prompt is empty"),
        (["--prompt", "1,inf,3,4,5,6"], "Give finite numbers"),
        (["--steps", 0], "cannot be generated"),
        (["--prompt", "1,2,4,9,100,7", "--teacher-forced"], "no truth to be fed"),
    ],
)
def test_a_prompt_is_refused_before_anything_is_trained(numbers: None, unroll, wrong: list[object], said: str):
    done = unroll(*ODD, "--model", "gru", "--seed", 1, "--set", "task.representation=raw", *wrong)
    assert (done.code, said in done.err) == (2, True), done.err
    assert not Path("results.db").exists()


def test_a_text_is_written_on(tmp_path: Path, unroll) -> None:
    path = tmp_path / "words.txt"
    path.write_text("the cat sat on the mat, and the dog sat on the cat. " * 40)
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\n[factors]\ntask = ["text"]\nmodel = ["gru"]\nlength = [12]\nseed = [1, 2]\n'
        f"[task]\nfile = {json.dumps(str(path))}\n[model]\nhidden = 8\n[train]\nepochs = 1\n"
    )
    call = ("generate", "--study", file, "--store", tmp_path / "r.db")
    refused = unroll(*call, "--prompt", "Ä")
    assert (refused.code, refused.out) == (2, "")
    assert 'Character 1 of the prompt, "Ä"' in refused.err
    assert "It is trained first" not in refused.err.split("Character")[1]
    assert unroll(*call, "--prompt", "the", "--plot", tmp_path / "a.svg").err.count("no figure") == 1
    made = unroll(*call, "--prompt", "the ", "--steps", 20, "--sample", 7)
    assert "It is trained first" in made.err
    assert made.code == 0
    assert made.out.startswith("the ")
    assert len(made.out) == 4 + 20 + 1
    again = unroll(*call, "--prompt", "the ", "--steps", 20, "--sample", 7, "--json")
    said = json.loads(again.out)
    assert said["prompt"] + said["continuation"] + "\n" == made.out
    assert said["sample"] == 7
    model = load_model(file, tmp_path / "r.db", seed=1)
    assert generate(model, "the ", 20, sample=7).continuation == said["continuation"]
