"""A pytest plugin: writes how many seconds each test took that passed to the file that TEST_TIMES names."""

import json
import os
from pathlib import Path

import pytest

_SECONDS: dict[str, float] = {}
_FAILED: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _SECONDS[report.nodeid] = _SECONDS.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _FAILED.add(report.nodeid)


def pytest_sessionfinish() -> None:
    Path(os.environ["TEST_TIMES"]).write_text(
        json.dumps({test: took_s for test, took_s in _SECONDS.items() if test not in _FAILED}))
