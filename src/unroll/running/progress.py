"""A run on the screen: a live view on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from unroll.running.observer import Observer, Outlook
from unroll.study import Trial

PLAIN_SECONDS = 10.0
"""How often plain lines tell how far the run is."""


def progress_on_stderr() -> Observer:
    """Return the observer that suits stderr: live on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def duration(seconds: float) -> str:
    """Return seconds in words that a person would use: "40 s", "3 min", "2 h 10 min"."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours / 24:.0f} days"


def headline(outlook: Outlook) -> str:
    """Return what a run is about to do, in a sentence or two."""
    total = outlook.to_train + outlook.complete + outlook.failed
    parts = [f"{outlook.study.name}: {total:,} trial{'s' if total != 1 else ''}"]
    if outlook.complete:
        parts.append(f"{outlook.complete:,} complete already")
    if outlook.failed:
        parts.append(f"{outlook.failed:,} failed before (--retry-failed tries them again)")
    if outlook.to_train:
        parts.append(f"{outlook.to_train:,} to train, about {duration(outlook.seconds)} on {outlook.workers}")
    else:
        parts.append("nothing to train")
    return "; ".join(parts)


class PlainProgress(Observer):
    """One line an event, without colours or moving parts, as a log file wants it."""

    def __init__(self, console: Console):
        self._console = console
        self._told = 0.0

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._told = time.monotonic()
        self._say(headline(outlook))

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        self._say(f"complete  {trial}: test MSE {metrics['test_mse']:.4g}{_solved(metrics)}, {duration(seconds)}")

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        self._say(f"failed    {trial}: {_first_line(error)}")

    def note(self, text: str) -> None:
        """See Observer."""
        self._say(text)

    def advanced(self, share: float, seconds_left: float) -> None:
        """See Observer."""
        if time.monotonic() - self._told >= PLAIN_SECONDS:
            self._told = time.monotonic()
            self._say(f"{share:.0%} of the work done, about {duration(seconds_left)} left")

    def stopping(self) -> None:
        """See Observer."""
        self._say("Stopping at the next update; once more to stop at once.")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress(Observer):
    """An overall bar weighted by expected cost, the time left, a line a worker, finished trials beneath."""

    def __init__(self, console: Console):
        self._console = console
        self._workers: dict[int, tuple[Trial, float, int, float]] = {}
        self._rows: deque[RenderableType] = deque(maxlen=1000)
        self._finished = self._to_train = 0
        self._share, self._seconds_left, self._status = 0.0, 0.0, ""
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._view)

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._to_train, self._seconds_left = outlook.to_train, outlook.seconds
        self._console.print(Text(headline(outlook), style="bold"))
        if outlook.to_train:
            self._live.start()

    def started(self, slot: int, trial: Trial) -> None:
        """See Observer."""
        self._workers[slot] = (trial, 0.0, 0, float("nan"))

    def progressed(self, slot: int, trial: Trial, share: float, epoch: int, loss: float) -> None:
        """See Observer."""
        self._workers[slot] = (trial, share, epoch, loss)

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        mark = "[green]✓[/]" if metrics["solved"] else "[yellow]·[/]"
        text = f"{mark} {escape(str(trial))}  test MSE [bold]{metrics['test_mse']:.4g}[/]{_solved(metrics)}"
        self._ended(slot, f"{text}  [dim]{duration(seconds)}[/]")

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        self._ended(slot, f"[red]✗ {escape(str(trial))}[/]  {escape(_first_line(error))}")

    def note(self, text: str) -> None:
        """See Observer."""
        self._console.print(Text(text, style="yellow"))

    def advanced(self, share: float, seconds_left: float) -> None:
        """See Observer."""
        self._share, self._seconds_left = share, seconds_left

    def stopping(self) -> None:
        """See Observer."""
        self._status = "Stopping at the next update; Ctrl-C again stops at once."

    def end(self) -> None:
        """Take the view off the screen and leave the finished trials there."""
        if self._live.is_started:
            self._live.stop()
            for row in self._rows:
                self._console.print(row)

    def _ended(self, slot: int, line: str) -> None:
        self._workers.pop(slot, None)
        self._finished += 1
        self._rows.append(Text.from_markup(line, overflow="ellipsis"))

    def _view(self) -> RenderableType:
        overall = Table.grid(padding=(0, 1), expand=True)
        overall.add_column(ratio=1)
        overall.add_column(justify="right", no_wrap=True)
        left = f"about {duration(self._seconds_left)} left"
        overall.add_row(
            ProgressBar(total=1.0, completed=self._share),
            f"{self._share:4.0%}  {self._finished}/{self._to_train} trials  {left}",
        )
        workers = Table.grid(padding=(0, 1), expand=True)
        for column in (
            {"no_wrap": True},
            {"ratio": 1, "max_width": 40},
            {"justify": "right", "no_wrap": True},
        ):
            workers.add_column(**column)
        for slot in sorted(self._workers):
            trial, share, epoch, loss = self._workers[slot]
            state = "starting" if loss != loss else f"epoch {epoch + 1}/{trial.train.epochs}  loss {loss:.4f}"
            workers.add_row(f"  {trial}", ProgressBar(total=1.0, completed=share, width=30), f"[dim]{state}[/]")
        room = max(1, self._console.height - len(self._workers) - 5)
        rows = list(self._rows)[-room:]
        status = [Text(self._status, style="yellow")] if self._status else []
        return Group(overall, workers, *status, *rows)


def _solved(metrics: Mapping[str, float]) -> str:
    return ", solved" if metrics["solved"] else ""


def _first_line(error: Mapping[str, Any]) -> str:
    return f"{error.get('type', 'Error')}: {error.get('message', '')}".splitlines()[0]
