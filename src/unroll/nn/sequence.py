"""Sequences of similar length on their way through a layer: padded, batch first, with lengths where they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


@dataclass(frozen=True)
class Sequence:
    """``data`` (B, T, *) and ``lengths`` (B,), never rising, or None where all are T; zero past a length."""

    data: Tensor
    lengths: Tensor | None = None

    @staticmethod
    def unpacked(packed: PackedSequence) -> Sequence:
        """Return the sequences in their packed order, the longest first."""
        data, lengths = pad_packed_sequence(PackedSequence(packed.data, packed.batch_sizes), batch_first=True)
        return Sequence(data, lengths)

    def packed(self) -> PackedSequence:
        """Return the sequences packed, in the order they have here."""
        return pack_padded_sequence(self.data, self._known_lengths(), batch_first=True, enforce_sorted=True)

    def reversed(self) -> Sequence:
        """Return each sequence backwards within its own length."""
        if self.lengths is None:
            return replace(self, data=self.data.flip(1))
        T = self.data.shape[1]
        t = torch.arange(T, device=self.lengths.device).unsqueeze(0)  # (1, T)
        ends = self.lengths.unsqueeze(1)  # (B, 1)
        at = torch.where(t < ends, ends - 1 - t, t)  # (B, T)
        return replace(self, data=self.data.gather(1, at.unsqueeze(2).expand_as(self.data)))

    def _known_lengths(self) -> Tensor:
        B, T = self.data.shape[:2]
        return torch.full((B,), T, device="cpu") if self.lengths is None else self.lengths
