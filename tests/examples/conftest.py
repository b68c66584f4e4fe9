"""What the tests of notebooks share."""

from pathlib import Path

import pytest

from . import account_recording, recording


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with half an hour of an invented market, in which the line broke twice."""
    folder = tmp_path_factory.mktemp("examples") / "data"
    recording.make(folder)
    return folder


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with some minutes of a paper account that trades."""
    folder = tmp_path_factory.mktemp("account") / "data"
    account_recording.make(folder)
    return folder
