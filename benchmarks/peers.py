"""Training updates of the adding problem by other libraries, one core: JAX's scan under jit, and Keras on TensorFlow.

Run by ``benchmarks.epochs`` with a Python that has them, as ``python -m benchmarks --peers PYTHON`` names it, made by
``python -m venv peers && peers/bin/pip install jax tensorflow-cpu``. Imports nothing of unroll.

Run: PYTHON benchmarks/peers.py jax|keras CELL T HIDDEN BATCH UPDATES
Prints the seconds of single updates after a warm-up, as JSON. Both are held to one core and flush denormals, as XLA and
TensorFlow do by themselves.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

WARM_UP = 3
SEQUENCES = 10_000
GATES = {"tanh_rnn": 1, "lstm": 4, "gru": 3}


def data(T: int) -> tuple[Any, Any]:
    """Return the adding problem's sequences and targets."""
    draw = np.random.default_rng(1)
    values, markers = draw.random((SEQUENCES, T), dtype=np.float32), np.zeros((SEQUENCES, T), dtype=np.float32)
    for row in markers:
        row[draw.choice(T, size=2, replace=False)] = 1
    return np.stack([values, markers], axis=-1), (values * markers).sum(axis=1, keepdims=True)


def jax_updates(cell: str, T: int, hidden: int, batch: int) -> Iterator[float]:
    """Train for ever: one jitted function an update, that gathers, scans, differentiates and makes Adam's step."""
    import jax
    import jax.numpy as jnp
    from jax import lax, nn

    x, y = map(jnp.asarray, data(T))
    G, draw = GATES[cell] * hidden, np.random.default_rng(2)

    def drawn(*shape: int) -> Any:
        return jnp.asarray(draw.uniform(-1, 1, shape).astype(np.float32) / np.sqrt(hidden))

    weights = [drawn(2, G), drawn(hidden, G), drawn(G), drawn(G), drawn(hidden, 1), drawn(1)]

    def step(cell_weights: Any, state: Any, x_part: Any) -> Any:
        w_h, b_h = cell_weights
        if cell == "tanh_rnn":
            return jnp.tanh(x_part + state @ w_h + b_h), None
        if cell == "gru":
            h_part = state @ w_h + b_h
            (xr, xz, xn), (hr, hz, hn) = jnp.split(x_part, 3, -1), jnp.split(h_part, 3, -1)
            r, z = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
            n = jnp.tanh(xn + r * hn)
            return n + z * (state - n), None
        h, c = state
        i, f, g, o = jnp.split(x_part + h @ w_h + b_h, 4, -1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        return (nn.sigmoid(o) * jnp.tanh(c), c), None

    def loss_of(weights: Any, chosen: Any) -> Any:
        w_x, w_h, b_x, b_h, w_o, b_o = weights
        x_parts = jnp.swapaxes(x[chosen], 0, 1) @ w_x + b_x  # all steps at once
        zero = jnp.zeros((batch, hidden))
        last, _ = lax.scan(lambda s, p: step((w_h, b_h), s, p), (zero, zero) if cell == "lstm" else zero, x_parts)
        out = (last[0] if cell == "lstm" else last) @ w_o + b_o
        return ((out - y[chosen]) ** 2).mean()

    def update(weights: Any, average: Any, square: Any, count: Any, chosen: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(weights, chosen)
        norm = jnp.sqrt(sum((g**2).sum() for g in gradient))
        average = [m + 0.1 * (g - m) for m, g in zip(average, gradient, strict=True)]
        square = [0.999 * v + 0.001 * g * g for v, g in zip(square, gradient, strict=True)]
        rate, root = 0.001 / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
        weights = [w - rate * m / (jnp.sqrt(v) / root + 1e-8) for w, m, v in zip(weights, average, square, strict=True)]
        return weights, average, square, loss, norm

    made = jax.jit(update, donate_argnums=(0, 1, 2))
    average, square = [jnp.zeros_like(w) for w in weights], [jnp.zeros_like(w) for w in weights]
    count = 0.0
    while True:
        order = np.random.default_rng(3).permutation(SEQUENCES)
        for first in range(0, SEQUENCES - batch + 1, batch):
            began = time.perf_counter()
            count += 1
            weights, average, square, loss, norm = made(weights, average, square, count, order[first : first + batch])
            loss.block_until_ready(), norm.block_until_ready()
            yield time.perf_counter() - began


def keras_updates(cell: str, T: int, hidden: int, batch: int, count: int) -> Iterator[float]:
    """Train by ``fit``; yield the seconds from one batch's end to the next."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    x, y = data(T)
    layer = {"tanh_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    model = keras.Sequential([keras.Input((T, 2)), layer(hidden), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="mse")
    ends: list[float] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, number: int, logs: Any = None) -> None:
            ends.append(time.perf_counter())

    few = np.arange((count + WARM_UP + 1) * batch) % SEQUENCES
    model.fit(x[few], y[few], batch_size=batch, shuffle=True, verbose=0, callbacks=[Clock()])
    yield from np.diff(ends).tolist()


def main() -> None:
    """Measure one."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    whose, cell, *numbers = sys.argv[1:]
    T, hidden, batch, count = map(int, numbers)
    sizes = cell, T, hidden, batch
    steps = jax_updates(*sizes) if whose == "jax" else keras_updates(*sizes, count)
    for _ in range(WARM_UP):
        next(steps)
    print(json.dumps([next(steps) for _ in range(count)]))


if __name__ == "__main__":
    main()
