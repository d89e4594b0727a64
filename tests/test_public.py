"""The public API: what ``import unroll`` gives, and what it leaves alone.

Planted and found: a package that is left to whoever imported it before; torch imported for any of them; the optimizers
as PyTorch has them, and ``to_empty``, in a trial.
"""

import subprocess
import sys

import pytest

import unroll

HEAVY = "('torch', 'pandas', 'matplotlib', 'safetensors', 'cloudpickle')"


def modules_after(program: str, heavy: str = HEAVY) -> list[str]:
    """Which of the ``heavy`` packages a fresh interpreter has imported when the program is over."""
    report = f"\nimport sys; print('HEAVY', *(name for name in {heavy} if name in sys.modules))"
    command = [sys.executable, "-W", "error", "-c", program + report]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("HEAVY")[2].split()


def test_importing_unroll_imports_nothing_heavy() -> None:
    assert modules_after("import unroll") == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["check", "adding-quick"], ["studies"], ["tasks"], ["models"], ["cite"]],
    ids=" ".join,
)
def test_what_trains_nothing_imports_no_torch(arguments: list[str]) -> None:
    program = f"""
import sys
sys.argv = ['unroll', *{arguments!r}]
from unroll.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
    assert "torch" not in modules_after(program)


@pytest.mark.parametrize(("name", "torch"), [("errors.UnrollError", 0), ("tasks.Task", 0), ("models.Model", 0),
                                             ("measures.Measure", 0), ("measures.Plots", 0),
                                             ("nn.LSTM", 1)])  # fmt: skip
def test_packages_are_reached_through_unroll_alone(name: str, torch: int) -> None:
    """In a fresh process: elsewhere somebody has imported them before. Only the layers need torch."""
    loaded = modules_after(f"import unroll; assert {name.split('.')[0]!r} in dir(unroll); unroll.{name}")
    assert ("torch" in loaded) == bool(torch)


def test_facts_and_settings_of_models_need_no_torch() -> None:
    program = """
from unroll import registry
for name in registry.models.names():
    registry.models.load(name)().model_dump()
import unroll
unroll.check(unroll.read_study("adding"))
"""
    assert "torch" not in modules_after(program)


def test_a_trial_is_trained_without_pytorchs_compiler_and_sympy() -> None:
    program = """
import unroll
small = ["task.train=64", "task.test=8", "train.epochs=1", "seed=1", "length=10", "model=['lstm']"]
study = unroll.read_study("adding-quick", small)
from unroll.training import train
steps = train(unroll.expand(study)[0])
for _ in steps:
    pass
"""
    assert modules_after(program, "('torch', 'torch._dynamo', 'sympy')") == ["torch"]


def test_every_public_name_is_there() -> None:
    assert list(unroll.__all__) == sorted(unroll.__all__)
    for name in unroll.__all__:
        assert getattr(unroll, name).__doc__, name
    assert set(unroll.__all__) <= set(dir(unroll))
    assert unroll._HOMES.keys() == set(unroll.__all__)
    with pytest.raises(AttributeError, match="module 'unroll' has no attribute 'trian'"):
        unroll.trian  # noqa: B018
