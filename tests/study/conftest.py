from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.study.builders import ReadText
from unroll.study import Study, read_study


@pytest.fixture
def read(tmp_path: Path) -> ReadText:
    """Write a text to mine.toml and read it as a study."""

    def from_text(text: str | bytes, overrides: Sequence[str] = (), **options: Any) -> Study:
        path = tmp_path / "mine.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_study(path, overrides, **options)

    return from_text
