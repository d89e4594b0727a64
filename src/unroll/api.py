"""What the Python user calls that joins running and reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from unroll import registry
from unroll.choosing import choose
from unroll.defaults import MAX_TRIALS, STORE
from unroll.errors import PlugInError, StoreError, UnknownNameError
from unroll.held import held_study, study_of
from unroll.reading import Results
from unroll.store import Adopted, Store
from unroll.store.keys import names_trial
from unroll.study import Study, read_expanded
from unroll.wording import listed

if TYPE_CHECKING:
    from unroll.generation import Trained
    from unroll.running import Observer

PlugIn = TypeVar("PlugIn", bound=type)


def run(
    study: Study | str | Path,
    store: str | Path = STORE,
    *,
    executor: str = "processes",
    workers: int | None = None,
    executor_options: Mapping[str, Any] = MappingProxyType({}),
    retry_failed: bool = False,
    max_trials: int = MAX_TRIALS,
    shard: str | None = None,
    keep_state: bool = False,
    progress: bool = True,
) -> Results:
    """Train whatever of a study the store does not hold yet, and return its results.

    ``study`` is a Study, or the shipped name or path of one. ``executor`` is "processes" (default), "inline", "dask" or
    "slurm", with ``executor_options`` such as ``{"scheduler": "tcp://host:8786"}``; ``workers`` counts the processes
    (default: one per core, or per GPU; of a cluster that is there, all its workers) or jobs. ``shard`` ("2/8") trains
    one part of the study, for several machines whose stores ``merge`` puts together. ``keep_state`` keeps the last
    state of each finished trial: the same trial with more epochs then continues from it, bit for bit as if
    uninterrupted.
    ``progress`` shows how far the run is: in a notebook below the cell, elsewhere on stderr.

    Interrupted (Ctrl-C), it keeps checkpoints and raises KeyboardInterrupt; the same call resumes. Raises
    StudyError before anything is trained, StoreError where the store cannot be written. Trials that fail do not raise:
    they are in the results' table.
    """
    from unroll.running import Observer, Shard, execute
    from unroll.running.judging import judge

    asked, trials = (
        (study, None) if isinstance(study, Study) else read_expanded(study, max_trials=max_trials, judge=judge)
    )
    observer = _progress() if progress else Observer()
    summary = execute(
        asked,
        store,
        trials=trials,
        executor=executor,
        workers=workers,
        executor_options=executor_options,
        retry_failed=retry_failed,
        max_trials=max_trials,
        part=Shard.parse(shard).take if shard is not None else None,
        keep_state=keep_state,
        observer=observer,
    )
    if summary.signal is not None:
        raise KeyboardInterrupt(
            "The run was stopped; checkpoints are kept, and running the study again resumes from them."
        )
    return Results(asked, store)


def _progress() -> Observer:
    from unroll.running.jupyter import JupyterProgress, in_kernel
    from unroll.running.progress import progress_on_stderr

    return JupyterProgress() if in_kernel() else progress_on_stderr()


def merge(stores: Sequence[str | Path], into: str | Path = STORE) -> dict[Path, Adopted]:
    """Put the results of several stores into one, which is made if need be; return what each gave.

    Nothing that is complete in ``into`` changes, and the other stores are only read: merging twice changes nothing.

    Raises StoreMissingError for a store that is not there, before anything is written.
    """
    paths = [Path(path) for path in stores]
    with ExitStack() as stack:
        others = [stack.enter_context(Store.open(path)) for path in paths]
        for path in paths:
            if Path(into).exists() and path.samefile(into):
                raise StoreError(f"{path} cannot be merged into itself. Name another store to merge into.")
        target = stack.enter_context(Store.open(into, write=True, purpose="merge"))
        return {path: target.adopt(other) for path, other in zip(paths, others, strict=True)}


def load_model(
    study: Study | str | Path,
    store: str | Path = STORE,
    *,
    task: str | None = None,
    model: str | None = None,
    seed: SupportsIndex | None = None,
    length: SupportsIndex | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Trained:
    """Return the trained model of any complete trial: see ``unroll.generation.Trained``.

    ``study`` is a Study, the shipped name or path of one, the name of one that the store holds, or the first six or
    more digits of a trial's key, which alone name it. ``task``, ``model``, ``seed`` and ``length`` choose among a
    study's trials; so do ``settings``, such as
    ``{"task.representation": "difference"}``. Where several stored trials fit, it is the one with the lowest
    free-running validation error, or validation loss where the task generates nothing (training loss where nothing is
    validated).

    Trains nothing: raises StoreError where no trial that fits is complete, UnknownNameError where there is none, or
    where trials of several tasks fit.

    >>> model = unroll.load_model("adding-quick", model="gru", length=50)    # doctest: +SKIP
    >>> model.module(), model.state_dict()                                   # doctest: +SKIP
    """
    chosen = {"task": task, "model": model, "seed": seed, "length": length, "settings": settings}
    if isinstance(study, str) and names_trial(study) and held_study(study, store) is None:
        given = [name for name, value in chosen.items() if value is not None]
        if given:
            raise UnknownNameError(
                f"{study} is the key of one trial: {listed(given)} would choose nothing. Leave it out."
            )
        from unroll.generation import load

        with Store.open(store) as opened:
            return load(opened, study)
    asked = study_of(study, store, check=True)
    choice = choose(asked, store, task=task, model=model, seed=seed, length=length, settings=settings, generating=False)
    if choice.record is None:
        raise StoreError(f"{store} holds no complete trial that fits: {choice.trial}. Run the study first: unroll.run")
    return Results(asked, store).model(choice.trial.key)


def register(plugin: PlugIn) -> PlugIn:
    """Make a task, a model or a measure known that is defined in a script or a notebook. Also a class decorator.

    >>> @unroll.register                                                    # doctest: +SKIP
    ... class Parity(unroll.tasks.Task): ...
    """
    from unroll.measures import Measure
    from unroll.models import Model
    from unroll.tasks import Task

    for family, base in ((registry.tasks, Task), (registry.models, Model), (registry.measures, Measure)):
        if isinstance(plugin, type) and issubclass(plugin, base):
            family.register(plugin.name, plugin)
            return plugin
    raise PlugInError(
        f"{plugin!r} is neither a task nor a model nor a measure: inherit from unroll.tasks.Task, unroll.models.Model "
        "or unroll.measures.Measure."
    )
