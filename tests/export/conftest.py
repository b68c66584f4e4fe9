"""A lake of two recorders: a sealed day, a rolled day, and rows that are only on the tapes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import capture
from tests.lake.functions.conftest import MadeLake
from tests.replay.conftest import recording


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the lake."""
    with recording(tmp_path_factory.mktemp("export") / "data") as folder:
        yield folder


@pytest.fixture
def lake(recorded: Path) -> Iterator[capture.Lake]:
    with capture.open_lake(recorded) as opened:
        yield opened


@pytest.fixture
def made(tmp_path: Path) -> Iterator[MadeLake]:
    """An empty lake to fill; opened at the first question."""
    lake = MadeLake(tmp_path / "data")
    yield lake
    lake.close()
