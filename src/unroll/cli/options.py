"""Arguments and options that several commands share: one name and one meaning everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyName = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="A shipped study (see: unroll studies) or the path of a study file."),
]
HeldStudy = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="A shipped study, a study file, or a study of the store (see: unroll list)."),
]
StudyOrTrial = Annotated[
    str,
    typer.Argument(
        metavar="STUDY|TRIAL",
        help="A shipped study, a study file, a study of the store (see: unroll list), or the first digits of a trial's "
        "key.",
    ),
]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Override a setting of the study, such as train.epochs=5 or seed=[1,2].",
    ),
]
StorePath = Annotated[Path, typer.Option("--store", metavar="PATH", help="Where results are kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MaxTrials = Annotated[int, typer.Option("--max-trials", min=1, metavar="N", help="Refuse a study with more trials.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=4096, metavar="N", help="Trials at once. Default: one per core, or per GPU."),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor", metavar="NAME", help="Where trials run: processes, inline for debugging, dask or slurm."
    ),
]
