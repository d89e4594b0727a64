"""What the Python user calls that joins running and reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from unroll import registry
from unroll.choosing import choose
from unroll.defaults import MAX_TRIALS, STORE
from unroll.errors import PlugInError, StoreError
from unroll.reading import Results
from unroll.study import Study, read_study

if TYPE_CHECKING:
    from unroll.generation import Trained

PlugIn = TypeVar("PlugIn", bound=type)


def run(
    study: Study | str | Path,
    store: str | Path = STORE,
    *,
    executor: str = "processes",
    workers: int | None = None,
    retry_failed: bool = False,
    max_trials: int = MAX_TRIALS,
    progress: bool = True,
) -> Results:
    """Train whatever of a study the store does not hold yet, and return its results.

    ``study`` is a Study, or the shipped name or path of one. ``executor`` is "processes" (default) or "inline";
    ``workers`` counts the processes (default: one a core). ``progress`` shows how far the run is, on stderr.

    Interrupted (Ctrl-C), it keeps checkpoints and raises KeyboardInterrupt; the same call goes on from there. Raises
    StudyError before anything is trained, StoreError where the store cannot be written. Trials that fail do not raise:
    they are in the results' table.
    """
    from unroll.running import Observer, execute
    from unroll.running.progress import progress_on_stderr

    asked = study if isinstance(study, Study) else read_study(study, max_trials=max_trials)
    observer = progress_on_stderr() if progress else Observer()
    summary = execute(
        asked,
        store,
        executor=executor,
        workers=workers,
        retry_failed=retry_failed,
        max_trials=max_trials,
        observer=observer,
    )
    if summary.signal is not None:
        raise KeyboardInterrupt(
            "The run was stopped; checkpoints are kept, and running the study again goes on from them."
        )
    return Results(asked, store)


def load_model(
    study: Study | str | Path,
    store: str | Path = STORE,
    *,
    task: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    length: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Trained:
    """Return a trained model of a study, to be continued with ``unroll.generate``.

    ``task``, ``model``, ``seed`` and ``length`` choose among the study's trials; so do ``settings``, such as
    ``{"task.representation": "difference"}``. Where several stored trials fit, it is the one with the lowest
    free-running validation error (training loss in the protocol ``notebook``).

    Trains nothing: raises StoreError where no trial that fits is complete, UnknownNameError where the study has none.
    """
    asked = study if isinstance(study, Study) else read_study(study)
    choice = choose(asked, store, task=task, model=model, seed=seed, length=length, settings=settings)
    if choice.record is None:
        raise StoreError(f"{store} holds no complete trial that fits: {choice.trial}. Run the study first: unroll.run")
    return Results(asked, store).model(choice.trial.key)


def register(plugin: PlugIn) -> PlugIn:
    """Make a task or a model known that is defined in a script or a notebook. May be used as a class decorator.

    >>> @unroll.register                                                    # doctest: +SKIP
    ... class Parity(unroll.tasks.Task): ...
    """
    from unroll.models import Model
    from unroll.tasks import Task

    for family, base in ((registry.tasks, Task), (registry.models, Model)):
        if isinstance(plugin, type) and issubclass(plugin, base):
            family.register(plugin.name, plugin)
            return plugin
    raise PlugInError(
        f"{plugin!r} is neither a task nor a model: inherit from unroll.tasks.Task or unroll.models.Model."
    )
