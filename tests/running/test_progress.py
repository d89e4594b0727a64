"""What a person sees of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from unroll import Study, expand, read_study
from unroll.running import Outlook
from unroll.running.progress import LiveProgress, PlainProgress
from unroll.wording import duration

STUDY = read_study("adding-quick")
TRIAL = expand(STUDY)[0]
METRICS = {"test_mse": 0.00123456, "solved": 1.0}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under 1 s"),
        (42, "42 s"),
        (89, "89 s"),
        (91, "2 min"),
        (5000, "83 min"),
        (7800, "2 h 10 min"),
        (3e5, "3 days"),
    ],
)
def test_durations_are_words(seconds: float, text: str):
    assert duration(seconds) == text


def outlook(**more) -> Outlook:
    facts = {"to_train": 7, "complete": 2, "failed": 0, "seconds": 100.0, "workers": "2 worker processes"}
    return Outlook(study=STUDY, store="results.db", **{**facts, **more})


def told(observer) -> None:
    observer.begin(outlook())
    observer.started(0, TRIAL)
    observer.progressed(0, TRIAL, 0.5, 7, 0.1234)
    observer.advanced(0.25, 80.0)
    observer.note("a note with [brackets]")
    observer.completed(0, TRIAL, METRICS, 12.0)
    observer.started(0, TRIAL)
    observer.failed(0, TRIAL, {"type": "DivergedError", "message": "The loss [became] nan\nmore"})
    observer.stopping()
    observer.end()


def test_plain_lines_have_no_colours_and_tell_each_event():
    screen = io.StringIO()
    told(PlainProgress(Console(file=screen, width=80)))
    lines = screen.getvalue().splitlines()
    assert "\x1b" not in screen.getvalue()
    assert lines[0] == "adding-quick: 9 trials; 2 complete already; 7 to train, about 2 min on 2 worker processes"
    assert "a note with [brackets]" in lines
    assert "complete  tanh_rnn on adding, T = 10, seed 1: test MSE 0.001235, solved, 12 s" in lines
    assert "failed    tanh_rnn on adding, T = 10, seed 1: DivergedError: The loss [became] nan" in lines
    assert any("Stopping" in line for line in lines)


def test_the_live_view_shows_bar_workers_and_finished_trials():
    screen = io.StringIO()
    console = Console(file=screen, width=110, height=30, force_terminal=True)
    live = LiveProgress(console)
    live.begin(outlook())
    live.started(0, TRIAL)
    live.progressed(0, TRIAL, 0.5, 7, 0.1234)
    live.advanced(0.25, 80.0)
    live.completed(1, TRIAL, METRICS, 12.0)
    with console.capture() as view:
        console.print(live._view())
    live.end()
    text = view.get()
    for part in ("25%", "1/7 trials", "about 80 s left", "epoch 8/50", "loss 0.1234", "test MSE", "0.001235"):
        assert part in text
    assert text.index("25%") < text.index("epoch 8/50") < text.index("0.001235")


def test_nothing_to_train_is_said():
    screen = io.StringIO()
    PlainProgress(Console(file=screen, width=80)).begin(outlook(to_train=0, complete=9))
    assert screen.getvalue().strip() == "adding-quick: 9 trials; 9 complete already; nothing to train"


def test_the_settings_in_which_trials_differ_are_named():
    study = Study(
        name="rates",
        factors={
            "task": ["adding"],
            "model": ["gru"],
            "length": [5],
            "seed": [1],
            "train.learning_rate": [0.01, 0.1],
            "model.hidden": [4, 8],
        },
    )
    screen = io.StringIO()
    lines = PlainProgress(Console(file=screen, width=80))
    lines.begin(Outlook(study, "results.db", 4, 0, 0, 1.0, "here"))
    for trial in expand(study):
        lines.completed(0, trial, METRICS, 12.0)
    told = [line.partition(": ")[0] for line in screen.getvalue().splitlines()[1:]]
    assert told[0] == "complete  gru on adding, T = 5, learning_rate = 0.01, hidden = 4, seed 1"
    assert len(set(told)) == 4


def test_trials_that_are_trained_together_have_one_line_until_the_last_has_ended():
    trials = [TRIAL.replace(seed=seed) for seed in (1, 2, 3)]
    console = Console(file=io.StringIO(), width=110, height=30, force_terminal=True)
    live = LiveProgress(console)
    live.begin(outlook(to_train=0))  # what moves on the screen would be printed with it, as it was last
    for trial in trials:
        live.started(0, trial)

    def line() -> str:
        with console.capture() as view:
            console.print(live._view())
        return "\n".join(line for line in view.get().splitlines() if "epoch" in line or "starting" in line)

    assert "seed 1 and 2 other seeds" in line()
    live.progressed(0, trials[1], 0.5, 7, 0.1234)
    live.completed(0, trials[0], METRICS, 12.0)
    assert "seed 2 and 1 other seed" in line()
    live.failed(0, trials[2], {"type": "DivergedError", "message": "no"})
    assert "epoch 8/50" in line()
    assert "other seed" not in line()
    live.started(0, trials[2])
    live.put_back(0, trials[2])
    live.completed(0, trials[1], METRICS, 12.0)
    assert line() == ""
    live.end()
