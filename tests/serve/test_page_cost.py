"""What the page takes while somebody looks at it, in short: `python -m bench.page` measures it beside a recorder."""

import socket
import time
from pathlib import Path

import psutil
import pytest

from .served import Served, tell

pytestmark = pytest.mark.slow
LOOKS_S = 4.0
MOST_SHARE, MOST_MIB = 0.05, 150  # of a core, and of memory, its children with it


def test_an_idle_page_takes_little_beside_a_recorder(lake: Path) -> None:
    """CPU time, which other work on the machine hardly changes: with one browser, and a status each second."""
    served = Served(lake)
    try:
        served.log_in()
        assert served.ask("/").status == 200
        name, port = served.host.split(":")
        with socket.create_connection((name, int(port)), timeout=30) as line:
            line.sendall(f"GET /live HTTP/1.1\r\nHost: {served.host}\r\nCookie: {served.cookie}\r\n\r\n".encode())
            assert line.recv(12) == b"HTTP/1.1 200"
            process = psutil.Process(served.process.pid)
            began_s, used_s = time.monotonic(), sum(process.cpu_times()[:4])
            while time.monotonic() - began_s < LOOKS_S:
                tell(lake)
                time.sleep(1)
            share = (sum(process.cpu_times()[:4]) - used_s) / (time.monotonic() - began_s)
            family = [process, *process.children(recursive=True)]
            # What libraries have in memory is the kernel's to keep or to drop: counted in part, by who else has it.
            mib = sum(one.memory_full_info().pss for one in family) / 2**20
    finally:
        served.close()
    print(f"{100 * share:.1f} % of a core, {mib:.0f} MiB")
    assert (share < MOST_SHARE, mib < MOST_MIB) == (True, True)
