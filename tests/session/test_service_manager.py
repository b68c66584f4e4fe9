"""What a service manager is told, and when a watchdog is not."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.recorder.service_manager import STALLED_S, Progress, ServiceManager

WATCHED = {"WATCHDOG_USEC": "30000000"}


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket, and its address as NOTIFY_SOCKET has it."""
    address = str(tmp_path / "n") if request.param == "a path" else f"@ticktape-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        listening.settimeout(5)
        yield listening, address


def heard(listening: socket.socket) -> list[str]:
    found = []
    listening.setblocking(False)
    while True:
        try:
            found.append(listening.recv(4096).decode())
        except BlockingIOError:
            return found


def test_a_service_manager_is_told(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    service = ServiceManager({"NOTIFY_SOCKET": address} | WATCHED)
    service.ready()
    for text in ("connecting", "recording", "recording"):
        service.status(text)
    service.alive()
    service.stopping(80)
    assert heard(listening) == ["READY=1", "STATUS=connecting", "STATUS=recording", "WATCHDOG=1",
                                "STOPPING=1\nEXTEND_TIMEOUT_USEC=80000000"]  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "0"}, WATCHED | {"WATCHDOG_PID": "1"}],
                         ids=["none", "off", "of another process"])  # fmt: skip
def test_no_watchdog_is_told_where_none_waits(manager: tuple[socket.socket, str], more: dict[str, str]) -> None:
    listening, address = manager
    ServiceManager({"NOTIFY_SOCKET": address} | more).alive()
    assert heard(listening) == []


@pytest.mark.parametrize("address", ["", "/nowhere/socket", "no path"])
def test_nothing_is_said_and_nothing_fails_where_nobody_listens(address: str) -> None:
    ServiceManager({"NOTIFY_SOCKET": address} | WATCHED).ready()


def test_a_manager_that_does_not_listen_holds_nobody_up(manager: tuple[socket.socket, str]) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager[1]} | WATCHED)
    for _ in range(10_000):
        service.alive()


def test_bytes_that_come_and_are_on_the_tape_are_progress() -> None:
    progress = Progress(0.0)
    for second in range(1, 300):
        progress.synced(second)
        assert progress.look(second, True, 100 * second, 120 * second)


def test_a_session_without_bytes_is_none() -> None:
    progress = Progress(0.0)
    looks = []
    for second in range(1, 200):
        progress.synced(second)
        looks.append(progress.look(second, True, 100, 120))
    assert looks == [second <= 1 + STALLED_S for second in range(1, 200)]
    assert progress.look(200, True, 101, 140)


def test_waiting_for_a_gateway_is_progress_as_long_as_the_disk_syncs() -> None:
    progress = Progress(0.0)
    for second in range(1, 3_600):
        progress.synced(second)
        assert progress.look(second, False, 0, 0)
    assert not progress.look(3_599 + STALLED_S + 1, False, 0, 0)


def test_bytes_that_are_not_on_the_tape_are_none() -> None:
    progress = Progress(0.0)
    assert progress.look(1, True, 100, 120)
    assert not progress.look(2, True, 200, 120)
    assert not progress.look(3, True, 300, 160)
    assert progress.look(4, True, 300, 330)
