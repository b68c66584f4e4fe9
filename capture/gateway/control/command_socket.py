"""Commands to a running gateway: by words, and through a socket that only the owner of the gateway can reach (D106).

The socket takes and gives lines of JSON: {"command": …, "arguments": [...]}, answered by {"result": …} or
{"error": …}. It is a file whose name follows from the gateway's port, so that the port is all a caller has to know.
"""

import asyncio
import contextlib
import inspect
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from capture.suggestion import hint

from .commands import COMMANDS
from .controlled import Controlled
from .replay_commands import CommandError

MOST_LINE_BYTES = 60_000  # a reader holds 64 KiB
_TOO_LONG = f"the command is too long: a line of {MOST_LINE_BYTES:,} bytes is the most"
ANSWER_TIMEOUT_S = 30.0  # a gateway that is busy making a market answers late


def usage(command: str) -> str:
    """Return a command with its arguments: in brackets those that may be left out."""
    return " ".join([command, *map(_written, _parameters(command).values())])


def explained() -> str:
    """Return every command's usage with what it does, one per line."""
    lines = {usage(name): (inspect.getdoc(function) or "").partition("\n")[0] for name, function in COMMANDS.items()}
    return "\n".join(f"{words}\n  {meaning}" for words, meaning in lines.items())


def run_command(gateway: Controlled, command: str, given: Sequence[object], named: Mapping[str, object]) -> Any:
    """Run a command in the gateway's event loop and return its result.

    `given` are its arguments in order; a text NAME=VALUE names one, as does `named`. Raises CommandError for a command
    or an argument that is none.
    """
    if command not in COMMANDS:
        raise CommandError(f"{command!r} is no command of the gateway; {hint(command, COMMANDS, 'these are:')}")
    parameters = _parameters(command)
    in_order = [value for value in given if not _names(value, parameters)]
    pairs = [value.split("=", 1) for value in given if isinstance(value, str) and _names(value, parameters)]
    by_name = {**dict(pairs), **named}
    unnamed = [name for name in parameters if name not in by_name]
    arguments = {**dict(zip(unnamed, in_order, strict=False)), **by_name}
    missing = [name for name, one in parameters.items() if one.default is one.empty and name not in arguments]
    too_many = len(in_order) > len(unnamed) or len(by_name) < len(pairs) + len(named)
    if too_many or arguments.keys() - parameters.keys() or missing:
        raise CommandError(f"{command}: wrong arguments; write {usage(command)}")
    values = {name: _converted(command, parameters[name], value) for name, value in arguments.items()}
    for client in gateway.state.clients:
        client.hand_out()  # what a command changes, it changes from now on
    return COMMANDS[command](gateway, **values)


def _parameters(command: str) -> dict[str, inspect.Parameter]:
    return dict(list(inspect.signature(COMMANDS[command]).parameters.items())[1:])


def _names(value: object, parameters: Mapping[str, object]) -> bool:
    return isinstance(value, str) and "=" in value and value.partition("=")[0] in parameters


def _written(parameter: inspect.Parameter) -> str:
    choice = get_origin(parameter.annotation) is Literal
    word = "|".join(get_args(parameter.annotation)) if choice else parameter.name.upper()
    return word if parameter.default is parameter.empty else f"[{word}]"


def _converted(command: str, parameter: inspect.Parameter, value: object) -> Any:
    try:
        return TypeAdapter(parameter.annotation).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise CommandError(f"{command}: {parameter.name} is {value!r}: {reason}; write {usage(command)}") from None


def socket_path(port: int) -> Path:
    """Return where the gateway of a port takes commands."""
    return Path(tempfile.gettempdir()) / f"ticktape-{os.getuid()}" / f"gateway-{port}.sock"


@contextlib.asynccontextmanager
async def listening(gateway: Controlled) -> AsyncIterator[None]:
    """Take commands for a gateway that has started. Raises OSError when the folder of sockets is not its owner's."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while line := await reader.readline():
                    writer.write(json.dumps(_answer(gateway, line)).encode() + b"\n")
                    await writer.drain()
            except ValueError:  # a line that is longer than a reader holds
                writer.write(json.dumps({"error": _TOO_LONG}).encode() + b"\n")
                await writer.drain()
        writer.close()

    path = socket_path(gateway.port)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise OSError(f"{path.parent} belongs to another user: remove it, or set TMPDIR to a folder of your own")
    path.parent.chmod(0o700)
    server = await asyncio.start_unix_server(converse, path)  # replaces what a gateway that was killed left
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _answer(gateway: Controlled, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        return {"result": run_command(gateway, asked["command"], asked["arguments"], {})}
    except CommandError as error:
        return {"error": str(error)}
    except (ValueError, TypeError, KeyError):
        return {"error": 'no command; write {"command": "drop", "arguments": ["mid-frame"]} on a line'}


def ask(port: int, command: str, arguments: Sequence[str] = ()) -> Any:
    """Send a command to the gateway of a port on this machine, and return its result.

    Raises CommandError when the gateway refuses it, OSError when there is no gateway.
    """
    line = json.dumps({"command": command, "arguments": list(arguments)}).encode() + b"\n"
    if len(line) > MOST_LINE_BYTES:
        raise CommandError(_TOO_LONG)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        try:
            connection.connect(str(socket_path(port)))
        except OSError:
            raise OSError(f"no `ticktape gateway` of yours has port {port}: name its port with --port") from None
        connection.sendall(line)
        with connection.makefile("rb") as answers:
            answer = json.loads(answers.readline() or b'{"error": "the gateway ended"}')
    if "error" in answer:
        raise CommandError(answer["error"])
    return answer["result"]
