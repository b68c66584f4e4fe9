"""Sessions with a gateway that says odd things: whatever it says, a row that was asked for says whose it is."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from capture.decode.restore import nothing_stored
from capture.lake.layout import Rolled
from capture.lake.ranges import Ranges
from capture.recorder.recorder import Recorder
from capture.wanted.settings import Settings
from capture.wire.messages.answers import ANSWERS
from capture.wire.messages.message import Field
from capture.wire.messages.notices import CODES
from capture.wire.text.framing import frame
from tests import virtual_time

START_US = int(datetime(2026, 11, 18, 15, tzinfo=UTC).timestamp() * 1e6)
STREAMS = ["trades", "quotes", "midpoints", "ticks", "smart_depth", "bars", "live_bars:5 secs"]
SAID = ("error", "contract_details", "contract_details_end", "snapshot_end", "historical_data_end",
        "reroute_market_data", "reroute_market_depth", "market_data_type", "tick_request_parameters", "next_valid_id",
        "managed_accounts", "current_time", "head_timestamp", "histogram", "market_rule", "symbol_samples")
MESSAGES = [message for message in ANSWERS if message.name in SAID]
LASTS_S, EVERY_S = 100, 1.0
WORDS = ["", "0", "1", "-1", "2147483647", "9999999999", "1.5", "SMART", "AAPL", "\u00e9", "20261118", "nan"]


ROWS = {
    "req_market_data": "1|6|ID|1|101|5|0", "req_market_depth": "13|1|ID|0|X|0|1|101|5|1",
    "req_real_time_bars": "50|3|ID|1767623400|1|1|1|1|5|1|5", "AllLast": "99|ID|2|1767623400|1|5|0|X|",
    "BidAsk": "99|ID|3|1767623400|1|2|5|5|0", "MidPoint": "99|ID|4|1767623400|1",
}  # fmt: skip


class OddGateway:
    """Answers as it should, sends rows of each request of the session, and in between anything, by chance."""

    def __init__(self, gateway: Any, random: Random) -> None:
        self.gateway, self.random = gateway, random
        gateway.react = self.react

    def react(self, request: Any) -> list[tuple[str, dict[str, Any]]]:
        values = request.values
        if request.name == "req_current_time":
            return [("current_time", {"time": START_US // 1_000_000})]
        if request.name == "req_market_data":
            return [("tick_request_parameters", {"request_id": values["request_id"], "min_tick": 0.01})]
        if request.name == "req_historical_data":
            return [("historical_data", {"request_id": values["request_id"], "bars": []}),
                    ("historical_data_end", {"request_id": values["request_id"]})]
        return []

    async def speak(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            for request in self.asked():
                for payload in self.rows(request):
                    self.gateway.send_bytes(frame(payload))
            if self.random.random() < 0.5:
                self.gateway.send_bytes(frame(self.odd()))

    def asked(self) -> list[Any]:
        """The requests of the present session."""
        names = [request.name for request in self.gateway.requests]
        begin = len(names) - names[::-1].index("start_api") if "start_api" in names else len(names)
        return [request for request in self.gateway.requests[begin:] if request.name.startswith("req_")]

    def rows(self, request: Any) -> Iterator[bytes]:
        """Rows of a request, also of one that was cancelled or refused: some gateways go on."""
        request_id = request.values.get("request_id") or 0
        row = ROWS.get(request.values.get("tick_kind") or request.name)
        if row is not None and self.random.random() < 0.6:
            yield f"{row}|".replace("|", "\0").replace("ID", str(request_id)).encode()

    def odd(self) -> bytes:
        """A message of any kind with any values, mostly about a request that there is."""
        message = self.random.choice(MESSAGES)
        ids = [each.values["request_id"] for each in self.asked() if "request_id" in each.values] or [0]
        words = [str(message.id)]
        for element in message.at(178):
            if not isinstance(element, Field):
                words.append("0")
            elif element.name == "request_id" and self.random.random() < 0.9:
                words.append(str(self.random.choice(ids)))
            elif element.name == "code":
                words.append(str(self.random.choice([*CODES, 0, 399, 99_999])))
            else:
                words.append(self.random.choice(WORDS))
        cut = self.random.randrange(1, len(words) + 1) if self.random.random() < 0.1 else len(words)
        return "".join(f"{word}\0" for word in words[:cut]).encode()


async def record(gateway: Any, settings: Settings, seed: int) -> None:
    await gateway.open()
    odd = OddGateway(gateway, Random(seed))
    recorder = Recorder(settings.model_copy(update={"port": gateway.port}), say=lambda *_: None, roll=False)
    running = asyncio.create_task(recorder.run())
    speaking = asyncio.create_task(odd.speak())
    await asyncio.sleep(LASTS_S)
    assert not running.done(), running.result()
    assert not speaking.done(), speaking.result()
    recorder.stop("enough")
    await running
    speaking.cancel()
    await gateway.close()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 3, 4))])
def test_whatever_a_gateway_says_rows_that_were_asked_for_say_whose_they_are(
    gateway: Any, settings: Any, seed: int
) -> None:
    own = settings(streams=STREAMS, roll_interval_s=1, restart_windows=[])
    virtual_time.run(record(gateway, own, seed), START_US)
    found = 0
    for decoded in Ranges(own.tape_root / own.recorder, Rolled(1), nothing_stored):
        assert not decoded.disagreements
        for name in ("trades", "quotes", "midpoints", "ticks", "depth", "bars"):
            for row in decoded.tables[name].to_pylist() if name in decoded.tables else []:
                found += 1
                assert None not in (row["symbol"], row["instrument_id"], row["stream"]), (name, row["request_id"], row)
    assert found > 100
