"""``unroll doctor``: the machine, the versions, the backend, the health of the store."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.options import Json, StorePath
from unroll.defaults import STORE
from unroll.errors import BackendError, UnrollError
from unroll.wording import are, bytes_, capital, counted, listed

if TYPE_CHECKING:
    from unroll.running.recomputation import Recomputed
    from unroll.store import Store


def doctor(
    store: StorePath = Path(STORE),
    json: Json = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check everything in the store against what was written.")
    ] = False,
    sample: Annotated[
        int, typer.Option("--sample", min=0, metavar="N", help="With --verify: train N complete trials again too.")
    ] = 0,
) -> None:
    """Print the state of machine, versions and store.

    With --verify, checks every study, trial, history, set of weights and checkpoint against what was written; with
    --sample N, also trains N complete trials again, drawn at random, and compares every bit. Exit code: 1 if something
    is damaged or not reproduced.
    """
    from unroll.cli.output import facts_table, print_json, print_table

    if sample and not verify:
        raise UnrollError("--sample belongs to --verify: unroll doctor --verify --sample N.")
    if verify:
        _verify(store, json, sample)
        return
    found = {"versions": _versions(), "machine": _machine(), "devices": _devices(), "backends": _backends()}
    found |= {"broken tasks": broken} if (broken := _broken()) else {}
    found["store"] = _store(store)
    if json:
        print_json(found)
        return
    for title, facts in found.items():
        print_table(facts_table(title, [(name, _text(name, value)) for name, value in facts.items()]))


def _verify(path: Path, json: bool, sample: int) -> None:
    from dataclasses import asdict

    from unroll.cli.output import print_json, say
    from unroll.store import Store

    with Store.open(path) as opened:
        found = opened.verify(_progress())
        integrity = opened.health()["integrity"]
        again = _recomputed(opened, sample, json) if sample else []
    if json:
        print_json(
            {**asdict(found), "integrity": integrity, **({"recomputed": [*map(asdict, again)]} if sample else {})}
        )
    else:
        say(f"{path}: {are(found.verified, 'trial')} what was written, {found.unverified:,} are unverified.")
        for fault in found.faults:
            say(f"damaged: {fault.what} {fault.name.removeprefix('trial ')}: {fault.reason}")
        if integrity != "ok":
            say(f"damaged: pages of the file: {integrity}")
        if found.faults or integrity != "ok":
            there = "" if path == Path(STORE) else f" --store {path}"
            say(
                f"Remove just what is damaged: unroll forget --damaged{there}; then unroll run trains it again.",
                err=True,
            )
    if found.faults or integrity != "ok" or any(trial.different for trial in again):
        raise typer.Exit(1)


def _recomputed(store: Store, sample: int, json: bool) -> list[Recomputed]:
    """Train trials again, and report each as soon as it is done."""
    from unroll.cli.output import say
    from unroll.running.recomputation import recompute

    found = []
    for trial in recompute(store, sample):
        found.append(trial)
        if json or trial.reason:
            continue
        if trial.different:
            others = [f"the {listed(trial.foreign, 'or')} gives other numbers here"] if trial.foreign else []
            causes = ["the code has changed under the same version", "the results were changed by hand", *others]
            say(f"different: {trial.trial}: {listed(trial.different)}. {capital(listed(causes, 'or'))}.")
        else:
            but = f" What was measured cannot be compared here: {trial.unmeasured}." if trial.unmeasured else ""
            say(f"trained again: {trial.trial}: the same bits.{but}")
    apart = [trial for trial in found if trial.reason]
    if apart and not json:
        first = f"{counted(len(apart), 'trial')} cannot be compared here. {apart[0].trial}: {apart[0].reason}"
        say(capital(first), err=True)
    if not json and len(found) - len(apart) < sample:
        say(
            f"{capital(counted(len(found) - len(apart), 'trial'))} could be trained again, {sample} were asked for.",
            err=True,
        )
    return found


def _progress() -> Callable[[int, int], None]:
    """Return what shows how far it is: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def show(done: int, total: int) -> None:
        if done == total or done % max(1, total // 100) == 0:
            width = 40 * done // total
            end = "\r\x1b[K" if done == total else ""
            sys.stderr.write(f"\rverifying {'━' * width}{' ' * (40 - width)} {done:,} of {total:,}{end}")
            sys.stderr.flush()

    return show


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "pandas", "pydantic", "cloudpickle", "safetensors")
    return {
        "unroll": version("unroll-lab"),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _machine() -> dict[str, Any]:
    import psutil
    import torch

    from unroll.training.numerics import cpu_model

    return {
        "system": platform.platform(),
        "cpu": cpu_model(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "products in bfloat16": _half(),
        "cores": os.cpu_count(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "threads a worker": 1,
        "threads of torch here": torch.get_num_threads(),
    }


def _half() -> str:
    """Return what multiplies bfloat16 here, the one that trials use first."""
    from unroll.kernels.pick import HALF_INSTRUCTIONS, half_instructions

    try:
        return ", ".join(HALF_INSTRUCTIONS[name] for name in half_instructions()) or "none"
    except BackendError:  # among the backends, with the reason
        return "none"


def _devices() -> dict[str, str]:
    """Return the GPUs, and what one brings, measured; or why there is none."""
    from unroll.executors import Channel
    from unroll.running.devices import gains, look

    facts = {"cpu": "one core a worker"}
    for kind in ("cuda", "mps"):
        found = look(kind, Channel(lambda message: None))
        facts[kind] = f"none. {found.absent}" if found.absent else listed(found.names)
        for gain in gains(kind) if found.names else []:
            sizes = f"T = {gain.length}, {gain.hidden} units, {gain.batch} sequences"
            facts[f"{kind}, {sizes}"] = (
                f"{1000 * gain.there:.3g} ms an update of an LSTM, on one core {1000 * gain.here:.3g} ms"
            )
    return facts


def _backends() -> dict[str, str]:
    from unroll import registry
    from unroll.cli.plugins import reason
    from unroll.kernels import pick

    found = {}
    for name in registry.models.names():
        try:
            picked = pick(registry.models.load(name).cell)
            found[name] = f"{picked.word} ({picked.reason})"
        except Exception as error:  # a third party's class may break in any way
            found[name] = reason(error)
    return found


def _broken() -> dict[str, str]:
    """Return the tasks that cannot be loaded, each with the reason; models are among the backends."""
    from unroll import registry
    from unroll.cli.plugins import reason

    found = {}
    for name in registry.tasks.names():
        try:
            registry.tasks.load(name)
        except Exception as error:  # a third party's class may break in any way
            found[name] = reason(error)
    return found


def _store(path: Path) -> dict[str, Any]:
    from unroll.errors import StoreError
    from unroll.store import Store

    if not path.exists():
        return {"path": str(path), "state": "not there yet; unroll run makes it"}
    try:
        with Store.open(path) as opened:
            return opened.health()
    except StoreError as error:
        return {"path": str(path), "state": f"unusable: {error}"}


def _text(name: str, value: Any) -> str:
    if name in ("size", "free"):
        return bytes_(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
