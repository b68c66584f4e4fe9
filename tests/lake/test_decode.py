"""Tape to rows: every kind of record and message finds its table, whatever pieces it came in."""

import json
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.decode.control_rows import FIRST_EVENT_ROW
from capture.decode.merge_rows import Tables
from capture.decode.seen_rows import MOST_IDS, edges
from capture.decode.tws import TwsDecoder
from capture.tape import Damage, Follower, Kind, Record, TapeWriter
from capture.wire.line import Line
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ServerHello, client_hello, server_hello
from tests.conftest import HELLO


def decode(script: Any) -> dict[str, list[dict[str, Any]]]:
    decoder = TwsDecoder(script.recorder)
    decoder.feed(Follower(script.data / "tape" / script.recorder, 1))
    return {name: table.to_pylist() for name, table in decoder.take().items()}


def test_a_trade_carries_whose_it_is_and_when(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 101.25, 300)
    (row,) = decode(script)["trades"]
    assert row["instrument_id"] == 265598
    assert row["symbol"] == "AAPL"
    assert row["stream"] == "all_last"
    assert row["origin"] == "live"
    assert (row["price"], row["size"], row["exchange"], row["conditions"]) == (101.25, 300, "NASDAQ", None)
    assert row["ts_event"].isoformat() == "2026-01-05T14:30:00+00:00"
    assert (row["seq"], row["row"], row["recorder"]) == (2, 0, "main")
    assert abs(row["ts"].timestamp() - script.writer.received(b"\0\0\0\x02x\0") / 1e9) < 5


def test_sessions_open_with_the_hello_and_close_with_a_reason(script: Any) -> None:
    script.open().close("the gateway hung up")
    opened, closed = decode(script)["sessions"]
    assert (opened["event"], opened["server_version"], opened["port"]) == ("opened", 200, 4002)
    assert opened["connection_time"].endswith("Central European Standard Time")
    assert (closed["event"], closed["reason"]) == ("closed", "the gateway hung up")
    assert closed["row"] >= 1_000_000_000


def test_a_session_without_an_answer_only_closes(script: Any) -> None:
    script.writer.opened({"host": "127.0.0.1"})
    script.writer.closed({"reason": "no gateway there"})
    assert [row["event"] for row in decode(script)["sessions"]] == ["closed"]


def test_the_life_of_a_request_is_kept(script: Any) -> None:
    script.open().ask(1, "req_market_data", generic_ticks="233")
    script.answer("tick_request_parameters", request_id=1, min_tick=0.01, bbo_exchange="9c0001", snapshot_permissions=3)
    script.answer("market_data_type", request_id=1, data_type=3)
    script.answer("reroute_market_data", request_id=1, con_id=99, exchange="NYSE")
    script.request("cancel_market_data", request_id=1)
    script.ask(2, "req_tick_by_tick", tick_kind="BidAsk")
    script.answer("error", request_id=2, code=10189, message="no permission", time_ms=1_767_623_400_123)
    rows = decode(script)
    assert [(r["request_id"], r["event"]) for r in rows["subscriptions"]] == [
        (1, "requested"), (1, "acknowledged"), (1, "data_type"), (1, "rerouted"), (1, "cancelled"),
        (2, "requested"), (2, "refused")]
    requested, acknowledged, data_type, rerouted, _, _, refused = rows["subscriptions"]
    assert json.loads(requested["parameters"])["generic_ticks"] == "233"
    assert (acknowledged["min_tick"], acknowledged["bbo_exchange"]) == (0.01, "9c0001")
    assert data_type["data_type"] == "delayed"
    assert rerouted["detail"] == "conid:99@NYSE"
    assert (refused["code"], refused["stream"]) == (10189, "quotes")
    (notice,) = rows["notices"]
    assert (notice["kind"], notice["symbol"], notice["source"]) == ("terminal", "AAPL", "gateway")
    assert notice["ts_event"].microsecond == 123_000


def test_status_codes_and_notes_become_notices(script: Any) -> None:
    script.open().answer("error", request_id=-1, code=2104, message="farm \u00e9")
    script.writer.note({"note": "clock stepped back", "step_s": 3})
    gateway, recorder = decode(script)["notices"]
    assert (gateway["request_id"], gateway["kind"], gateway["message"]) == (None, "status", "farm é")
    assert (recorder["source"], recorder["message"]) == ("recorder", 'clock stepped back {"step_s": 3}')


def test_a_depth_reset_stands_between_the_operations(script: Any) -> None:
    script.open().ask(3, "req_market_depth", rows=5)
    row = {"request_id": 3, "position": 0, "operation": 0, "side": 1, "price": 10.0, "size": 5}
    script.answer("market_depth", **row)
    script.answer("error", request_id=3, code=317, message="reset")
    script.answer("market_depth", **row)
    operations = decode(script)["depth"]
    assert [r["operation"] for r in operations] == ["insert", "reset", "insert"]
    assert operations[1]["position"] is None
    assert operations[1]["stream"] == "depth"


def test_contract_details_become_an_instrument(script: Any) -> None:
    script.open().request("req_contract_details", request_id=1, symbol="AAPL", sec_type="STK")
    script.answer(
        "contract_details", request_id=1, symbol="ES", sec_type="FUT", last_trade_date="20261218 08:30:00 US/Central",
        con_id=495512563, local_symbol="ESZ6", min_tick=0.25, multiplier="50", long_name="E-mini \u20ac",
        sec_ids=[{"tag": "ISIN", "value": "US0"}], strike=0.0, agg_group=2147483647)
    (row,) = decode(script)["instruments"]
    assert (row["symbol"], row["ib_symbol"], row["instrument_id"]) == ("ESZ6", "ES", 495512563)
    assert (row["last_trade_date"], row["last_trade_time"]) == ("20261218", "08:30:00")
    assert (row["long_name"], row["strike"], row["aggregated_group"]) == ("E-mini €", None, None)
    assert json.loads(row["security_ids"]) == {"ISIN": "US0"}
    assert "subscriptions" not in decode(script)


def test_the_last_trade_is_stored_as_sent_and_as_the_exchanges_date_and_moment(script: Any) -> None:
    script.open().request("req_contract_details", request_id=1, symbol="AAPL", sec_type="OPT")
    sent = {"request_id": 1, "con_id": 11, "symbol": "AAPL", "sec_type": "OPT", "real_expiration_date": "20261218"}
    for text in ("20261219 05:00:00 Asia/Shanghai", "20261218-21:00:00", "20261218 16:00:00"):
        script.answer("contract_details", last_trade_date=text, time_zone_id="EST (Eastern Standard Time)", **sent)
    rows = decode(script)["instruments"]
    assert [row["last_trade"] for row in rows] == ["20261219 05:00:00 Asia/Shanghai", "20261218-21:00:00",
                                                   "20261218 16:00:00"]
    for row in rows:
        assert (row["last_trade_date"], row["last_trade_time"]) == ("20261218", "16:00:00")
        assert row["last_trade_ts"].isoformat() == "2026-12-18T21:00:00+00:00"
        assert (row["time_zone"], row["iana_time_zone"]) == ("EST (Eastern Standard Time)", "America/New_York")


def test_instruments_without_a_symbol_in_their_requests_have_one_in_every_table(script: Any) -> None:
    script.open()
    script.answer("contract_details", request_id=9, con_id=1, symbol="ÆØÅ", local_symbol="ÆØÅ")
    script.answer("bond_details", request_id=9, con_id=2, cusip="912810TT5")
    script.answer("bond_details", request_id=9, con_id=3, cusip="912810TS7")
    script.close("lost").open()  # names outlast a session
    for con_id in (1, 2, 3):
        script.ask(con_id, "req_tick_by_tick", con_id=con_id, symbol="", tick_kind="AllLast").trade(con_id, 10.0)
    script.close("lost")
    rows = decode(script)
    symbols = ["ÆØÅ", "912810TT5", "912810TS7"]
    for table in ("instruments", "trades", "subscriptions", "gaps"):
        assert [row["symbol"] for row in rows[table]] == symbols, table


def test_details_that_name_no_contract_are_kept_as_undecoded(script: Any) -> None:
    script.open().request("req_contract_details", request_id=1, symbol="AAPL", sec_type="STK")
    script.answer("contract_details", request_id=1, symbol="ES", sec_type="FUT")
    rows = decode(script)
    assert "instruments" not in rows
    assert [row["reason"] for row in rows["undecoded"]] == ["contract_details.con_id is empty"]


def test_frames_before_the_hello_are_kept_as_undecoded(script: Any) -> None:
    script.writer.opened({"host": "127.0.0.1"})
    script.line.opened({"host": "127.0.0.1"})
    script.receive(frame(b"9\0001\0004\0"))
    script.receive(frame(b"15\0001\0x\0") + server_hello(ServerHello(200, "")) + frame(b"9\0001\0005\0"))
    rows = decode(script)
    assert [(row["seq"], row["message_id"], row["server_version"], row["frame"]) for row in rows["undecoded"]] == [
        (1, 9, None, b"9\0001\0004\0"), (2, 15, None, b"15\0001\0x\0")]
    assert {row["reason"] for row in rows["undecoded"]} == {"came before the gateway's hello"}


def test_frames_after_a_redirect_are_kept_as_undecoded(script: Any) -> None:
    script.writer.opened({"host": "127.0.0.1"})
    script.receive(frame(b"-1\0elsewhere:4002\0") + frame(b"9\0001\0005\0"))
    assert [row["seq"] for row in decode(script)["undecoded"]] == [1, 2]


def test_efp_and_news_ticks_keep_their_fields(script: Any) -> None:
    script.open().ask(1, "req_market_data", generic_ticks="mdoff,292")
    script.answer("tick_efp", request_id=1, tick_type=38, basis_points=1.5, hold_days=30)
    script.answer("tick_news", request_id=1, time_ms=5, provider="BRFG", headline="a;b")
    efp, news = decode(script)["ticks"]
    assert (efp["tick_name"], json.loads(efp["text"])["hold_days"]) == ("BID_EFP_COMPUTATION", 30)
    assert (news["tick_name"], json.loads(news["text"])["headline"]) == ("NEWS_TICK", "a;b")


def test_what_cannot_be_decoded_is_kept_whole(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0)
    script.receive(frame(b"777\0what\0")).receive(frame(b"2\x006\x005\x000\0much\0")).trade(5, 2.0)
    rows = decode(script)
    assert [r["price"] for r in rows["trades"]] == [1.0, 2.0]
    unknown, malformed = rows["undecoded"]
    assert (unknown["frame"], unknown["message_id"]) == (b"777\0what\0", 777)
    assert "tick_size.size" in malformed["reason"]


def test_a_frame_cut_off_by_the_end_of_the_session_is_kept(script: Any) -> None:
    script.open().receive(b"\0\0\0\x20" + b"46\x006\x001").close("reset by peer")
    rows = decode(script)
    assert rows["undecoded"][0]["frame"] == b"46\x006\x001"
    assert "10 bytes into it" in rows["undecoded"][0]["reason"]


def test_history_lies_at_its_own_time(script: Any) -> None:
    script.open().ask(9, "req_historical_data", bar_size="1 min", what="TRADES", regular_hours=True)
    script.answer("historical_data", request_id=9, bars=[
        {"bar_date": "1767623400", "open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 10, "wap": 1.2,
         "trade_count": 3},
        {"bar_date": "20260105", "open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": -1, "wap": -1,
         "trade_count": -1}])
    first, second = decode(script)["bars"]
    assert first["ts"] == first["ts_event"]
    assert first["ts"].isoformat() == "2026-01-05T14:30:00+00:00"
    assert (first["row"], second["row"]) == (0, 1)
    assert (first["bar_size"], first["what"]) == ("1 min", "TRADES")
    assert (first["form"], first["origin"]) == ("history", "backfill")
    assert (second["volume"], second["wap"], second["trade_count"]) == (None, None, None)


SESSION = {"host": "h", "port": 1}
REQUESTS, ANSWERS = request_codec(200), answer_codec(200)
CONTRACT = {"con_id": 1, "symbol": "X", "sec_type": "STK"}


def session_bytes() -> tuple[list[bytes], bytes]:
    """What a small session sends, and all it receives."""
    sent = [frame(REQUESTS.encode("req_tick_by_tick", request_id=1, tick_kind="Last", **CONTRACT)),
            frame(REQUESTS.encode("req_market_data", request_id=2, **CONTRACT))]
    received = [server_hello(ServerHello(200, "now"))]
    for i in range(60):
        received.append(frame(ANSWERS.encode("tick_by_tick", request_id=1, kind=1, time=100 + i, price=i / 4, size=i)))
        received.append(frame(ANSWERS.encode("tick_price", request_id=2, tick_type=1, price=i, size=1, mask=0)))
        received.append(frame(ANSWERS.encode("tick_size", request_id=2, tick_type=0, size=i)))
        if i % 20 == 10:
            received.append(frame(ANSWERS.encode("error", request_id=2, code=10167, message="delayed")))
            received.append(frame(ANSWERS.encode("error", request_id=-1, code=1100, message="lost")))
            received.append(frame(ANSWERS.encode("market_data_type", request_id=2, data_type=3 if i == 10 else 1)))
            received.append(frame(b"999\0"))
    return sent, b"".join(received)


def plain(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    # Times depend on where the reads were cut; nothing else does.
    times = ("ts", "from_ts", "to_ts", "lag_s")
    return {name: [{k: v for k, v in row.items() if k not in times} for row in rows.to_pylist()]
            for name, rows in tables.items()}


@given(cuts=st.lists(st.integers(40, 5_000), max_size=12), marks=st.sets(st.integers(0, 12)))
@settings(deadline=None, max_examples=40)
def test_neither_reads_nor_marks_change_the_rows(cuts: list[int], marks: set[int]) -> None:
    sent, received = session_bytes()

    def records(cuts: list[int], marks: set[int]) -> tuple[list[list[Record]], dict[str, list[dict[str, Any]]]]:
        line, clock = Line(), iter(range(10**9, 10**12, 10**6))

        def record(kind: Kind, body: bytes) -> Record:
            return Record(kind, next(clock), 0, body)

        def mark() -> Record:
            return record(Kind.MARK, json.dumps(line.as_mark(len(ranges) + 1)).encode())

        ranges: list[list[Record]] = []
        ranges.append([mark(), record(Kind.OPENED, json.dumps(SESSION).encode())])
        line.opened(SESSION)
        hello = client_hello(157, 200)
        ranges[-1].append(record(Kind.SENT, hello))
        line.sent(hello)
        edges = [0, 30, *sorted({c for c in cuts if c < len(received)}), len(received)]
        for i, (a, b) in enumerate(pairwise(edges)):
            ranges[-1].append(record(Kind.RECEIVED, received[a:b]))
            line.steer(line.received(received[a:b]))
            if i == 0:
                for request in sent:
                    ranges[-1].append(record(Kind.SENT, request))
                    line.sent(request)
            if i in marks:
                ranges.append([mark()])
        ranges[-1].append(record(Kind.CLOSED, b'{"reason": "end"}'))
        rows: dict[str, list[dict[str, Any]]] = {}
        gaps = None
        for part in ranges:
            decoder = TwsDecoder("r", gaps)
            decoder.feed(part)
            for name, more in plain(decoder.take()).items():
                rows.setdefault(name, []).extend(more)
            gaps = json.loads(json.dumps(decoder.as_json()))
        return ranges, rows

    _, whole = records([], set())
    _, cut = records(cuts, marks)
    assert cut == whole
    assert len(whole["trades"]) == 60
    assert {row["origin"] for row in whole["ticks"]} == {"live", "delayed"}
    assert [row["state"] for row in whole["gaps"]].count("closed") == 6


def test_tables_have_the_columns_of_their_schema(script: Any) -> None:
    from capture.schemas import TABLES

    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0).close()
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    for name, rows in decoder.take().items():
        plain_schema = pa.schema([(c.name, c.type) for c in TABLES[name].columns])
        assert rows.cast(plain_schema).schema.names == [c.name for c in TABLES[name].columns]


def test_every_row_has_the_moment_and_the_number_of_what_gave_it(tmp_path: Path, script: Any) -> None:
    clock = count(1_767_600_000_000_000_999, 7_000_000_001)  # never a whole microsecond
    tape = type(script)(tmp_path / "own", now=lambda: next(clock))
    stamps: dict[str, int] = {}

    def stamped(append: Any) -> Any:
        def call(self: TapeWriter, *given: Any) -> int:
            stamps[name] = append(self, *given)
            return stamps[name]

        return call

    with pytest.MonkeyPatch.context() as patch:
        for method in ("received", "sent", "opened", "closed", "note"):
            patch.setattr(TapeWriter, method, stamped(getattr(TapeWriter, method)))
        name = "other"
        tape.writer.opened(SESSION)
        tape.line.opened(SESSION)
        tape._sent(client_hello(157, 200))
        name = "early"
        tape.receive(frame(b"9\x001\x004\x00"))  # frame 1
        name = "hello"
        tape.receive(server_hello(HELLO))  # 2
        name = "asked"
        tape.ask(5, "req_tick_by_tick", tick_kind="AllLast")
        name = "other"
        tape.receive(frame(b"49\x001\x005\x00") * 2)  # 3 and 4
        name = "trade"
        tape.trade(5, 10.0)  # 5
        name = "noted"
        tape.writer.note({"note": "something"})
        name = "refused"
        tape.writer.note({"note": "nothing came", "refused_request_id": 5})
        name = "error"
        tape.answer("error", request_id=5, code=10189, message="no")  # 6
        name = "odd"
        tape.receive(frame(b"99\x005\x00"))  # 7
        name = "cancelled"
        tape.request("cancel_tick_by_tick", request_id=5)
        name = "over"
        tape.close("done")
    tape.writer.close()
    rows = decode(tape)
    places = [
        ("sessions", "event", "opened", "hello", 2, False), ("sessions", "event", "closed", "over", 7, True),
        ("subscriptions", "event", "requested", "asked", 2, True), ("trades", "price", 10.0, "trade", 5, False),
        ("subscriptions", "event", "cancelled", "cancelled", 7, True),
        ("subscriptions", "event", "refused", "refused", 5, True),
        ("subscriptions", "event", "refused", "error", 6, False),
        ("notices", "message", "something", "noted", 5, True), ("notices", "message", "no", "error", 6, False),
        ("undecoded", "reason", "came before the gateway's hello", "early", 1, False),
        ("undecoded", "message_id", 99, "odd", 7, False),
    ]  # fmt: skip
    for table, column, value, gave, seq, unframed in places:
        [row] = [row for row in rows[table] if row[column] == value and row["seq"] == seq]
        assert int(row["ts"].timestamp() * 1e6 + 0.5) == stamps[gave] // 1_000, (table, value)
        assert (row["row"] >= FIRST_EVENT_ROW) == unframed, (table, value)


def test_bytes_beside_damage_that_give_no_frames_are_kept_once_whatever_follows(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1.0).mark().close()
    records = list(Follower(script.data / "tape" / "main", 1))
    mark, closed = (next(record for record in reversed(records) if record.kind == kind)
                    for kind in (Kind.MARK, Kind.CLOSED))
    noise = Record(Kind.RECEIVED, closed.wall_ns, closed.mono_ns, b"\x00\x00\x00\x09no")
    for last in (mark, closed):
        decoder = TwsDecoder("main")
        decoder.feed(record for record in records if record.kind not in (Kind.CLOSED,))
        decoder.damaged(Damage(Path("a segment"), 5, 40, "cut"))
        decoder.feed([noise, last])
        tables = {name: table.to_pylist() for name, table in decoder.take().items()}
        assert [(row["frame"], row["reason"], row["message_id"]) for row in tables["undecoded"]] == [
            (noise.body, "6 bytes beside damage of the tape, which are no whole frames", None)]
        assert [row["kind"] for row in tables["notices"]] == ["note"]
        assert decoder.frames == 2


@pytest.mark.parametrize(("request_id", "code", "symbol", "refused", "reset"), [
    (None, 2104, None, 0, 0), (-1, 2104, None, 0, 0), (-1, 354, None, 0, 0), (None, None, None, 0, 0),
    (1, 317, "AAPL", 0, 1), (9, 317, None, 0, 0), (1, 2104, "AAPL", 0, 0), (1, 200, "AAPL", 1, 0),
    (2, 200, "AAPL", 0, 0), (0, 200, None, 0, 0),
])  # fmt: skip
def test_what_ib_says_is_about_the_request_that_it_names_and_no_other(
    script: Any, request_id: int | None, code: int | None, symbol: str | None, refused: int, reset: int
) -> None:
    script.open().ask(1, "req_market_depth", rows=5)
    script.request("req_contract_details", request_id=2, symbol="AAPL", con_id=265598, sec_type="STK")
    script.answer("error", request_id=request_id, code=code, message="words", time_ms=250_000_000_000_000)
    rows = decode(script)
    [notice] = rows["notices"]
    assert notice["request_id"] == (request_id if request_id in (0, 1, 2, 9) else None)
    assert (notice["symbol"], notice["code"], notice["message"]) == (symbol, code or 0, "words")
    assert notice["ts_event"] is None  # in the year 9892
    assert notice["meaning"] is None or notice["meaning"]
    assert [row["event"] for row in rows["subscriptions"]] == ["requested"] + ["refused"] * refused
    assert len(rows.get("depth", [])) == reset


@given(st.lists(st.one_of(st.integers(-3, 9), st.sampled_from([MOST_IDS - 1, MOST_IDS, MOST_IDS + 1])), min_size=1))
def test_first_and_last_places_of_every_request_id_are_found_whatever_the_ids_are(ids: list[int]) -> None:
    expected = {(id_, ids.index(id_), len(ids) - 1 - ids[::-1].index(id_)) for id_ in ids}
    assert set(zip(*(each.tolist() for each in edges(np.array(ids, np.int32))), strict=True)) == expected


def received(walls_s: list[int], parts: list[bytes]) -> list[Record]:
    return [Record(Kind.RECEIVED, wall_s * 10**9, 0, part) for wall_s, part in zip(walls_s, parts, strict=True)]


def trade_frame(price: float, request_id: int = 5) -> bytes:
    return frame(ANSWERS.encode("tick_by_tick", request_id=request_id, kind=2, time=1_767_623_400, price=price, size=1,
                                mask=0, exchange="N", conditions=""))  # fmt: skip


def begun(script: Any) -> TwsDecoder:
    """A decoder of a session that has one stream, all bytes so far decoded."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    decoder.take()
    return decoder


@example(list(range(10, 400, 10)), True)
@example(list(range(10, 400, 10)), False)
@given(cuts=st.lists(st.integers(1, 10**6), max_size=8), damaged=st.booleans())
def test_a_row_has_the_time_of_the_read_that_completed_its_frame_behind_damage_too(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], damaged: bool
) -> None:
    from tests.conftest import ScriptedTape

    tape = ScriptedTape(tmp_path_factory.mktemp("timed"))
    decoder = begun(tape)
    tape.writer.close()
    assert decoder.line is not None
    frames = [trade_frame(price) for price in range(6)]
    noise = frames[0][9:] if damaged else b""  # the end of a frame whose beginning was lost
    stream = noise + b"".join(frames)
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    parts = [stream[a:b] for a, b in pairwise(edges)]
    walls_s = [2_000_000_000 + 10 * n for n in range(len(parts))]
    if damaged:
        decoder.feed(received([1_999_999_990], [frames[0][:6]]))
        decoder.damaged(Damage(Path("a segment"), 5, 40, "cut"))
    decoder.feed(received(walls_s, parts))
    rows = decoder.take()
    assert decoder.take() == {}
    ends = [len(noise) + sum(map(len, frames[: n + 1])) for n in range(6)]
    completed = {price: walls_s[next(n for n, edge in enumerate(edges[1:]) if edge >= end)]
                 for price, end in enumerate(ends)}
    found = {row["price"]: row["ts"].timestamp() for row in rows["trades"].to_pylist()}
    assert found == {price: completed[price] for price in found}
    assert damaged or len(found) == 6
    lost = b"".join(row["frame"] for row in rows["undecoded"].to_pylist()) if "undecoded" in rows else b""
    unread = frames[0][:6] + stream if damaged else stream
    kept = b"".join(frames[int(price)] for price in sorted(found))
    assert sorted(lost + kept) == sorted(unread[: len(unread) - len(decoder.line.pending)])


def test_a_request_stands_at_the_frame_that_was_whole_when_it_was_sent(script: Any) -> None:
    decoder = begun(script)
    assert decoder.line is not None
    first = decoder.line.seq
    stream = b"".join(trade_frame(price) for price in range(4))
    size = len(stream) // 4
    asked = [Record(Kind.SENT, n * 10**9, 0, frame(REQUESTS.encode("req_tick_by_tick", request_id=n, tick_kind="Last",
                                                                   **CONTRACT))) for n in (10, 11, 12, 13)]
    one, two, three = received([1, 2, 3], [stream[: size - 1], stream[size - 1 : 2 * size], stream[2 * size :]])
    decoder.feed([asked[0], one, asked[1], two, asked[2], three, asked[3]])
    rows = decoder.take()["subscriptions"].to_pylist()
    assert [(row["request_id"], row["seq"] - first, row["ts"].timestamp()) for row in rows] == [
        (10, 0, 10), (11, 0, 11), (12, 2, 12), (13, 4, 13)]
    assert decoder.heard_us == 3_000_000
    assert decoder.frames == first + 4


def test_frames_with_fields_beyond_the_known_ones_are_decoded_and_counted_in_a_notice(script: Any) -> None:
    decoder = begun(script)
    body = frame(ANSWERS.encode("tick_size", request_id=5, tick_type=0, size=1))[4:]
    decoder.feed(received([1, 2], [frame(body + b"more\0"), frame(body + b"more\0")]))
    rows = decoder.take()
    assert rows["ticks"].num_rows == 2
    (notice,) = rows["notices"].to_pylist()
    assert notice["message"] == "2 frames of tick_size had fields beyond the known ones"


@pytest.mark.parametrize(("request_id", "code", "opens"), [
    (1, 10190, True), (None, 10190, False), (0, 10190, False), (1, None, False), (2, 10190, False)])  # fmt: skip
def test_an_error_without_a_request_or_a_code_ends_no_stream(
    script: Any, request_id: int | None, code: int | None, opens: bool
) -> None:
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast").trade(1, 1.0)
    script.answer("error", request_id=request_id, code=code, message="words")
    assert ("gaps" in decode(script)) == opens


def test_the_first_frame_of_a_read_and_the_last_end_gaps(script: Any) -> None:
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    script.ask(2, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast").close("lost").open()
    script.ask(1, "req_tick_by_tick", tick_kind="AllLast")
    script.ask(2, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast")
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    assert [row["state"] for row in decoder.take()["gaps"].to_pylist()] == ["open", "open"]
    assert decoder.line is not None
    first = decoder.line.seq + 1
    decoder.feed(received([2_000_000_000], [trade_frame(1, 1) + trade_frame(2, 2)]))
    rows = decoder.take()["gaps"].to_pylist()
    assert [(row["symbol"], row["state"], row["seq"] - first) for row in rows] == [
        ("AAPL", "closed", 0), ("MSFT", "closed", 1)]


def test_bytes_wait_until_they_are_a_piece_or_something_else_comes(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = begun(script)
    assert decoder.line is not None
    before, one = decoder.line.seq, trade_frame(1)
    monkeypatch.setattr("capture.decode.tws.PIECE_BYTES", 3 * len(one))
    decoder.feed(received([1, 2], [one, one]))
    assert decoder.line.seq == before
    decoder.feed(received([3], [one]))
    assert decoder.line.seq == before + 3
    decoder.feed(received([4], [one]))
    assert decoder.line.seq == before + 3
    decoder.feed([Record(Kind.NOTE, 5 * 10**9, 0, b'{"note": "x"}')])
    assert decoder.line.seq == before + 4
    assert decoder.frames == before + 4


def test_a_mark_is_compared_with_what_was_decoded_in_every_respect(script: Any) -> None:
    decoder = begun(script)
    mark = json.loads(json.dumps(script.line.as_mark(9)))
    assert decoder.compare(mark) == (0, ())
    assert decoder.compare(mark | {"seq": mark["seq"] + 3}) == (3, ("number of frames",))
    assert decoder.compare(mark | {"pending": "AAAA"}) == (0, ("unfinished frame",))
    assert decoder.compare(mark | {"session": {"host": "other"}}) == (0, ("session",))
    script.ask(6, "req_tick_by_tick", tick_kind="BidAsk")
    assert decoder.compare(json.loads(json.dumps(script.line.as_mark(9)))) == (0, ("open requests",))
    assert TwsDecoder("main").compare(Line().as_mark(1)) == (0, ())


def test_decoding_begins_at_a_mark(script: Any) -> None:
    for record in (Record(Kind.OPENED, 1, 0, b"{}"), *received([1], [b"x" * 9])):
        decoder = TwsDecoder("main")
        with pytest.raises(ValueError, match="must begin at a mark"):
            decoder.feed([record])
            decoder.take()
    assert TwsDecoder("main").take() == {}


def test_damage_before_anything_else_is_told_and_nothing_fails() -> None:
    decoder = TwsDecoder("main")
    decoder.damaged(Damage(Path("a segment"), 5, 40, "cut"))
    (row,) = decoder.take()["notices"].to_pylist()
    assert (row["seq"], row["ts"].timestamp(), row["source"]) == (0, 0, "recorder")


def test_a_note_or_a_request_without_an_id_concerns_no_request(script: Any) -> None:
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast").trade(1, 1.0)
    script.writer.note({"note": "something"})
    script.request("cancel_tick_by_tick", request_id=1)
    script.request("req_current_time").close()
    assert "gaps" not in decode(script)


def test_nobody_knows_what_frames_behind_a_redirect_mean(script: Any) -> None:
    script.writer.opened({"host": "127.0.0.1"})
    script.receive(frame(b"-1\0elsewhere:4002\0") + frame(b"4\x002\x00-1\x002104\x00farm\x00"))
    rows = decode(script)
    assert [row["seq"] for row in rows["undecoded"]] == [1, 2]
    assert "notices" not in rows


def test_what_comes_in_one_read_with_the_hello_is_numbered_behind_it(script: Any) -> None:
    script.writer.opened({"host": "127.0.0.1"})
    script.receive(frame(b"9\x001\x004\x00") + server_hello(HELLO) + frame(b"777\x00")
                   + frame(ANSWERS.encode("error", request_id=-1, code=2104, message="farm")))
    rows = decode(script)
    assert [row["seq"] for row in rows["sessions"]] == [2]
    assert [row["seq"] for row in rows["notices"]] == [4]
    assert [row["seq"] for row in rows["undecoded"]] == [1, 3]


def test_what_waited_for_answers_ends_with_the_session(script: Any) -> None:
    decoder = begun(script)
    script.writer.note({"note": "backfill", "request_id": 9, "from": 1, "to": 2})
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    decoder.take()
    assert decoder.as_json()["fills"] == {"9": [1, 2, None]}
    again = TwsDecoder("main", json.loads(json.dumps(decoder.as_json())))
    assert again.as_json() == decoder.as_json()
    script.close()
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    assert decoder.take()
    assert decoder.take() == {}
    assert decoder.as_json()["fills"] == {}
