"""What the tests of notebooks share."""

from pathlib import Path

import pytest

from . import recording


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with half an hour of an invented market, in which the line broke twice."""
    folder = tmp_path_factory.mktemp("examples") / "data"
    recording.make(folder)
    return folder
