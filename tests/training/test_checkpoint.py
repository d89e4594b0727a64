"""A checkpoint that is not what was frozen is never continued, and never fails its trial.

Planted and found: no checksum compared; the checksum of the position alone, of the bytes alone, without the key; a
place in the training not checked; tensors loaded as they come.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.test_loop import trial
from tests.working import work_on
from unroll.running.messages import Note, Order
from unroll.store.seals import CHECKSUM, checkpoint_seal
from unroll.training import Checkpoint, Training, single_thread
from unroll.training.native import numerics_of

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")


def one(optimizer: str):
    return trial(model="tanh_rnn", train={"optimizer": optimizer, "momentum": 0.0 if "adam" in optimizer else 0.5})


@cache
def frozen(optimizer: str = "adam", at: int = 7) -> Checkpoint:
    with single_thread():
        steps = Training(one(optimizer)).run()
        for _ in range(at):
            progress = next(steps)
        return progress.freeze()


@cache
def digest(optimizer: str = "adam") -> str:
    outcome, notes = worked(None, optimizer)
    assert notes == []
    return outcome.result.digest


def worked(checkpoint: Checkpoint | None, optimizer: str = "adam"):
    """Work on a trial from a checkpoint; return its outcome and what was said."""
    asked = one(optimizer)
    under = numerics_of(asked)
    outcome, said = work_on(Order(asked, checkpoint, under))
    return outcome, [message.text for message in said if isinstance(message, Note)]


def starts_afresh(checkpoint: Checkpoint, optimizer: str = "adam") -> str:
    outcome, notes = worked(checkpoint, optimizer)
    assert outcome.error is None
    assert outcome.result.digest == digest(optimizer)
    assert len(notes) == 1
    assert "starts afresh" in notes[0]
    return notes[0]


def sealed(checkpoint: Checkpoint, arrays: dict | None = None, **position: object) -> Checkpoint:
    """Return a checkpoint of other content whose checksum is right: what a stranger's store may hold."""
    tensors = checkpoint.tensors if arrays is None else safetensors.numpy.save(arrays)
    position = {**checkpoint.position, **position}
    return Checkpoint(tensors, position | {CHECKSUM: checkpoint_seal(tensors, position)})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("at", [1, 5, 6, 7])
def test_what_was_frozen_goes_on_with_the_same_bits(optimizer: str, at: int):
    checkpoint = frozen(optimizer, at)
    stored = replace(checkpoint, position=json.loads(json.dumps(checkpoint.position)))
    outcome, notes = worked(stored, optimizer)
    assert notes == []
    assert outcome.result.digest == digest(optimizer)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_flipped_bit_anywhere(data: st.DataObject):
    checkpoint = frozen()
    place = data.draw(st.integers(0, 8 * len(checkpoint.tensors) - 1))
    flipped = bytearray(checkpoint.tensors)
    flipped[place // 8] ^= 1 << place % 8
    with pytest.raises(Exception, match="damaged"), single_thread():
        Training(one("adam"), replace(checkpoint, tensors=bytes(flipped)))


@pytest.mark.parametrize("name", ["epoch", "done", "epoch_loss", "epoch_seconds", CHECKSUM])
def test_the_position_is_covered(name: str):
    position = dict(frozen().position)
    other = {"epoch": 1, "done": 8, "epoch_loss": (1.0).hex(), "epoch_seconds": 0.0, CHECKSUM: "0" * 32}
    assert position[name] != other[name]
    starts_afresh(replace(frozen(), position=position | {name: other[name]}))
    del position[name]
    starts_afresh(replace(frozen(), position=position))


def test_the_key_is_covered():
    other = dict(frozen().position) | {"key": "0" * 64}
    assert "belongs to trial 000000000000" in starts_afresh(replace(frozen(), position=other))
    moved = Checkpoint(frozen().tensors, frozen(at=3).position)
    starts_afresh(moved)
    elsewhere = {**other, CHECKSUM: checkpoint_seal(frozen().tensors, other)}
    starts_afresh(replace(frozen(), position={**elsewhere, "key": one("adam").key}))


HOSTILE = {
    "nothing": b"",
    "no header": b"\x01\x00",
    "header of 2^63": (2**63).to_bytes(8, "little") + b"{}",
    "header of 2^64 - 1": (2**64 - 1).to_bytes(8, "little") + b"{}" * 40,
    "not JSON": (4).to_bytes(8, "little") + b"nope",
    "not UTF-8": (4).to_bytes(8, "little") + b'{"\xff"',
    "overlapping": (lambda h: len(h).to_bytes(8, "little") + h + bytes(8))(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
    ),
    "of wrong sizes": (lambda h: len(h).to_bytes(8, "little") + h + bytes(8))(
        b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,8]}}'
    ),
    "of a type that NumPy lacks": (lambda h: len(h).to_bytes(8, "little") + h + bytes(4))(
        b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    ),
    "with a shape that overflows": (lambda h: len(h).to_bytes(8, "little") + h + bytes(8))(
        b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}'
    ),
}


@pytest.mark.parametrize("bytes_", HOSTILE)
def test_hostile_bytes_under_a_right_checksum(bytes_: str):
    position = frozen().position
    tensors = HOSTILE[bytes_]
    checkpoint = Checkpoint(tensors, position | {CHECKSUM: checkpoint_seal(tensors, position)})
    assert "damaged" in starts_afresh(checkpoint)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_other_tensors_under_a_right_checksum(optimizer: str):
    arrays = safetensors.numpy.load(frozen(optimizer).tensors)
    for name, array in arrays.items():
        rest = {other: values for other, values in arrays.items() if other != name}
        for changed in (
            rest,
            {**rest, f"{name}x": array},
            {**rest, name: array.astype(np.float64)},
            {**rest, name: np.zeros(array.size + 1, array.dtype)},
        ):
            with pytest.raises(Exception, match="damaged"), single_thread():
                Training(one(optimizer), sealed(frozen(optimizer), changed))
    starts_afresh(sealed(frozen(optimizer), {**arrays, "more": np.zeros(1, np.float32)}), optimizer)


@pytest.mark.parametrize(
    "position",
    [
        {"epoch": -1}, {"epoch": 10**6}, {"done": -1}, {"done": 10**6}, {"done": 7.0}, {"done": True}, {"epoch": "1"},
        {"epoch": None}, {"epoch_loss": "nan"}, {"epoch_loss": 3}, {"epoch_loss": "0x1p99999"}, {"epoch_seconds": "x"},
        {"epoch": 10**400}, {"epoch_seconds": [1]},
    ],
)  # fmt: skip
def test_a_place_that_is_none_under_a_right_checksum(position: dict):
    assert "damaged" in starts_afresh(sealed(frozen(), **position))
