"""results.db: every trial that was planned, what became of it, and what it measured."""

from unroll.store.merging import Adopted
from unroll.store.records import (
    CheckpointRecord,
    PlannedStudy,
    PlannedTrial,
    State,
    StudyRecord,
    TrialRecord,
)
from unroll.store.store import Store

__all__ = [
    "Adopted",
    "CheckpointRecord",
    "PlannedStudy",
    "PlannedTrial",
    "State",
    "Store",
    "StudyRecord",
    "TrialRecord",
]
