import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from capture.recorder import snapshot as module
from capture.recorder.snapshot import Snapshot, snapshot
from capture.tape import Kind, read_from
from capture.wanted.settings import Settings
from capture.wire.text.codec import Decoded

MakeSettings = Callable[..., Settings]
RATIOS, DIVIDENDS = "TTMNPMGN=23.5;NLOW=164.08", "0.99,1.02,20261207,0.26"


def market(request: Decoded) -> list[tuple[str, dict[str, Any]]]:
    request_id = request.values["request_id"]
    if request.values.get("snapshot"):
        return [
            ("tick_price", {"request_id": request_id, "tick_type": 1, "price": 101.25, "size": 300, "mask": 0}),
            ("tick_price", {"request_id": request_id, "tick_type": 2, "price": 101.27, "size": 200, "mask": 0}),
            ("tick_size", {"request_id": request_id, "tick_type": 8, "size": 12345}),
            ("snapshot_end", {"request_id": request_id}),
        ]
    return [
        ("tick_string", {"request_id": request_id, "tick_type": 47, "text": RATIOS}),
        ("tick_string", {"request_id": request_id, "tick_type": 59, "text": DIVIDENDS}),
    ]


def take(gateway: Any, settings: Settings, words: list[str]) -> Snapshot:
    async def main() -> Snapshot:
        await gateway.open()
        try:
            return await snapshot(
                settings.model_copy(update={"port": gateway.port}), words, say=lambda *_: None, roll=False)
        finally:
            await gateway.close()

    return asyncio.run(main())


def test_a_snapshot_is_level_1_ratios_and_dividends_and_is_recorded(gateway: Any, settings: MakeSettings) -> None:
    gateway.react = market
    taken = take(gateway, settings(), ["AAPL"])
    assert taken.exit_code == 0
    assert taken.instruments == {"AAPL": {
        "symbol": "AAPL", "instrument_id": 265598, "problems": [],
        "ticks": {"BID": 101.25, "ASK": 101.27, "VOLUME": 12345, "FUNDAMENTAL_RATIOS": RATIOS,
                  "IB_DIVIDENDS": DIVIDENDS}}}  # fmt: skip
    once, streaming = gateway.named("req_market_data")
    assert (once.values["snapshot"], once.values["generic_ticks"]) == (True, ""), "a snapshot takes no generic ticks"
    assert (streaming.values["snapshot"], streaming.values["generic_ticks"]) == (False, "258,456")
    assert gateway.named("start_api")[0].values["client_id"] == 18, "a recorder with 17 may run meanwhile"
    assert any(RATIOS.encode() in record.body for record in read_from(settings().tape_root / "snapshot", 1)
               if record.kind is Kind.RECEIVED)  # fmt: skip


def test_what_does_not_come_is_not_waited_for_for_ever(
    gateway: Any, settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    gateway.react = lambda request: market(request)[:2] if request.values.get("snapshot") else []
    taken = take(gateway, settings(), ["AAPL"])
    assert taken.exit_code == 0
    assert taken.instruments["AAPL"]["ticks"] == {"BID": 101.25, "ASK": 101.27}


def test_refusals_are_told(gateway: Any, settings: MakeSettings) -> None:
    def react(request: Decoded) -> list[tuple[str, dict[str, Any]]]:
        if request.values.get("snapshot"):
            return market(request)
        return [("error", {"request_id": request.values["request_id"], "code": 10089, "message": "needs more"})]

    gateway.react = react
    taken = take(gateway, settings(), ["AAPL", "XYZ"])
    assert taken.exit_code == 3
    assert "BID" in taken.instruments["AAPL"]["ticks"]
    assert "needs more" in taken.instruments["AAPL"]["problems"][0]
    assert taken.instruments["XYZ"]["symbol"] is None
    assert "no security definition" in taken.instruments["XYZ"]["problems"][0]


def test_nothing_at_all_is_exit_code_1(gateway: Any, settings: MakeSettings) -> None:
    assert take(gateway, settings(), ["XYZ"]).exit_code == 1
