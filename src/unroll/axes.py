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
``O``    outputs
=======  ===================================================

The names below only annotate; they need no tensor library and check nothing by themselves.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]

Sequences: TypeAlias = Annotated[Float32, "(N, T, I)"]
Targets: TypeAlias = Annotated[Float32, "(N, O) or (N, T, O)"]
Permutation: TypeAlias = Annotated[Int64, "(N,)"]
