from typing import Any

Array = Any  # anything that speaks DLPack or the buffer protocol

def isas() -> list[str]: ...
def half_instructions() -> list[str]: ...
def half_product(instruction: str, a: Array, b: Array, c: Array) -> None: ...
def forward(
    cell: str,
    isa: str,
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    h0: Array | None,
    c0: Array | None,
    lengths: Array | None,
    y: Array | None,
    h_n: Array,
    c_n: Array | None,
    saved: Array | None,
    threads: int = 1,
) -> None: ...
def backward(
    cell: str,
    isa: str,
    x: Array,
    w_ih: Array,
    w_hh: Array,
    lengths: Array | None,
    saved: Array,
    dy: Array | None,
    dh_n: Array | None,
    dc_n: Array | None,
    dx: Array | None,
    dw_ih: Array,
    dw_hh: Array,
    db_ih: Array | None,
    db_hh: Array | None,
    dh0: Array | None,
    dc0: Array | None,
    threads: int = 1,
) -> None: ...

class Split:
    def __init__(
        self, x: Array, y: Array, at: Array | None, asked: Array | None, inputs: int, outputs: int, readout: str
    ) -> None: ...

class Rule: ...

def rule(
    name: str,
    beta1: float,
    beta2: float,
    epsilon: float,
    alpha: float,
    momentum: float,
    weight_decay: float,
    clip_norm: float,
    clip_value: float,
) -> Rule: ...

class Asked:
    def __init__(
        self,
        cell: str,
        hidden: int,
        split: Split,
        rule: Rule,
        weights: Array,
        gradient: Array,
        average: Array | None,
        square: Array | None,
        velocity: Array | None,
        powers: Array | None,
        order: Array,
        batch: int,
        rates: Array,
        seconds: float,
        losses: Array,
        norms: Array,
        scored: Array,
        done: Array,
    ) -> None: ...

def update(isa: str, products: str, asked: Asked) -> None: ...
def update_cohort(isa: str, asked: list[Asked]) -> None: ...
def evaluate(
    isa: str,
    cell: str,
    hidden: int,
    split: Split,
    weights: Array,
    first: int,
    losses: Array,
    furthest: Array,
    scored: Array,
    asked: Array,
    right: Array,
) -> None: ...
def steps(isa: str, cell: str, weights: Array, x: Array, h: Array, c: Array | None, out: Array) -> None: ...
def take_saved(cell: str, K: int, B: int, T: int, H: int, single: bool) -> Any: ...
def activate(isa: str, function: str, x: Array, y: Array) -> None: ...
def multiply_adds(isa: str, rounds: int) -> float: ...
def float_mode() -> int: ...
def empty_blocks() -> None: ...
def unused_bytes() -> int: ...
def spoil_blocks() -> None: ...
