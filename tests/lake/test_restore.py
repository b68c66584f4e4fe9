"""History restores exactly what was not captured: rows as multisets, whatever the overlap, pages, pieces and marks."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture import open_lake
from capture.decode.restore import NEEDED, Answer, Restorer, missing, nothing_stored
from capture.decode.tws import TwsDecoder
from capture.lake.layout import NEVER_SEALED, Layout, read_rolled
from capture.lake.parquet_file import read_parquet
from capture.lake.proof.verify import Verifier
from capture.lake.roll import Roller
from capture.lake.sealed import seal_through
from capture.lake.stored_rows import Files
from capture.schemas import MIDPOINTS, TABLES, TIMESTAMP
from capture.tape import Follower, Kind
from capture.tape.notes import BACKFILL, BACKFILLED, CUT

SECOND = 1_767_623_400
Trade = tuple[int, float, str | None]  # second after SECOND, price, exchange

trades = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1.0, 2.5]), st.sampled_from(["A", None])), max_size=30)


def table(rows: list[Trade]) -> pa.Table:
    times, prices, exchanges = ([row[i] for row in rows] for i in range(3))
    return pa.table({"t": pa.array(times, pa.int64()), "p": pa.array(prices, pa.float64()),
                     "x": pa.array(exchanges, pa.string())})  # fmt: skip


@given(trades, trades)
def test_what_is_missing_is_the_difference_of_multisets(history: list[Trade], captured: list[Trade]) -> None:
    mask = missing(table(history), table(captured), ["t", "p", "x"])
    found = Counter(row for row, lacking in zip(history, mask, strict=True) if lacking)
    assert found == Counter(history) - Counter(captured)


def test_dictionaries_and_plain_text_are_equal() -> None:
    rows = table([(1, 1.0, "A"), (1, 1.0, None)])
    encoded = rows.set_column(2, "x", rows["x"].dictionary_encode())
    assert not missing(encoded, rows, ["t", "p", "x"]).any()


@pytest.mark.parametrize("known", [1, 2, 10])
def test_rows_are_found_however_many_files_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    monkeypatch.setattr("capture.lake.stored_rows.KNOWN_FILES", known)
    layout, moments = Layout(tmp_path), [datetime.fromtimestamp(SECOND + number, UTC) for number in range(3)]
    for number, moment in enumerate(moments):
        path = layout.live_file("midpoints", moment.date().isoformat(), "main", number)
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"ts": moment, "ts_event": moment, "instrument_id": 1, "stream": "midpoints", "seq": number, "row": 0}
        schema = pa.schema([(one.name, one.type) for one in MIDPOINTS.columns])
        pq.write_table(pa.Table.from_pylist([row | {"price": 2.5}], schema=schema), path)
    files = Files(layout, "main")
    for _ in range(2):
        for moment in moments:
            assert [len(part) for part in files("midpoints", 1, moment, moment)] == [1]
        assert len(files._times) == min(known, len(moments))


@pytest.mark.parametrize(("first", "last", "days"), [
    ((5, 0), (5, 23), "4 5 6"), ((5, 0), (7, 1), "4 5 6 7 8"), ((5, 23), (6, 0), "4 5 6 7")])  # fmt: skip
@pytest.mark.parametrize("folder", ["live", "archive"])
def test_rows_are_looked_for_a_day_around_their_times(
    tmp_path: Path, first: tuple[int, int], last: tuple[int, int], days: str, folder: str
) -> None:
    layout = Layout(tmp_path)
    for day in range(1, 12):
        for name in ("main.000000000001.parquet", "other.000000000001.parquet", "mainly.000000000001.parquet"):
            path = tmp_path / folder / "trades" / f"date=2026-01-{day:02}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    paths = Files(layout, "main")._paths("trades", *(datetime(2026, 1, day, hour, tzinfo=UTC) + timedelta(days=more)
                                                     for (day, hour), more in ((first, -1), (last, 1))))
    assert [(path.parent.name[-2:].lstrip("0"), path.name[:5]) for path in paths] == [
        (day, "main.") for day in days.split()]


def test_files_that_hold_no_row_of_the_time_are_not_read_and_a_changed_one_is_looked_at_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, moment = Layout(tmp_path), datetime.fromtimestamp(SECOND, UTC)
    path = layout.live_file("midpoints", moment.date().isoformat(), "main", 1)
    path.parent.mkdir(parents=True)
    schema = pa.schema([(one.name, one.type) for one in MIDPOINTS.columns])

    def write(seconds: list[int | None], at_ns: int) -> None:
        rows = [{"ts": moment, "ts_event": None if after is None else moment + timedelta(seconds=after),
                 "instrument_id": 1, "stream": "midpoints", "seq": 1, "row": 0, "price": 2.5} for after in seconds]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=1)
        os.utime(path, ns=(at_ns, at_ns))

    read: list[Path] = []

    def remember(path: Path, **more: Any) -> pa.Table:
        read.append(path)
        return read_parquet(path, **more)

    monkeypatch.setattr("capture.lake.stored_rows.read_parquet", remember)
    files = Files(layout, "main")

    def found(first: int, last: int) -> tuple[int, int]:
        read.clear()
        rows = files("midpoints", 1, *(moment + timedelta(seconds=after) for after in (first, last)))
        return len(read), sum(map(len, rows))

    write([9, 5, None, 7], 10**18)
    assert [found(0, 4), found(10, 12), found(0, 5), found(9, 12), found(6, 8), found(6, 6)] == [
        (0, 0), (0, 0), (1, 1), (1, 1), (1, 1), (1, 0)]
    assert len(files._times) == 1
    write([None, None], 10**18 + 1)
    assert found(0, 99) == (0, 0)
    write([3], 10**18 + 2)
    assert found(3, 3) == (1, 1)
    path.unlink()
    assert found(3, 3) == (0, 0)


def test_the_state_of_answers_comes_back_from_plain_values() -> None:
    restorer = Restorer(nothing_stored)
    restorer.asked({"request_id": 5, "from": 1, "to": 2, "gap_id": "g"})
    restorer.asked({"request_id": 6, "from": 3, "to": 4})
    restorer.answers = {5: Answer(17, "trades", pa.Table.from_pylist(
        [{"ts_event": datetime.fromtimestamp(SECOND, UTC), "price": 1.5, "seq": 17, "row": 0, "stream": "history"},
         {"ts_event": None, "price": 2.5, "seq": 17, "row": 1, "stream": "history"}],
        schema=pa.schema([(name, TIMESTAMP if name == "ts_event" else TABLES["trades"].column(name).type)
                          for name in NEEDED["trades"]]))), 6: Answer(18, "quotes")}
    state = json.loads(json.dumps(restorer.as_json()))
    again = Restorer(nothing_stored)
    again.resume(state)
    assert again.fills == restorer.fills
    assert again.answers.keys() == restorer.answers.keys()
    assert (again.answers[5].first_seq, again.answers[5].table) == (17, "trades")
    assert again.answers[5].rows is not None
    assert again.answers[5].rows.equals(restorer.answers[5].rows)
    assert again.answers[6] == Answer(18, "quotes")
    assert again.as_json() == restorer.as_json()
    again.over(5)
    assert (list(again.fills), list(again.answers)) == ([6], [6])
    again.over(5)
    again.session_ended()
    assert (again.fills, again.answers) == ({}, {})


def clock() -> int:
    return SECOND * 1_000_000_000  # rows lie in files by the date on which they arrived


@pytest.fixture
def script(script: Any, tmp_path: Path) -> Iterator[Any]:
    """A tape written at the time of the market."""
    tape = type(script)(tmp_path / "timed", now=clock)
    yield tape
    tape.writer.close()


class Market:
    """A tape on which some trades of a market come live, and pages of its history after them."""

    def __init__(self, script: Any, market: list[Trade]) -> None:
        self.script, self.market, self.next_id = script, sorted(market, key=lambda trade: trade[0]), 2
        script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")

    def live(self, captured: list[bool]) -> None:
        for trade, came in zip(self.market, captured, strict=False):
            if came:
                self.script.answer("tick_by_tick", request_id=1, kind=2, **self._tick(trade))

    def page(
        self, first: int, last: int, cuts: list[int], mark_inside: bool = False, gap_id: str | None = None
    ) -> None:
        """An answer from a second on, cut into frames, with what is wanted up to `last` in its note."""
        request_id, self.next_id = self.next_id, self.next_id + 1
        wanted = {"from": SECOND + first, "to": SECOND + last}
        self.script.writer.note({"note": BACKFILL, "request_id": request_id, "gap_id": gap_id, **wanted})
        self.script.ask(request_id, "req_historical_ticks", what="TRADES", number_of_ticks=1000)
        ticks = [self._tick(trade) for trade in self.market if trade[0] >= first]
        edges = [0, *sorted(min(cut, len(ticks)) for cut in cuts), len(ticks)]
        for number, (begin, end) in enumerate(pairwise(edges), 1):
            if mark_inside:
                self.script.mark()
            self.script.answer("historical_trades", request_id=request_id, ticks=ticks[begin:end],
                               done=number == len(edges) - 1)

    @staticmethod
    def _tick(trade: Trade) -> dict[str, Any]:
        return {"time": SECOND + trade[0], "mask": 0, "price": trade[1], "size": 100, "exchange": trade[2] or "",
                "conditions": ""}


def stored(rows: pa.Table | None) -> Counter[Trade]:
    found = rows.select(["ts_event", "price", "exchange"]).to_pylist() if rows is not None else []
    return Counter((int(r["ts_event"].timestamp()) - SECOND, r["price"], r["exchange"]) for r in found)


def decoded(script: Any) -> pa.Table | None:
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    return decoder.take().get("trades")


page = st.tuples(st.integers(0, 3), st.lists(st.integers(0, 30), max_size=3), st.booleans())


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades, st.lists(st.booleans(), min_size=30, max_size=30), st.lists(page, min_size=1, max_size=3), st.data())
def test_captured_and_restored_make_the_market(
    script: Any, tmp_path_factory: pytest.TempPathFactory, market: list[Trade], captured: list[bool],
    pages: list[tuple[int, list[int], bool]], data: st.DataObject,
) -> None:  # fmt: skip
    tape = type(script)(tmp_path_factory.mktemp("market"), now=clock)
    scene = Market(tape, market)
    scene.live(captured)
    for first, cuts, mark_inside in [*pages, (0, [5], data.draw(st.booleans()))]:
        scene.page(first, 3, cuts, mark_inside)
    tape.mark()
    tape.writer.close()
    assert stored(decoded(tape)) == Counter(market), "in one go"
    layout = Layout(tape.data)
    list(Roller(layout, "main").roll())
    files = [pq.ParquetFile(path).read() for path in layout.live("trades").glob("date=2*/*.parquet")]
    assert stored(pa.concat_tables(files) if files else None) == Counter(market), "range by range, over files"


def test_the_tail_takes_from_history_what_it_has_shown(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A"), (0, 1.0, "A"), (1, 2.5, None)])
    with open_lake(script.data) as lake:
        scene.live([True, False, False])
        assert lake.sql("select count(*) from trades").rows() == [(1,)]
        scene.page(0, 3, [1])
        assert lake.sql("select count(*) from trades").rows() == [(3,)]
        script.mark()
        list(Roller(Layout(script.data), "main").roll())
        scene.page(0, 3, [2])
        assert lake.sql("select count(*), count(*) filter (origin = 'backfill') from trades").rows() == [(3, 2)]


def test_a_day_that_is_in_both_live_and_archive_counts_once(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A"), (0, 1.0, "A")])
    scene.live([True, False])
    script.mark()
    layout = Layout(script.data)
    seal_through(layout, "trades", NEVER_SEALED)
    list(Roller(layout, "main").roll())
    (live,) = layout.live("trades").glob("date=2*/*.parquet")
    sealed = layout.archive("trades") / live.parent.name / "main.000000000001-000000000001.parquet"
    sealed.parent.mkdir(parents=True)
    sealed.write_bytes(live.read_bytes())
    scene.page(0, 3, [])
    script.mark()
    (roll,) = Roller(layout, "main").roll()
    assert roll.rows["trades"] == 1


def test_surplus_of_a_page_is_not_stored(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A"), (1, 1.0, "A"), (2, 1.0, "A")])
    scene.page(0, 1, [])
    assert stored(decoded(script)) == Counter([(0, 1.0, "A"), (1, 1.0, "A")])


def test_equal_trades_that_came_are_partners_of_as_many(script: Any) -> None:
    market: list[Trade] = [(second, 1.0, "A") for second in (0, 0, 0, 1, 1)]
    scene = Market(script, market)
    scene.live([True, True, False, True, True])
    scene.page(0, 3, [])
    assert stored(decoded(script)) == Counter(market)


def test_of_an_answer_the_seconds_that_were_wanted_are_stored_both_ends_included(script: Any) -> None:
    script.open()
    note = {"note": BACKFILL, "request_id": 50, "gap_id": None, "from": SECOND + 2, "to": SECOND + 4}
    script.writer.note(note)
    script.ask(50, "req_historical_ticks", what="TRADES", number_of_ticks=1000)
    ticks = [Market._tick((second, 1.0, "A")) for second in range(7)]
    script.answer("historical_trades", request_id=50, ticks=ticks, done=True)
    assert stored(decoded(script)) == dict.fromkeys([(second, 1.0, "A") for second in (2, 3, 4)], 1)


def test_rows_of_nobody_are_no_answer_of_history(script: Any) -> None:
    script.open().trade(77, 1.0)
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    assert decoder.take()["trades"]["stream"].to_pylist() == [None]
    assert decoder.as_json()["answers"] == {}


def test_another_instrument_or_stream_is_no_partner(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A")])
    script.ask(50, "req_tick_by_tick", con_id=2, symbol="MSFT", tick_kind="AllLast")
    tick = Market._tick((0, 1.0, "A"))
    script.answer("tick_by_tick", request_id=50, kind=2, **tick)
    scene.page(0, 3, [])
    rows = decoded(script)
    assert rows is not None
    assert rows["symbol"].to_pylist() == ["MSFT", "AAPL"]


def test_a_trade_that_came_as_last_and_as_all_last_counts_once(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A"), (0, 1.0, "A")])
    script.ask(50, "req_tick_by_tick", tick_kind="Last")
    script.answer("tick_by_tick", request_id=50, kind=1, **Market._tick((0, 1.0, "A")))
    scene.live([True])
    scene.page(0, 3, [])
    rows = decoded(script)
    assert rows is not None
    assert rows["stream"].to_pylist() == ["last", "all_last", "history"]


def test_what_an_answer_gave_that_was_there_already_is_no_partner_for_another(script: Any) -> None:
    Market(script, [(0, 1.0, "A")]).live([True])
    for request_id in (50, 51):
        script.ask(request_id, "req_historical_ticks", what="TRADES", number_of_ticks=1000)
    for request_id, count in ((50, 1), (51, 2)):
        ticks = [Market._tick((0, 1.0, "A"))] * count
        script.answer("historical_trades", request_id=request_id, ticks=ticks, done=True)
    assert stored(decoded(script)) == {(0, 1.0, "A"): 2}


def bar(start: int, close: float) -> dict[str, Any]:
    return {"bar_date": str(SECOND + start), "open": 1, "high": 2, "low": 1, "close": close, "volume": 5, "wap": 1.5,
            "trade_count": 2}


def test_bars_are_restored_where_none_was_finished(script: Any) -> None:
    script.open()
    script.ask(1, "req_real_time_bars", bar_size_s=5, what="TRADES", regular_hours=False)
    script.answer("real_time_bar", request_id=1, time=SECOND, open=1, high=2, low=1, close=1.7, volume=5, wap=1.5,
                  trade_count=2)  # fmt: skip
    asked = {"bar_size": "5 secs", "what": "TRADES", "regular_hours": False, "duration": "60 S", "date_format": 2}
    for request_id in (2, 3):
        script.ask(request_id, "req_historical_data", **asked)
        script.answer("historical_data", request_id=request_id, bars=[bar(0, 1.69), bar(5, 1.8)])
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    found = decoder.take()["bars"].to_pylist()
    assert [(row["form"], row["close"]) for row in found] == [("closed", 1.7), ("history", 1.8)]


def history_of_bars(script: Any, dates: list[str]) -> list[tuple[str, str | None]]:
    """Return date and time of the bars that are stored of an answer to a backfill of a whole year."""
    script.open()
    script.writer.note({"note": BACKFILL, "request_id": 2, "from": 1_767_225_600, "to": 1_798_761_599})
    asked = {"bar_size": "1 hour", "what": "TRADES", "regular_hours": False, "duration": "1 M", "date_format": 2}
    script.ask(2, "req_historical_data", **asked)
    script.answer("historical_data", request_id=2, bars=[bar(0, 1.5) | {"bar_date": date} for date in dates])
    decoder = TwsDecoder("main")
    decoder.feed(Follower(script.data / "tape" / "main", 1))
    return [(row["bar_date"], row["ts_event"] and f"{row['ts_event'].astimezone(UTC):%m-%d %H:%M}")
            for row in decoder.take()["bars"].to_pylist()]  # fmt: skip


def test_bars_whose_date_cannot_be_read_are_stored_without_time(script: Any) -> None:
    dates = ["20261101 04:00:00 British Summer Time", "20261101 04:00:00 Mondzeit", "soon"]
    assert history_of_bars(script, dates) == [(date, None) for date in dates]


def test_bars_of_every_zone_are_restored_at_their_time(script: Any) -> None:
    assert history_of_bars(script, [
        "20261101 04:00:00 Israel Standard Time", "20261101 05:00:00 Central European Standard Time",
        "20260701 05:00:00 British Summer Time", "20261101  06:00:00", "20261101-07:00:00",
    ]) == [("20261101 04:00:00 Israel Standard Time", "11-01 02:00"),
           ("20261101 05:00:00 Central European Standard Time", "11-01 04:00"),
           ("20260701 05:00:00 British Summer Time", "07-01 04:00"),
           ("20261101  06:00:00", "11-01 05:00"),  # of the zone in the gateway's hello
           ("20261101-07:00:00", "11-01 07:00")]  # fmt: skip


def test_ticks_of_history_without_time_are_stored(script: Any) -> None:
    script.open()
    script.writer.note({"note": BACKFILL, "request_id": 2, "from": SECOND, "to": SECOND + 9})
    script.ask(2, "req_historical_ticks", what="TRADES", number_of_ticks=1000)
    tick = Market._tick((0, 1.0, "A"))
    script.answer("historical_trades", request_id=2, ticks=[tick | {"time": 0}, tick], done=True)
    rows = decoded(script)
    assert rows is not None
    assert [at and at.timestamp() for at in rows["ts_event"].to_pylist()] == [None, SECOND]


def test_a_gap_counts_what_it_got_back_and_says_how_it_ended(script: Any) -> None:
    scene = Market(script, [(0, 1.0, "A"), (1, 1.0, "A"), (2, 1.0, "A")])
    scene.live([True])
    script.close("lost").open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    scene.live([False, False, True])
    script.mark()
    layout = Layout(script.data)
    list(Roller(layout, "main").roll())
    rolled = read_rolled(layout, "main")
    assert rolled is not None and rolled.state is not None
    (waiting,) = json.loads(json.dumps(rolled.state))["waiting"]
    assert (waiting["state"], waiting["stream"], waiting["rows_restored"]) == ("closed", "all_last", 0)
    scene.page(0, 2, [1], gap_id=waiting["gap_id"])
    script.writer.note({"note": BACKFILLED, "gap_id": waiting["gap_id"], "state": "backfilled"})
    script.mark()
    (roll,) = Roller(layout, "main").roll()
    assert roll.rows == {"subscriptions": 1, "trades": 1, "notices": 1, "gaps": 1}
    with open_lake(script.data) as lake:
        states = lake.sql("select state, rows_restored from gaps order by seq, row").rows()
        assert states == [("open", None), ("closed", None), ("backfilled", 1)]
    rolled = read_rolled(layout, "main")
    assert rolled is not None and rolled.state is not None
    assert rolled.state["waiting"] == []
    assert rolled.state["fills"] == {}


@pytest.mark.parametrize(("what", "stream"), [("TRADES", "all_last"), ("BID_ASK", "quotes"), ("MIDPOINT", "midpoints")])
def test_a_second_that_history_cut_is_a_gap_of_its_own_and_counts_as_missing(
    script: Any, what: str, stream: str
) -> None:
    script.open()
    for request_id in (2, 3):  # asking twice says the same of one gap
        script.ask(request_id, "req_historical_ticks", what=what, number_of_ticks=1000)
        script.answer("historical_trades", request_id=request_id, ticks=[Market._tick((0, 1.0, "A"))], done=True)
        script.writer.note({"note": CUT, "request_id": request_id, "second": SECOND, "rows": 1_000, "gap_id": None})
    with open_lake(script.data) as lake:
        (gap,) = lake.gaps().arrow().to_pylist()
        assert (gap["symbol"], gap["stream"], gap["state"], gap["lasted_s"]) == ("AAPL", stream, "unavailable", 1.0)
        assert gap["from_ts"].timestamp() == SECOND
        assert "whether there were more is not known" in gap["reason"]
        assert lake.sql("select count(*) from gaps").rows() == [(2,)]
        if what == "TRADES":
            (bar,) = lake.time_bars("AAPL", "1 minute").arrow().to_pylist()
            assert bar["gap_s"] == 1.0
    script.mark()
    layout = Layout(script.data)
    list(Roller(layout, "main").roll())
    verifier = Verifier(layout, "main")
    list(verifier.ranges())
    assert verifier.findings == []


def test_a_refused_request_leaves_nothing_behind(script: Any) -> None:
    scene = Market(script, [])
    script.writer.note({"note": BACKFILL, "request_id": 2, "from": 0, "to": 1})
    script.ask(2, "req_historical_ticks", what="TRADES").answer("error", request_id=2, code=162, message="no data")
    decoder = TwsDecoder("main")
    decoder.feed(Follower(scene.script.data / "tape" / "main", 1))
    decoder.take()
    assert decoder.as_json()["fills"] == {}
    assert {record.kind for record in Follower(script.data / "tape" / "main", 1)} >= {Kind.NOTE}
