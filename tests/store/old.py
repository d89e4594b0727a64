"""What store_v1.db holds: a trial as the conformance suite made it then, with a key that followed from nothing."""

import hashlib
from dataclasses import replace

from unroll.store import PlannedTrial
from unroll.testing.stores import planned_trial


def planned_v1(seed: int) -> PlannedTrial:
    return replace(
        planned_trial(seed),
        key=hashlib.sha256(f"trial {seed}".encode()).hexdigest(),
        condition=hashlib.sha256(b"condition").hexdigest(),
        declared={},
        spec={"task": "adding", "model": "lstm", "length": 50, "seed": seed, "train": {"learning_rate": 1e-3}},
    )
