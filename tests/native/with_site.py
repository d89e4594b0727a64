"""Run pytest with the package of another folder than the one it is installed from: with_site.py FOLDER ARGUMENTS..."""

import sys
from pathlib import Path

import pytest

sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
site = str(Path(sys.argv[1]).resolve())
sys.path[:0] = [site, "."]

import unroll.kernels._native  # noqa: E402

assert unroll.kernels._native.__file__.startswith(site), unroll.kernels._native.__file__
sys.exit(pytest.main(sys.argv[2:]))
