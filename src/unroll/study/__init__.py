"""What is asked: studies, trials, study files."""

from unroll.study.expansion import expand
from unroll.study.files import read_expanded, read_study, shipped_studies, spelled, study_text, write_study
from unroll.study.settings import GenerateSettings, Settings, TrainSettings
from unroll.study.study import Study, Where
from unroll.study.trial import Trial

__all__ = [
    "GenerateSettings",
    "Settings",
    "Study",
    "TrainSettings",
    "Trial",
    "Where",
    "expand",
    "read_expanded",
    "read_study",
    "shipped_studies",
    "spelled",
    "study_text",
    "write_study",
]
