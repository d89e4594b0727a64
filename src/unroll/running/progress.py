"""A run on the screen: a live view on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from unroll import registry
from unroll.quantity import Quantity
from unroll.running.observer import Observer, Outlook
from unroll.study import Trial
from unroll.study.levels import named
from unroll.terminal import Console, Group, Live, ProgressBar, RenderableType, Table, Terminal, Text
from unroll.wording import about, duration, measured

PLAIN_SECONDS = 10.0
"""How often plain lines tell how far the run is."""


def progress_on_stderr() -> Observer:
    """Return the observer that suits stderr: live on a terminal, plain lines elsewhere."""
    console = Terminal(stderr=True)
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def headline(outlook: Outlook) -> str:
    """Return what a run is about to do, in a sentence or two."""
    total = outlook.to_train + outlook.complete + outlook.failed
    parts = [f"{outlook.study.name}: {measured(total, 'trial')}"]
    if outlook.complete:
        parts.append(f"{outlook.complete:,} complete already")
    if outlook.failed:
        parts.append(f"{outlook.failed:,} failed before (--retry-failed tries them again)")
    if outlook.to_train:
        parts.append(f"{outlook.to_train:,} to train, {about(outlook.seconds)} on {outlook.workers}")
    else:
        parts.append("nothing to train")
    return "; ".join(parts)


def first_line(error: Mapping[str, Any]) -> str:
    """Return what a trial failed of, in one line."""
    return f"{error.get('type', 'Error')}: {error.get('message', '')}".splitlines()[0]


def _loss(trial: Trial, metrics: Mapping[str, float]) -> tuple[str, str]:
    """Return what a trial's test loss is called, and its value."""
    score: Quantity = registry.objectives.load(registry.tasks.load(trial.task).objective).score
    return score.words, f"{metrics[score.name]:.4g}"


class PlainProgress(Observer):
    """One line an event, without colours or moving parts, as a log file wants it."""

    def __init__(self, console: Console):
        self._console = console
        self._told = 0.0
        self._factors: tuple[str, ...] = ()

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._told = time.monotonic()
        self._factors = outlook.study.varying()
        self._say(headline(outlook))

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        words, value = _loss(trial, metrics)
        said = f"{words} {value}{_solved(metrics)}, {duration(seconds)}"
        self._say(f"complete  {named(trial, self._factors)}: {said}")

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        self._say(f"failed    {named(trial, self._factors)}: {first_line(error)}")

    def note(self, text: str) -> None:
        """See Observer."""
        self._say(text)

    def advanced(self, share: float, seconds_left: float | None) -> None:
        """See Observer."""
        if time.monotonic() - self._told >= PLAIN_SECONDS:
            self._told = time.monotonic()
            self._say(f"{share:.0%} of the work done, {about(seconds_left)} left")

    def stopping(self) -> None:
        """See Observer."""
        self._say("Stopping at the next update; press Ctrl-C again to stop at once.")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveProgress(Observer):
    """An overall bar weighted by expected cost, the time left, one line per worker, finished trials beneath."""

    def __init__(self, console: Console):
        self._console = console
        self._factors: tuple[str, ...] = ()
        self._workers = defaultdict[int, dict[str, tuple[Trial, float, int, float]]](dict)  # slot, key
        self._rows: deque[tuple[Text, ...]] = deque(maxlen=1000)
        self._finished = self._to_train = 0
        self._share, self._status = 0.0, ""
        self._seconds_left: float | None = 0.0
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._view)

    def begin(self, outlook: Outlook) -> None:
        """See Observer."""
        self._to_train, self._seconds_left = outlook.to_train, outlook.seconds
        self._factors = outlook.study.varying()
        self._console.print(Text(headline(outlook), style="bold"))
        if outlook.to_train:
            self._live.start()

    def started(self, slot: int, trial: Trial) -> None:
        """See Observer."""
        self._workers[slot][trial.key] = (trial, 0.0, 0, float("nan"))

    def progressed(self, slot: int, trial: Trial, share: float, epoch: int, loss: float) -> None:
        """See Observer."""
        self._workers[slot][trial.key] = (trial, share, epoch, loss)

    def put_back(self, slot: int, trial: Trial) -> None:
        """See Observer."""
        self._workers[slot].pop(trial.key, None)

    def completed(self, slot: int, trial: Trial, metrics: Mapping[str, float], seconds: float) -> None:
        """See Observer."""
        mark = Text("✓", style="green") if metrics["solved"] else Text("·", style="yellow")
        words, value = _loss(trial, metrics)
        loss = Text.assemble(f"{words} ", (value, "bold"))
        self._ended(slot, trial, mark, Text(named(trial, self._factors)), loss, Text(duration(seconds), style="dim"))

    def failed(self, slot: int, trial: Trial, error: Mapping[str, Any]) -> None:
        """See Observer."""
        name, message = named(trial, self._factors), Text(first_line(error))
        message.truncate(max(20, self._console.width - len(name) - 10), overflow="ellipsis")
        self._ended(slot, trial, Text("✗", style="red"), Text(name, style="red"), message, Text())

    def note(self, text: str) -> None:
        """See Observer."""
        self._console.print(Text(text, style="yellow"))

    def advanced(self, share: float, seconds_left: float | None) -> None:
        """See Observer."""
        self._share, self._seconds_left = share, seconds_left

    def stopping(self) -> None:
        """See Observer."""
        self._status = "Stopping at the next update; Ctrl-C again stops at once."

    def end(self) -> None:
        """Take the view off the screen and leave the finished trials there."""
        if self._live.is_started:
            self._live.stop()
            self._console.print(_finished(self._rows))

    def _ended(self, slot: int, trial: Trial, *cells: Text) -> None:
        self._workers[slot].pop(trial.key, None)
        self._finished += 1
        self._rows.append(cells)

    def _view(self) -> RenderableType:
        overall = Table.grid(padding=(0, 1), expand=True)
        overall.add_column(ratio=1)
        overall.add_column(justify="right", no_wrap=True)
        left = f"{about(self._seconds_left)} left"
        overall.add_row(
            ProgressBar(total=1.0, completed=self._share),
            f"{self._share:4.0%}  {self._finished}/{self._to_train} trials  {left}",
        )
        workers = Table.grid(padding=(0, 2))
        busy = [slot for slot in sorted(self._workers) if self._workers[slot]]
        for slot in busy:
            (trial, share, epoch, loss), *others = self._workers[slot].values()
            beside = f" and {measured(len(others), 'other seed')}" if others else ""
            state = "starting" if loss != loss else f"epoch {epoch + 1}/{trial.train.epochs}  loss {loss:.4f}"
            workers.add_row(
                Text(f"  {named(trial, self._factors)}{beside}"),
                ProgressBar(total=1.0, completed=share, width=30),
                Text(state, style="dim"),
            )
        room = max(1, self._console.height - len(busy) - 6)
        status = Text(self._status, style="yellow")
        return Group(overall, workers, status, _finished(list(self._rows)[-room:]))


def _finished(rows: Iterable[tuple[Text, ...]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _solved(metrics: Mapping[str, float]) -> str:
    return ", solved" if metrics["solved"] else ""
