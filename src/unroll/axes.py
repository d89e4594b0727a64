"""The axis letters used everywhere, in this order, in comments, docstrings and native headers.

=======  ===================================================
letter   axis
=======  ===================================================
``K``    lanes: trials trained in one computation
``B``    sequences of a batch (``N``: sequences of a whole split)
``T``    steps of a sequence
``I``    inputs a step
``H``    hidden units
``G``    gates of a cell (tanh RNN 1, GRU 3, LSTM 4)
``L``    layers
``O``    outputs, or classes
``S``    scored positions of a sequence
=======  ===================================================

The names below only annotate; they need no tensor library and check nothing by themselves.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]

Sequences: TypeAlias = Annotated[Float32, "(N, T, I)"]
Tokens: TypeAlias = Annotated[NDArray[np.uint8] | Int32, "(N, T)"]
Targets: TypeAlias = Annotated[Float32, "(N, O), (N, T, O) or (N, S, O)"]
Classes: TypeAlias = Annotated[Int32, "(N, S)"]
Positions: TypeAlias = Annotated[Int32, "(N, S)"]
Mask: TypeAlias = Annotated[NDArray[np.bool_], "(N, S)"]
Permutation: TypeAlias = Annotated[Int64, "(N,)"]
