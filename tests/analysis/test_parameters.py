"""Parameter counts."""

from __future__ import annotations

import pandas as pd

from tests.analysis.builders import trials
from unroll.analysis import parameters


def test_a_row_for_each_count():
    frame = trials({("lstm", 10): ["waiting", 0.1], ("lstm", 20): [0.1], ("gru", 10): ["failed"]})
    frame.loc[frame["model"] == "gru", "parameters"] = 70
    table = parameters(frame)
    assert table.to_dict("list") == {
        "task": ["adding", "adding"],
        "model": ["lstm", "gru"],
        "parameters": [100, 70],
        "lengths": [[10, 20], [10]],
    }


def test_settings_of_the_model_tell_counts_apart_and_those_of_training_do_not():
    parts = [
        trials({("lstm", 10): [0.1]}, **{"model.hidden": hidden, "train.epochs": epochs}).assign(parameters=hidden * 10)
        for hidden in (2, 4)
        for epochs in (1, 2)
    ]
    table = parameters(pd.concat(parts), ["model.hidden", "train.epochs"])
    assert list(zip(table["model.hidden"], table["parameters"], strict=True)) == [(2, 20), (4, 40)]
    assert "train.epochs" not in table
