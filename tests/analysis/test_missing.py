"""What is missing is listed, what failed first."""

from __future__ import annotations

from tests.analysis.builders import trials
from unroll.analysis import missing


def test_failed_first_with_the_first_line_of_what_went_wrong():
    frame = trials({("gru", 9): ["waiting", 0.1, "failed"], ("lstm", 9): ["running", "failed"]})
    failed = frame.loc[frame["state"] == "failed", "key"].tolist()
    table = missing(frame, {failed[0]: "The training loss became nan.\nTraceback ..."})
    assert table["state"].tolist() == ["failed", "failed", "waiting", "running"]
    assert table["message"].tolist() == ["The training loss became nan.", "", "", ""]
    assert table["seed"].tolist() == [3, 2, 1, 1]


def test_nothing_is_missing():
    assert missing(trials({("gru", 9): [0.1]}), {}).empty
