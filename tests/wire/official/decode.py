"""Runs where IB's own client is installed: decodes answers, and prints the calls that its user gets as JSON.

Reads [[server version, hexadecimal payload], …]; prints for each a list of the calls, as what they hand over by name:
objects as those of their attributes that have a value, decimals as numbers, enumerations as texts. Null where the
client is too old for it.
"""

import inspect
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from ibapi import wrapper
from ibapi.decoder import Decoder
from ibapi.server_versions import MAX_CLIENT_VER

UNSET = (None, "", 0, 2**31 - 1, 2**63 - 1, 1.7976931348623157e308, Decimal(2**127 - 1))


class Listener(wrapper.EWrapper):  # type: ignore[misc]  # untyped
    """Takes down every call."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []


def noting(name: str) -> Callable[..., None]:
    original = getattr(wrapper.EWrapper, name)
    names = list(inspect.signature(original).parameters)

    def note(*args: Any) -> None:
        args[0].calls.append(dict(zip(names[1:], args[1:], strict=False)))

    note.__wrapped__ = original  # type: ignore[attr-defined]  # by whose annotations the decoder converts
    return note


for name in [name for name in vars(wrapper.EWrapper) if not name.startswith("_") and name != "logAnswer"]:
    setattr(Listener, name, noting(name))
LISTENER = Listener()


def plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Enum):
        return str(value.value)
    if hasattr(value, "__dict__"):
        return {key: plain(item) for key, item in vars(value).items() if item not in UNSET}
    return value


@cache
def decoder_of(version: int) -> Any:
    return Decoder(LISTENER, version)


def heard(version: int, payload: str) -> Any:
    if version > MAX_CLIENT_VER:
        return None
    LISTENER.calls = []
    fields = bytes.fromhex(payload).split(b"\0")[:-1]
    decoder = decoder_of(version)
    if "msgId" in inspect.signature(decoder.interpret).parameters:  # of later releases
        decoder.interpret(fields[1:], int(fields[0]))
    else:
        decoder.interpret(fields)
    return plain(LISTENER.calls)


print(json.dumps([heard(version, payload) for version, payload in json.load(sys.stdin)]))
