"""How wrong a prediction is, relative to the truth."""

from __future__ import annotations

import numpy as np

from unroll.axes import Float64

SMALL = 1e-3
"""The least share of the prompt's largest value by which an error is divided: not by nearly nothing."""


def relative_error(values: Float64, truth: Float64, prompt: Float64) -> Float64:
    """Return |p - x| / |x| of predictions p and truths x, (..., n), after prompts (..., P).

    A truth of less than a thousandth of the prompt's largest absolute value counts as that thousandth (of 1, where the
    prompt is all zeros), so that dividing by zero is defined. Predictions that are no number are infinitely wrong.
    """
    largest = np.abs(prompt).max(axis=-1, keepdims=True)
    least = SMALL * np.where(largest == 0, 1.0, largest)
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(values - truth) / np.maximum(np.abs(truth), least), nan=np.inf, posinf=np.inf)
