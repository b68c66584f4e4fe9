"""A pytest plugin: writes how many seconds each test took to the file that TEST_TIMES names."""

import json
import os
from pathlib import Path

import pytest

_SECONDS: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _SECONDS[report.nodeid] = _SECONDS.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    Path(os.environ["TEST_TIMES"]).write_text(json.dumps(_SECONDS))
