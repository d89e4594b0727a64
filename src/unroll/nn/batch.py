"""A batch on its way through a layer: its sequences in groups of similar length, so that padding stays small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from unroll.nn.sequence import Sequence

MOST_PADDING = 2
"""Padded steps a real one, at most: one sequence of 5,000 steps beside 127 of 20 would take 85."""


@dataclass(frozen=True)
class Batch:
    """``groups`` of sequences, the longest first: one, or several where padding to the longest would take too much.

    ``sizes`` (T,) are the batch sizes of the packed form, None for a batch that is not packed. ``index`` says where the
    groups' packed steps, one group after another, lie in the packed batch; None for one group.
    """

    groups: tuple[Sequence, ...]
    sizes: Tensor | None = None
    index: Tensor | None = None

    @staticmethod
    def unpacked(packed: PackedSequence) -> Batch:
        """Return the sequences in their packed order: each group down to half the length of its longest.

        A batch that padding less than doubles stays one group: fewer and larger calls are faster.
        """
        data, sizes = packed.data, packed.batch_sizes
        if len(sizes) * int(sizes[0]) <= MOST_PADDING * len(data):
            return Batch((Sequence.unpacked(packed),), sizes)
        groups, places = [], []
        starts = sizes.cumsum(0) - sizes  # (T,)
        for begin, end, steps in _similar(sizes):
            count = (sizes[:steps].clamp_max(end) - begin).clamp_min(0)  # (steps,)
            within = torch.arange(int(count.sum()), device="cpu") - (count.cumsum(0) - count).repeat_interleave(count)
            places.append((starts[:steps] + begin).repeat_interleave(count) + within)
            groups.append(Sequence.unpacked(PackedSequence(data.index_select(0, places[-1]), count)))
        return Batch(tuple(groups), sizes, torch.cat(places))

    def packed(self) -> PackedSequence:
        """Return the sequences packed, in the order they have here."""
        if self.index is None:
            return self.groups[0].packed()
        data = torch.cat([group.packed().data for group in self.groups])
        return PackedSequence(data.index_select(0, self.index.argsort()), self.sizes)

    def dropped(self, p: float) -> Batch:
        """Apply dropout in the memory order of torch's layers (time first, or packed): equal seeds drop the same."""
        if self.sizes is not None:
            packed = self.packed()
            return Batch.unpacked(PackedSequence(dropout(packed.data, p), packed.batch_sizes))
        by_time = self.groups[0].data.transpose(0, 1).contiguous()  # (T, B, *)
        return Batch((Sequence(dropout(by_time, p).transpose(0, 1)),))


def _similar(sizes: Tensor) -> list[tuple[int, int, int]]:
    """Return first and last row, and steps, of each group of sequences with these batch sizes."""
    following = torch.cat([sizes[1:], sizes.new_zeros(1)])
    steps = torch.arange(1, len(sizes) + 1, device="cpu")
    lengths = steps.repeat_interleave(sizes - following).flip(0).tolist()  # (B,), never rising
    groups, begin = [], 0
    for row, length in enumerate(lengths):
        if MOST_PADDING * length < lengths[begin]:
            groups.append((begin, row, lengths[begin]))
            begin = row
    return [*groups, (begin, len(lengths), lengths[begin])]
