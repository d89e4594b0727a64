"""A laboratory for recurrent networks' memory.

>>> import unroll
>>> study = unroll.read_study("adding-quick")
>>> study.count()
27
"""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll import errors as errors
    from unroll import measures as measures
    from unroll import models as models
    from unroll import nn as nn
    from unroll import plots as plots
    from unroll import tasks as tasks
    from unroll.api import load_model, merge, register, run
    from unroll.generation import generate
    from unroll.nn import accelerate, decelerate
    from unroll.reading import Results, results
    from unroll.running.planning import check
    from unroll.study import Study, Trial, expand, read_study, shipped_studies, write_study

_HOMES = {
    "Results": "reading",
    "Study": "study",
    "Trial": "study",
    "accelerate": "nn",
    "check": "unroll.running.planning",
    "decelerate": "nn",
    "expand": "study",
    "generate": "generation",
    "load_model": "api",
    "merge": "api",
    "read_study": "study",
    "register": "api",
    "results": "reading",
    "run": "api",
    "shipped_studies": "study",
    "write_study": "study",
}

__all__ = [
    "Results",
    "Study",
    "Trial",
    "accelerate",
    "check",
    "decelerate",
    "expand",
    "generate",
    "load_model",
    "merge",
    "read_study",
    "register",
    "results",
    "run",
    "shipped_studies",
    "write_study",
]

_MODULES = ("errors", "measures", "models", "nn", "plots", "tasks")
"""Not in ``__all__``: ``from unroll import *`` would import torch for the layers."""

__getattr__ = lazily(__name__, _HOMES, _MODULES)


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, *(name for name in globals() if name.startswith("__"))]
