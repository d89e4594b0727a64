"""One torch thread, as for the kernels, and which cells ran on them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernels.conftest import one_thread
from unroll.kernels import ops

__all__ = ["counted", "one_thread"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cells that were run natively."""
    cells: list[str] = []
    original = ops.forward

    def spy(cell: str, *args: Any, **named: Any) -> Any:
        cells.append(cell)
        return original(cell, *args, **named)

    monkeypatch.setattr(ops, "forward", spy)
    return cells
