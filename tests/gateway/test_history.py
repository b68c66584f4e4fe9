"""History and reference data over TCP."""

from typing import Any

import pytest

from capture.gateway import Gateway, Limits

from .conftest import AAPL, START_US, Peer, Scene, Sent

BARS = AAPL | {"end": "", "bar_size": "1 min", "duration": "600 S", "what": "TRADES", "date_format": 2}
TICKS = AAPL | {"number_of_ticks": 100, "what": "TRADES"}
EARLIER, EARLIER_S = "20261118-10:00:00", 1_794_996_000


@pytest.mark.parametrize("newest", [157, 195, 200])
def test_bars_arrive_as_sent_and_end(scene: Scene, sent: Sent, newest: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=7, **BARS)
        answer = await peer.until("historical_data", request_id=7)
        end = await peer.until("historical_data_end") if newest >= 196 else answer
        assert end["start"] and end["end"]
        rows = sent.rows(7, "bars")
        assert len(answer["bars"]) == len(rows) == 10
        for bar, row in zip(answer["bars"], rows, strict=True):
            assert int(bar["bar_date"]) == row["ts_event"].timestamp()
            for name in ("open", "high", "low", "close", "volume", "wap", "trade_count"):
                assert bar[name] == row[name]
        assert {row["form"] for row in rows} == {"history"}

    scene(play, newest=newest)


@pytest.mark.parametrize(("newest", "size", "date"), [
    (200, "1 min", "20261118 05:50:00 US/Eastern"), (157, "1 min", "20261118  05:50:00"), (200, "1 day", "20261118")])
def test_dates_are_written_as_ib_does(scene: Scene, newest: int, size: str, date: str) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        duration = "1 D" if size == "1 day" else "600 S"
        asked = BARS | {"date_format": 1, "bar_size": size, "duration": duration, "end": "20261118-11:00:00"}
        peer.send("req_historical_data", request_id=7, **asked)
        answer = await peer.until("historical_data")
        assert answer["bars"][0]["bar_date"] == date

    scene(play, newest=newest)


def test_bars_are_kept_up_to_date(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=7, **BARS | {"keep_up_to_date": True})
        await peer.until("historical_data_end")
        await peer.until("historical_data_update", count=16)
        updates, rows = peer.all("historical_data_update"), sent.rows(7, "bars", stream="live_bars")
        assert len({update["bar_date"] for update in updates}) >= 2
        assert {row["form"] for row in rows} == {"update"}
        for update, row in zip(updates, rows, strict=False):
            assert update["bar_date"] == row["bar_date"] == str(int(row["ts_event"].timestamp()))
            for name in ("open", "high", "low", "close", "volume", "wap", "trade_count"):
                assert update[name] == row[name]
        peer.send("cancel_historical_data", request_id=7)
        assert await peer.code(7) == 162

    scene(play, speed=60.0)


@pytest.mark.parametrize(("what", "message", "table"), [
    ("TRADES", "historical_trades", "trades"), ("BID_ASK", "historical_quotes", "quotes"),
    ("MIDPOINT", "historical_midpoints", "midpoints")])
@pytest.mark.parametrize("edge", ["start", "end"])
def test_ticks_complete_the_last_second(
    scene: Scene, sent: Sent, what: str, message: str, table: str, edge: str
) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_ticks", request_id=7, **TICKS | {edge: EARLIER, "what": what})
        await peer.until(message, done=True)
        ticks = [tick for answer in peer.all(message) for tick in answer["ticks"]]
        rows = sent.rows(7, table)
        assert len(ticks) == len(rows) >= 100
        assert [tick["time"] for tick in ticks] == [row["ts_event"].timestamp() for row in rows]
        assert ticks[0]["time"] >= EARLIER_S if edge == "start" else ticks[-1]["time"] < EARLIER_S
        last, next_to_cut = (ticks[99]["time"], ticks[100:]) if edge == "start" else (ticks[-100]["time"], ticks[:-100])
        assert all(tick["time"] == last for tick in next_to_cut)
        rows_of = getattr(gateway.state.feed, table)
        feed_rows = rows_of(265598, ticks[0]["time"] * 10**6, (ticks[-1]["time"] + 1) * 10**6)
        if edge == "start":
            assert feed_rows.num_rows == len(rows)

    scene(play)


def test_a_thousand_ticks_come_in_pieces(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_ticks", request_id=7, **TICKS | {"end": EARLIER, "number_of_ticks": 1000})
        await peer.until("historical_trades", done=True)
        answers = peer.all("historical_trades")
        assert [answer["done"] for answer in answers] == [False] * (len(answers) - 1) + [True]
        assert sum(len(answer["ticks"]) for answer in answers) >= 1000

    scene(play)


def test_nothing_later_than_now_is_told(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=1, **BARS | {"end": "20270101-00:00:00", "duration": "60 S",
                                                               "bar_size": "5 secs"})
        peer.send("req_historical_ticks", request_id=2, **TICKS | {"end": "20270101-00:00:00"})
        await peer.until("historical_data_end")
        await peer.until("historical_trades", done=True)
        now_s = gateway.clock.now_us() / 1e6
        assert all(row["ts"].timestamp() < now_s for row in sent.rows(1, "bars") + sent.rows(2, "trades"))

    scene(play)


def test_head_histogram_and_schedule(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_head_timestamp", request_id=1, **AAPL, what="TRADES", date_format=1)
        assert (await peer.until("head_timestamp"))["timestamp"] == "20200101-00:00:00"
        peer.send("req_histogram", request_id=2, **AAPL, period="1 hour")
        rows = (await peer.until("histogram"))["rows"]
        assert len(rows) > 5 and [row["price"] for row in rows] == sorted(row["price"] for row in rows)
        peer.send("req_historical_data", request_id=3, **BARS | {"what": "SCHEDULE", "bar_size": "1 day",
                                                               "duration": "10 D"})
        schedule = await peer.until("historical_schedule")
        assert schedule["time_zone"] == "US/Eastern"
        assert [session["date"] for session in schedule["sessions"]][-3:] == ["20261116", "20261117", "20261118"]

    scene(play)


@pytest.mark.parametrize(("name", "values", "code"), [
    ("req_historical_data", BARS | {"what": "FISH"}, 321),
    ("req_historical_data", BARS | {"bar_size": "7 secs"}, 321),
    ("req_historical_data", BARS | {"duration": "1 X"}, 321),
    ("req_historical_data", BARS | {"duration": "400 D"}, 321),
    ("req_historical_data", BARS | {"end": "yesterday"}, 10314),
    ("req_historical_data", BARS | {"end": "20190101-00:00:00"}, 162),
    ("req_historical_data", BARS | {"con_id": 479624278, "exchange": "PAXOS"}, 10299),
    ("req_historical_data", BARS | {"con_id": 12087792, "exchange": "IDEALPRO"}, 162),
    ("req_historical_data", BARS | {"keep_up_to_date": True, "end": EARLIER}, 321),
    ("req_historical_data", BARS | {"con_id": 1}, 200),
    ("req_historical_ticks", TICKS, 321),
    ("req_historical_ticks", TICKS | {"start": EARLIER, "number_of_ticks": 5000}, 321),
    ("req_historical_ticks", TICKS | {"start": "20261118 10:00:00"}, 2174),
    ("req_histogram", AAPL | {"period": "ever"}, 321),
    ("req_fundamental_data", AAPL | {"report_type": "ReportSnapshot"}, 430)])
def test_refusals_carry_ibs_codes(scene: Scene, name: str, values: dict[str, Any], code: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send(name, request_id=7, **values)
        assert await peer.code(7) == code

    scene(play)


def test_pacing_of_small_bars(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        small = BARS | {"bar_size": "5 secs", "duration": "60 S"}
        for request_id in (1, 2):
            peer.send("req_historical_data", request_id=request_id, **small)
        assert await peer.code(2) == 162
        peer.send("req_historical_data", request_id=3, **BARS)
        peer.send("req_historical_data", request_id=4, **BARS)
        await peer.until("historical_data", request_id=4)

    scene(play, limits=Limits())


def test_open_requests_are_counted_and_ids_are_not_shared(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        kept = BARS | {"keep_up_to_date": True}
        for request_id in (1, 1, 2):
            peer.send("req_historical_data", request_id=request_id, **kept)
        assert await peer.code(1) == 385
        assert await peer.code(2) == 322

    scene(play, limits=Limits(open_history=1))


def test_contract_details(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_contract_details", request_id=1, symbol="AAPL", sec_type="STK", exchange="SMART", currency="USD")
        details = await peer.until("contract_details", request_id=1)
        (found,) = gateway.state.feed.find(START_US, con_id=265598)
        assert {name: details[name] for name in found if name != "agg_group"} == {
            name: value for name, value in found.items() if name != "agg_group"}
        peer.send("req_contract_details", request_id=2, symbol="ABC", sec_type="STK")
        await peer.until("contract_details_end", request_id=2)
        assert len(peer.all("contract_details", request_id=2)) == 3
        peer.send("req_contract_details", request_id=3, symbol="NONE", sec_type="STK")
        assert await peer.code(3) == 200

    scene(play)


def test_reference_data(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_matching_symbols", request_id=1, pattern="aap")
        samples = (await peer.until("symbol_samples"))["symbols"]
        assert [(s["symbol"], s["sec_type"]) for s in samples] == [("AAPL", "STK"), ("AAPL", "CFD")]
        assert samples[0]["derivatives"] == [{"sec_type": "OPT"}]
        peer.send("req_option_parameters", request_id=2, under_symbol="AAPL", under_sec_type="STK", under_con_id=265598)
        await peer.until("option_parameters_end")
        chain = peer.all("option_parameters")[0]
        assert [e["date"] for e in chain["expirations"]] [:2] == ["20261120", "20261127"]
        assert (len(chain["expirations"]), len(chain["strikes"])) == (19, 41)
        peer.send("req_market_rule", rule_id=26)
        assert (await peer.until("market_rule"))["increments"] == [{"low_edge": 0.0, "increment": 0.01}]
        peer.send("req_market_rule", rule_id=99999)
        assert await peer.code(-1, code=321) == 321
        peer.send("req_depth_exchanges")
        assert len((await peer.until("depth_exchanges"))["exchanges"]) > 3
        peer.send("req_smart_components", request_id=3, bbo_exchange="9c0001")
        assert {c["letter"] for c in (await peer.until("smart_components"))["components"]} >= {"Q", "N", "P"}
        peer.send("req_user_info", request_id=4)
        await peer.until("user_info")

    scene(play)
