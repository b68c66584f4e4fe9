"""A recorder as a service: what its manager hears, its log as JSON, and its clean stop."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from capture.gateway import Gateway

TICKTAPE = [sys.executable, "-m", "capture.cli"]
LONGEST_S = 120.0


def until_heard(listening: socket.socket, heard: list[str], word: str) -> None:
    end_s = time.monotonic() + LONGEST_S
    while word not in heard:
        assert time.monotonic() < end_s, heard
        heard += listening.recv(4096).decode().splitlines()


@pytest.mark.slow
def test_its_manager_hears_that_it_is_ready_lives_and_stops_and_its_log_is_json(
    gateway: Gateway, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(LONGEST_S)
        environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000",
                                    "TICKTAPE_LOG_FORMAT": "json"}  # fmt: skip
        (tmp_path / "ticktape.toml").write_text(f"""
            data = "data"
            port = {gateway.port}
            [[record]]
            instruments = ["AAPL"]
            streams = ["trades"]
            """)
        printed = subprocess.check_output([*TICKTAPE, "service", "print", "--user"], cwd=tmp_path, text=True)
        command = shlex.split(re.findall(r"^ExecStart=(.+)$", printed, re.M)[0])
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        heard: list[str] = []
        until_heard(listening, heard, "READY=1")
        until_heard(listening, heard, "STATUS=recording, 1 streams wanted")
        heard.clear()
        until_heard(listening, heard, "WATCHDOG=1")
        checked = subprocess.run([*TICKTAPE, "status", "--check", "--data", str(tmp_path / "data")],
                                 capture_output=True, text=True)  # fmt: skip
        assert re.fullmatch(r"well: main: recording, \d streams flow\n", checked.stdout), checked.stdout
        assert checked.returncode == 0
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONGEST_S)
        until_heard(listening, heard, "STOPPING=1")
    assert (process.returncode, err) == (0, "")
    said = [json.loads(line) for line in out.splitlines()]
    assert [one.keys() for one in said] == [{"ts", "level", "process", "pid", "message"}] * len(said)
    assert {one["process"] for one in said} == {"ticktape"}
    assert said[0]["message"].startswith("connected to 127.0.0.1:")
    assert (said[-1]["level"], said[-1]["message"]) == ("info", "stopped: received SIGTERM")
