"""The first screen's sentences on a frame of trials, and a study whose story is known."""

from __future__ import annotations

import pandas as pd

from unroll import registry
from unroll.analysis import Tables, comparisons, conditions, effects, findings, growth, span, timing
from unroll.analysis.finding import Words
from unroll.analysis.settings import as_they_are
from unroll.measures.memory.table import memory
from unroll.study.saved import Saved

SOLVED, BASELINE = 0.001, 1 / 6


MINE = Saved("study.toml", "", ("a=[1, 2]",), 6)


TOLD = [{name: family.load(name).told() for name in family.names()} for family in (registry.tasks, registry.models)]
WORDS = Words(
    *({name: told["in_a_sentence"] for name, told in family.items()} for family in TOLD),
    titles={name: told["title"] for name, told in TOLD[0].items()},
    levels=TOLD[0]["fibonacci"]["called"],
)


def tables(frame: pd.DataFrame, factors: tuple[str, ...] = (), **more) -> Tables:
    rows = conditions(frame, factors)
    return Tables(
        conditions=rows,
        span=span(rows, factors),
        memory=memory(frame, factors),
        growth=growth(timing(frame, factors), factors),
        comparisons=comparisons(frame, factors),
        effects=effects(frame, factors),
        factors=factors,
        **{"words": WORDS, **more},
    )


def told(frame: pd.DataFrame, kind: str, factors: tuple[str, ...] = (), **more) -> list[str]:
    return [finding.sentence for finding in findings(tables(frame, factors, **more)) if finding.kind == kind]


STORY = {
    ("tanh_rnn", 10): [SOLVED] * 3,
    ("tanh_rnn", 25): [(1 - 11 / 25) / 6] * 3,
    ("tanh_rnn", 50): [BASELINE, 0.165, 0.17],
    ("tanh_rnn", 100): [BASELINE] * 3,
    **{("lstm", length): [SOLVED] * 3 for length in (10, 25, 50, 100)},
    **{("gru", length): [SOLVED] * 3 for length in (10, 25, 50, 100)},
}


def with_settings(name: str, parts: list[tuple[object, pd.DataFrame]]) -> pd.DataFrame:
    """Return parts of a study with a setting as it is given: None is none, NaN is not there."""
    frame = pd.concat([part.assign(key=part["key"] + str(i)) for i, (_, part) in enumerate(parts)])
    frame["condition"] = [f"{one}{i}" for i, (_, part) in enumerate(parts) for one in part["condition"]]
    values = [value for value, part in parts for _ in range(len(part))]
    return frame.reset_index(drop=True).assign(**{name: as_they_are(values)})


def found_in(every) -> str:
    return " ".join(finding.sentence for finding in every if finding.kind == "found")
