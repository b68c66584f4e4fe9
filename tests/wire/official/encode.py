"""Runs where IB's own client is installed: encodes requests at server versions, and prints the payloads as JSON.

Reads {"versions": […], "calls": {name: [method, arguments…]}}; an argument {"a": class, …} is made an object of that
class. Prints {version: {name: hexadecimal payload, or null where the client sent none}}.
"""

import importlib
import json
import struct
import sys
from typing import Any

from ibapi.client import EClient
from ibapi.server_versions import MAX_CLIENT_VER
from ibapi.wrapper import EWrapper

MODULES = {"Contract": "contract", "ComboLeg": "contract", "DeltaNeutralContract": "contract",
           "ExecutionFilter": "execution", "ScannerSubscription": "scanner", "WshEventData": "common",
           "TagValue": "tag_value", "Order": "order", "OrderComboLeg": "order", "OrderCancel": "order_cancel",
           "SoftDollarTier": "softdollartier",
           **dict.fromkeys(("PriceCondition", "TimeCondition", "MarginCondition", "ExecutionCondition",
                            "VolumeCondition", "PercentChangeCondition"), "order_condition")}


class Connection:
    """Keeps what is sent, without its length."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def isConnected(self) -> bool:  # noqa: N802  (ibapi's name)
        return True

    def sendMsg(self, data: bytes) -> None:  # noqa: N802  (ibapi's name)
        assert struct.unpack(">I", data[:4])[0] == len(data) - 4
        self.sent.append(data[4:])


class Mute(EWrapper):  # type: ignore[misc]  # untyped
    """Takes the client's word that it cannot send something at this version."""

    def error(self, *args: Any) -> None:
        pass


def made(value: Any) -> Any:
    if isinstance(value, list):
        return [made(item) for item in value]
    if not isinstance(value, dict):
        return value
    one = getattr(importlib.import_module(f"ibapi.{MODULES[value['a']]}"), value["a"])()
    for name, item in value.items():
        if name != "a":
            assert hasattr(one, name), name
            setattr(one, name, made(item))
    return one


def encoded(version: int, method: str, *arguments: Any) -> str | None:
    client = EClient(Mute())
    client.conn, client.connState, client.serverVersion_ = Connection(), EClient.CONNECTED, version
    client.clientId, client.extraAuth = 7, True
    getattr(client, method)(*map(made, arguments))
    assert len(client.conn.sent) <= 1
    return client.conn.sent[0].hex() if client.conn.sent else None


asked = json.load(sys.stdin)
print(json.dumps({
    version: {name: encoded(version, *call) for name, call in asked["calls"].items()}
    for version in asked["versions"] if version <= MAX_CLIENT_VER}))
