import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
TICKTAPE = [sys.executable, "-m", "capture.cli"]


def test_a_taken_port_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, out, err = run("gateway", "--port", port)
    assert (code, out) == (1, "")
    assert err == f"ticktape: port {port} is taken, perhaps by TWS or another gateway: name one with --port, or 0\n"


@pytest.mark.slow
def test_it_prints_its_address_and_ends_with_ctrl_c() -> None:
    command = [*TICKTAPE, "gateway", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        host, port = process.stdout.readline().split(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(b"API\0\0\0\0\x09v157..200")
            assert client.recv(1024)[4:].startswith(b"200\0")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_it_stops_by_itself_when_told_for_how_long() -> None:
    subprocess.run([*TICKTAPE, "gateway", "--port", "0", "--for", "0.5"], check=True, timeout=60, capture_output=True)


def test_control_lists_its_commands(run: Run) -> None:
    code, out, err = run("gateway", "control")
    assert (code, err) == (0, "")
    assert "\nstall STREAM [INSTRUMENT] [SECONDS]\n" in out


def test_control_without_a_gateway_is_told(run: Run) -> None:
    code, out, err = run("gateway", "control", "--port", 1, "drop")
    assert (code, out) == (1, "")
    assert err == "ticktape: no `ticktape gateway` of yours has port 1: name its port with --port\n"


def test_control_takes_negative_numbers_but_no_option_that_is_none(run: Run) -> None:
    for words in (("seek", "-60", "--port", 1), ("--port", 1, "--", "seek", "-60"), ("skew", "-.5", "--port", 1)):
        assert run("gateway", "control", *words).code == 1  # nothing runs there
    code, out, err = run("gateway", "control", "seek", "-60", "--prot", 1)
    assert (code, out) == (2, "")
    assert err == "ticktape: there is no option '--prot'; did you mean '--port'?\n"


@pytest.mark.parametrize("verb", ["status", "control"])
def test_a_port_in_front_of_a_command_is_not_taken_for_that_of_another_gateway(run: Run, verb: str) -> None:
    code, out, err = run("gateway", "--port", 1, verb)
    assert (code, out) == (2, "")
    assert f"--port is of a gateway that begins: options of {verb} follow it" in err


@pytest.mark.slow
def test_control_reaches_a_gateway_that_runs(run: Run) -> None:
    command = [*TICKTAPE, "gateway", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split(":")[1])
        told = ["gateway", "control", "--port", port]
        assert run(*told, "duplicate-id", 3) == (0, "duplicate-id: done\n", "")
        assert run(*told, "status").out == (
            f"port: {port}\nclients: \nfaults: \ndue: duplicate-id\n"
            "orders: 0\nnet_liquidation: 1000000.00 USD\ndaily_pnl: 0.00\n")
        assert run("gateway", "status", "--port", port) == run(*told, "status")
        assert json.loads(run(*told, "--json", "status").out)["due"] == {"duplicate-id": 3}
        assert run(*told, "missed") == (0, "", "")
        code, _, err = run(*told, "drop", "sometimes")
        assert code == 2 and "write drop [whole|mid-frame]" in err
        process.terminate()
        assert process.wait(timeout=60) == 0
