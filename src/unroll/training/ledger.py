"""What updates on a GPU came to, kept there until it is asked for: a GPU that is asked at each update only waits."""

from __future__ import annotations

import torch
from torch import Tensor


class Ledger:
    """The losses and gradient norms of up to ``updates`` updates, (updates, 2) on a device, and what each scored."""

    def __init__(self, updates: int, device: torch.device):
        self._kept = torch.empty(updates, 2, device=device)
        self._scored: list[int] = []

    def keep(self, loss: Tensor, norm: Tensor, scored: int) -> None:
        """Note an update: its loss and gradient norm, still on the device, and the positions that it scored."""
        row = self._kept[len(self._scored)]
        row[0].copy_(loss)
        row[1].copy_(norm)
        self._scored.append(scored)

    def fetch(self) -> list[tuple[float, float, int]]:
        """Return what was noted, in order, and begin anew; waits until all of it is computed."""
        scored, self._scored = self._scored, []
        values = self._kept[: len(scored)].cpu().tolist()
        return [(loss, norm, count) for (loss, norm), count in zip(values, scored, strict=True)]
