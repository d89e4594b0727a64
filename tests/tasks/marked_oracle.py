"""The four variants of two marked values, once more: read from the inputs alone, a sequence at a time, in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unroll.tasks import Split


def shown(split: Split) -> list[tuple[list[float], list[float], float]]:
    """Return values, markers and target of each sequence, up to the step that is scored."""
    ends = [len(x) for x in split.x] if split.at is None else [int(at) + 1 for at in split.at[:, 0]]
    return [
        (x[:end, 0].tolist(), x[:end, 1].tolist(), float(y.ravel()[0]))
        for x, y, end in zip(split.x.astype(float), split.y.astype(float), ends, strict=True)
    ]


def check(split: Split, length: int, markers: str, answer: Callable[[float, float], float], **values: Any) -> None:
    """Hold a split against the definitions of the papers; ``values``: lowest and first, of ``hs97``."""
    for numbers, marks, target in shown(split):
        steps = len(numbers)
        marked = [t for t in range(steps) if marks[t] == 1]
        assert len(marked) == 2
        first, second = marked
        low = 0.0
        if markers == "hs97":
            low = values["lowest"]
            assert length <= steps <= length + length // 10
            assert marks[-1] == -1
            assert marks[0] == (1 if first == 0 else -1)
            assert not any(marks[t] for t in range(1, steps - 1) if t not in marked)
            assert any(a < 10 and b < length // 2 - 1 for a, b in ((first, second), (second, first)))
            if first == 0:
                assert numbers[0] == values["first"]
        else:
            assert not any(marks[t] for t in range(steps) if t not in marked)
        if markers == "pascanu13":
            assert length <= steps < length + length // 10
            assert first < steps // 10 <= second < steps // 10 + 4 * steps // 10
        if markers in ("anywhere", "halves"):
            assert steps == length
        if markers == "halves":
            assert first < length // 2 <= second
        assert all(low <= value <= 1.0 for value in numbers)
        assert abs(target - answer(numbers[first], numbers[second])) < 3e-7
    if split.at is not None:
        beyond = np.arange(split.x.shape[1]) > split.at
        assert not split.x[beyond].any()
        assert split.x.shape[1] >= split.at.max() + 1
