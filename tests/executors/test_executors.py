import subprocess
import sys

import pytest

import unroll.executors


def test_names_are_imported_when_they_are_asked_for():
    script = """
import sys, unroll.executors
loaded = [name for name in sys.modules if name.startswith("unroll.executors.")]
assert not loaded, loaded
unroll.executors.Inline
assert "cloudpickle" not in sys.modules and "subprocess" not in sys.modules
unroll.executors.Processes
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def test_every_listed_name_exists():
    for name in unroll.executors.__all__:
        assert getattr(unroll.executors, name).__name__ == name
    with pytest.raises(AttributeError, match="Threads"):
        _ = unroll.executors.Threads
