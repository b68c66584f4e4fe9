"""Commands by words, from another thread, and through the gateway's socket."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.gateway import CommandError, Gateway, running
from capture.gateway.control.command_socket import ask, explained, listening, socket_path, usage
from capture.gateway.control.commands import COMMANDS
from capture.gateway.market import Market


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running(Gateway(Market())) as gateway:
        yield gateway


@pytest.mark.parametrize(("words", "complaint"), [
    (["nope"], "is no command of the gateway; these are: status, "),
    (["drop", "sometimes"], r"where is 'sometimes': .*; write drop \[whole|mid-frame\]"),
    (["drop", "whole", "now"], "wrong arguments; write drop"),
    (["skew"], r"write skew OFFSET_S \[SECONDS\]"),
    (["chop", "soon"], "seconds is 'soon'"),
    (["chop", "-1"], "seconds is '-1'"),
    (["duplicate-id", "0"], "times is '0'"),
    (["stall", "trades"], "there are: none"),
    (["ordres"], "'ordres' is no command of the gateway; did you mean 'orders'"),
    (["clear", "foo"], "clear: there is no command 'foo'"),
    (["skew", "5", "offset_s=5", "6"], "wrong arguments; write skew"),
    (["skew", "offset_s=5", "offset_s=6"], "wrong arguments; write skew"),
])  # fmt: skip
def test_wrong_words_are_explained(gateway: Gateway, words: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        gateway.control(*words)


def test_words_stand_in_order_or_by_name(gateway: Gateway) -> None:
    for words in (["5", "60"], ["seconds=60", "5"], ["offset_s=5", "seconds=60"]):
        gateway.control("skew", *words)
        assert gateway.state.faults.amount("skew") == 5
        gateway.control("clear", "skew")
    gateway.control("skew", offset_s=3, seconds=0)
    while gateway.state.faults.active("skew"):
        pass  # it ends by itself


def test_usage_follows_from_the_functions() -> None:
    assert usage("stall") == "stall STREAM [INSTRUMENT] [SECONDS]"
    assert usage("outage") == "outage [lost|kept] [SECONDS]"
    assert explained().count("\n") + 1 == 2 * len(COMMANDS)


def test_a_gateway_that_does_not_run_takes_no_commands() -> None:
    with pytest.raises(CommandError, match="has not started"):
        Gateway(Market()).control("drop")


def test_the_socket_takes_lines_of_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def raw(port: int, line: bytes) -> object:
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as file:
            connection.connect(str(socket_path(port)))
            file.write(line + b"\n")
            file.flush()
            return json.loads(file.readline())

    async def act() -> None:
        async with Gateway(Market()) as gateway, listening(gateway):
            path = socket_path(gateway.port)
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert (await asyncio.to_thread(ask, gateway.port, "status"))["port"] == gateway.port
            await asyncio.to_thread(ask, gateway.port, "chop", ["60"])
            assert gateway.state.faults.active("chop")
            with pytest.raises(CommandError, match="is no command"):
                await asyncio.to_thread(ask, gateway.port, "nope")
            with pytest.raises(CommandError, match="the command is too long"):
                await asyncio.to_thread(ask, gateway.port, "notice", ["1", "x" * 300_000])
            assert "the command is too long" in str(await asyncio.to_thread(raw, gateway.port, b"x" * 100_000))
            for line in (b"drop", b"[]", b'{"command": "drop"}', b'{"command": "drop", "arguments": 1}'):
                assert "no command; write" in str(await asyncio.to_thread(raw, gateway.port, line))
        assert not path.exists()
        with pytest.raises(OSError, match=f"has port {gateway.port}: name its port"):
            ask(gateway.port, "status")

    asyncio.run(act())


def test_a_folder_of_someone_else_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    socket_path(1).parent.mkdir()
    path = socket_path(1)
    monkeypatch.setattr("os.getuid", lambda: -1)
    monkeypatch.setattr("capture.gateway.control.command_socket.socket_path", lambda port: path)

    async def act() -> None:
        async with Gateway(Market()) as gateway:
            with pytest.raises(OSError, match="belongs to another user"):
                async with listening(gateway):
                    pass

    asyncio.run(act())
