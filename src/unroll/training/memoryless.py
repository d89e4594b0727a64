"""The measure ``memoryless``: how much better a model is than a predictor with no memory, on the same sequences."""

from __future__ import annotations

import numpy as np

from unroll.axes import Float64, Int64
from unroll.training.result import Measured


def memoryless(kind: str, constant: Float64, losses: Float64, sequences: Int64 | None = None) -> Measured:
    r"""Compare a model with the best constant, test sequence by test sequence.

    A predictor with no memory always gives the same answer. The best of all is that of the test targets themselves, see
    ``Objective.constant``: no constant, learned or given, has a lower loss on these sequences, so that a model which
    answers with one can never seem to have learned something. With :math:`\ell_i` the loss of the model on example i of
    N, :math:`c_i` that of the constant, :math:`d_i = c_i - \ell_i` and :math:`\bar d` their mean, over G sequences g:

    .. math:: \text{gain} = \bar d, \qquad \text{error} = \frac1N \sqrt{\frac{G}{G - 1}
              \sum_g \Bigl(\sum_{i \in g} (d_i - \bar d)\Bigr)^2}

    which is the standard error of a mean where each example is a sequence of its own. The loss of one model varies from
    one test set to another; the difference to a constant on the same sequences varies far less.

    Parameters
    ----------
    kind
        The name of the loss, such as "mse".
    constant
        The loss of the best constant on each example of the test split, (N,).
    losses
        The model's loss on each of them, (N,): the mean over its scored positions.
    sequences
        The number of the sequence that each example was cut from, (N,); None where each is one of its own.

    Returns
    -------
    Metrics ``memoryless_<kind>`` (the constant's loss), ``memoryless_gain`` (above 0: the model is better),
    ``memoryless_gain_error`` (absent where there is one sequence only), ``memoryless_sequences`` (G).

    """
    gains = constant - losses
    gain = gains.mean()
    deviations = gains - gain
    if sequences is not None:
        deviations = np.bincount(np.unique(sequences, return_inverse=True)[1].ravel(), deviations)
    count = len(deviations)
    metrics = {
        f"memoryless_{kind}": float(constant.mean()),
        "memoryless_gain": float(gain),
        "memoryless_sequences": float(count),
    }
    if count > 1:
        error = np.sqrt(count / (count - 1) * np.square(deviations).sum()) / len(gains)
        metrics["memoryless_gain_error"] = float(error)
    return Measured(metrics)
