"""The alerter that a recorder keeps beside it."""

import asyncio
from pathlib import Path

import pytest

from capture.recorder.alerter_process import AlerterKeeper
from capture.wanted.settings import Settings
from tests.alerts.conftest import SECRET, Hook, block
from tests.alerts.conftest import hook as hook  # a fixture

from .test_recorder import until


def shown_of(pid: int) -> str:
    """Return what any user may see of a process, and its variables."""
    return "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))


@pytest.mark.slow
def test_an_alerter_beside_a_recorder_is_started_again_and_ends_with_it(hook: Hook, tmp_path: Path) -> None:
    own = block(what=["nothing-records"], webhook=hook.url)
    settings = Settings(data=tmp_path / "data", alert=[own])
    reports: list[str] = []

    async def main() -> None:
        keeper = AlerterKeeper(settings, reports.append)
        keeping = asyncio.create_task(keeper.keep())
        await until(lambda: hook.messages)
        assert keeper._process is not None
        first = keeper._process.pid
        assert SECRET not in shown_of(first)
        keeper._process.kill()
        await until(lambda: keeper._process is not None and keeper._process.pid != first)
        await keeper.stop(keeping)

    asyncio.run(main())
    [report] = reports
    assert "the alerter ended (-9), starting it again in" in report
    assert len(hook.messages) == 1
    assert SECRET not in report


def test_an_alerter_is_wanted_where_something_is_to_be_told() -> None:
    quiet = Settings()
    told = [Settings(alert=[block()]), Settings(alive_ping="env:PING")]  # type: ignore[arg-type]  # as read from a file
    assert not AlerterKeeper(quiet, print).is_wanted
    assert all(AlerterKeeper(one, print).is_wanted for one in told)
    assert not any(AlerterKeeper(one.without_alerts(), print).is_wanted for one in told)
