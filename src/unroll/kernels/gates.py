"""How many gates each cell has, and how many vectors the kernels keep of them until the gradient has gone back."""

from __future__ import annotations

GATES = {"tanh_rnn": 1, "relu_rnn": 1, "gru": 3, "lstm": 4}
SAVED_GATES = {"tanh_rnn": 0, "relu_rnn": 0, "gru": 4, "lstm": 5}
"""Vectors a step beside the state, as in ``native/call.hpp``."""
ROW = 16
"""Units in whose multiples a vector is kept."""
