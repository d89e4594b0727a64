"""results.db: every trial that was planned, what became of it, and what it measured."""

from unroll.store.faults import LARGEST
from unroll.store.merging import Adopted, Alarm, Apart
from unroll.store.records import (
    FINAL,
    CheckpointRecord,
    Examination,
    ExaminationRecord,
    Examined,
    MeasureRecord,
    NamedArray,
    PlannedStudy,
    PlannedTrial,
    State,
    StudyRecord,
    TrialRecord,
)
from unroll.store.store import Store
from unroll.store.verification import Fault, Verification

__all__ = [
    "FINAL",
    "LARGEST",
    "Adopted",
    "Alarm",
    "Apart",
    "CheckpointRecord",
    "Examination",
    "ExaminationRecord",
    "Examined",
    "Fault",
    "MeasureRecord",
    "NamedArray",
    "PlannedStudy",
    "PlannedTrial",
    "State",
    "Store",
    "StudyRecord",
    "TrialRecord",
    "Verification",
]
