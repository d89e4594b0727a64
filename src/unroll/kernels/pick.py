"""Which backend computes a cell, and why. Imports no torch: ``unroll doctor`` and ``unroll check`` ask here too."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from unroll.errors import BackendError

CELLS = ("tanh_rnn", "relu_rnn", "lstm", "gru")
BACKENDS = ("auto", "reference", "native")

MISSING = (
    "this installation has no native kernels, so recurrent layers run on PyTorch's own: as fast or several "
    "times slower, by cell, size and processor; "
    "install a C++17 compiler (g++ or clang++), then build anew in the folder of unroll's source: make install, "
    "or in an environment of your own: pip install --force-reinstall --no-deps --no-cache-dir ."
)


NUMERICS = 2
"""Goes up when the native kernels give other bits; what they give is in tests/kernels/golden.txt."""
UNFUSED = ("v2",)
"""Instruction sets without fused multiply-add, which give bits of their own; all others give the same."""

HALF_INSTRUCTIONS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 BF16"}
"""What multiplies bfloat16 with float32 sums, and what processors' makers call it."""

_MODULE = "unroll.kernels._native"


@dataclass(frozen=True)
class Pick:
    """The backend that computes a cell, its instruction set ("" for the reference), and the reason in plain words."""

    backend: str
    reason: str
    isa: str = ""

    @property
    def word(self) -> str:
        """What readers are told: "torch" for the reference, PyTorch's own layers."""
        return "torch" if self.backend == "reference" else self.backend

    @property
    def numerics(self) -> str:
        """What the bits of the native kernels depend on, and nothing else: "2, fused"; "" without them."""
        return f"{NUMERICS}, {'not ' if self.isa in UNFUSED else ''}fused" if self.isa else ""


def native() -> Any:
    """The compiled module, or None where it was not built (no compiler) or cannot be loaded here."""
    module = sys.modules.get(_MODULE)  # every call of a layer asks: an import costs more than this
    if module is not None:
        return module
    try:
        return import_module(_MODULE)
    except ImportError:
        return None


def isas() -> tuple[str, ...]:
    """Instruction sets that the installed kernels and this processor both have, the fastest first; often empty."""
    module = native()
    return _isas_of(module) if module is not None else ()


@cache
def _isas_of(module: Any) -> tuple[str, ...]:
    return tuple(module.isas())


def half_instructions() -> tuple[str, ...]:
    """Of HALF_INSTRUCTIONS those that the installed kernels and this processor both have, the fastest first.

    Asks the system for AMX, for this process. None where UNROLL_ISA holds the kernels to an older processor's set.
    """
    module = native()
    if module is None or isa_in_use() != isas()[0]:
        return ()
    return tuple(module.half_instructions())


def products_in(precision: str) -> str:
    """Return what multiplies in updates of a precision: "float32", or of "bf16" the instruction for it.

    Raises BackendError where there is none.
    """
    if precision == "float32":
        return precision
    usable = half_instructions()
    if not usable:
        held = os.environ.get("UNROLL_ISA")
        why = (
            f"UNROLL_ISA holds the kernels to {held}"
            if held and held != "v4"
            else "this processor has neither AMX nor AVX-512 BF16, or the installed kernels were compiled without them"
        )
        raise BackendError(f"Products in bfloat16 were asked for, but {why}. Set train.precision to 'float32'.")
    return usable[0]


def isa_in_use() -> str:
    """The instruction set to run: the fastest, or the one that UNROLL_ISA names; "" without native kernels.

    Raises BackendError where UNROLL_ISA names a set that cannot run here.
    """
    usable = isas()
    asked = os.environ.get("UNROLL_ISA", "")
    if not asked:
        return usable[0] if usable else ""
    if asked not in usable:
        have = ", ".join(usable) if usable else "none"
        raise BackendError(
            f'UNROLL_ISA is "{asked}", which cannot run here. Available: {have}. Unset it or name one of these.'
        )
    return asked


# torch.compile can trace neither the import of a compiled module nor the environment, and the answer does not change
# under it. torch.compiler.assume_constant_result sets this mark too, but imports the whole compiler: two seconds.
isa_in_use._dynamo_marked_constant = True  # type: ignore[attr-defined]


def pick(cell: str | None, *, device: str = "cpu", backend: str = "auto") -> Pick:
    """Choose the backend for a cell ("tanh_rnn", "relu_rnn", "lstm", "gru"; None for a model without one).

    ``backend`` is what was asked for: "auto", "reference" (or "torch") or "native". Raises BackendError where it is not
    available.
    """
    backend = "reference" if backend == "torch" else backend
    if backend not in BACKENDS:
        raise BackendError(f'Unknown backend "{backend}". Set train.backend to one of: {", ".join(BACKENDS)}.')
    if backend == "reference":
        return Pick("reference", "asked for")
    why_not = ""
    isa = ""
    if cell is None:
        why_not = "the model has no recurrent cell of its own"
    elif cell not in CELLS:
        why_not = f'there is no native kernel for the cell "{cell}"'
    elif device.split(":")[0] != "cpu":
        why_not = f"the native kernels run on the CPU, not on {device}"
    else:
        isa = isa_in_use()
        if not isa:
            why_not = MISSING
    if not why_not:
        forced = " as UNROLL_ISA says" if os.environ.get("UNROLL_ISA") else ", the fastest that this processor runs"
        return Pick("native", f"native kernel, instruction set {isa}{forced}", isa)
    if backend == "native":
        raise BackendError(f"The native backend was asked for, but {why_not}. Set train.backend to 'auto' or 'torch'.")
    return Pick("reference", why_not)
