"""Catalogs are read by nautilus_trader's own catalog: row by row, as files of its own, and by a backtest."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capture
from capture import Lake
from capture.export import nautilus
from capture.export.job import Job
from capture.export.nautilus.bars import width_of
from capture.export.nautilus.catalog import UNKNOWN
from capture.export.nautilus.deltas import BUY, CLEAR, DELETE, F_LAST, SELL, UPDATE, Book
from capture.export.nautilus.files import Files
from capture.export.nautilus.instruments import expiration_ns
from capture.export.nautilus.names import bar_specification, file_name, identity
from capture.export.nautilus.numbers import decimals_of, numbers
from capture.gateway.market import Market
from capture.query import QueryError
from capture.schemas import TABLES
from capture.wanted.settings import RecordBlock
from tests.foreign import run
from tests.lake.functions.conftest import IDS, NOON, MadeLake
from tests.recording import record

LIBRARY = ("nautilus_trader==1.221.0",)
READER = Path(__file__).parent / "readers" / "nautilus.py"
START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LIVED_S = 130
RECORD = [RecordBlock(instruments=["AAPL"], streams=["trades", "quotes", "smart_depth:10", "bars"]),
          RecordBlock(instruments=["ESZ6"], streams=["trades", "quotes", "depth:5"]),
          RecordBlock(instruments=["CASH:EUR.USD"], streams=["quotes"])]  # fmt: skip
NAMES = {"AAPL": "AAPL.NASDAQ", "ESZ6": "ESZ6.CME", "EUR.USD": "EUR/USD.IDEALPRO"}
DETAILS: dict[str, Any] = {
    "min_tick": 0.01, "exchange": "SMART", "primary_exchange": "NASDAQ", "currency": "USD", "size_increment": 1.0,
    "min_size": 1.0, "price_magnifier": 1,
}  # fmt: skip


def ns(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1_000


def export(lake: Lake, folder: Path, table: str, **asked: Any) -> Job:
    job = Job(lake, TABLES[table], **asked)
    rows = nautilus.rows(job)
    writer = nautilus.open_writer(folder, rows, job)
    for batch in rows.batches:
        assert batch.schema == rows.schema
        writer.write(batch)
    writer.close()
    return job


def read(catalog: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    run(LIBRARY, READER, catalog, folder)
    return {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}


def of(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in found if row["id"] == name]


def columns(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Return values as they compare: texts of numbers as the floats that they read as."""
    return [tuple(float(row[name]) if isinstance(row[name], str) else row[name] for name in names) for row in rows]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[capture.Lake, dict[str, Any], list[Job]]]:
    """A recorded lake, what the library reads of a catalog of all its tables, and the jobs."""
    home = tmp_path_factory.mktemp("nautilus")
    record(home / "data", Market(5, rate=0.5), START, LIVED_S, RECORD, [(60, "refuse", 10.0), (60, "drop")])
    with capture.open_lake(home / "data") as lake:
        jobs = [export(lake, home / "catalog", table) for table in ("trades", "quotes", "depth", "bars", "instruments")]
        jobs.append(export(lake, home / "catalog", "trades", every="10 seconds"))
        jobs.append(export(lake, home / "catalog", "quotes", every="1 minute"))
        assert nautilus.agree(home / "catalog", home / "none") == []
        yield lake, read(home / "catalog", home / "found"), jobs


@pytest.mark.slow
def test_quotes_and_trades_are_those_of_the_lake(market: Any) -> None:
    lake, found, _ = market
    trades, quotes = ("price", "size"), ("bid_price", "ask_price", "bid_size", "ask_size")
    for kind, function, names in (("trade_ticks", "trades_once", trades), ("quote_ticks", "quotes_once", quotes)):
        compared = 0
        for symbol, name in NAMES.items():
            asked = f"{function}($1, null, null{', with_unreported := true' if function == 'trades_once' else ''})"
            rows = lake.sql(f"from {asked} order by ts, recorder, seq, row", [symbol]).arrow().to_pylist()
            got = of(found[kind], name)
            assert columns(got, *names) == columns(rows, *names)
            assert [one["ts_init"] for one in got] == [ns(row["ts"]) for row in rows]
            assert [one["ts_event"] for one in got] == [ns(row["ts_event"] or row["ts"]) for row in rows]
            if kind == "trade_ticks":
                assert [one["trade_id"] for one in got] == [f"{row['seq']}-{row['row']}" for row in rows]
                assert {one["aggressor"] for one in got} <= {"NO_AGGRESSOR"}
            compared += len(rows)
        assert compared == len(found[kind]) > 500
    assert found["by_instrument"]["EUR/USD.IDEALPRO"] == len(of(found["quote_ticks"], "EUR/USD.IDEALPRO")) > 100


@pytest.mark.slow
def test_books_made_of_the_deltas_are_those_of_the_lake(market: Any) -> None:
    lake, found, jobs = market
    for symbol in ("AAPL", "ESZ6"):
        rows = lake.book_snapshots(symbol, *jobs[2].span, every=None).arrow().to_pylist()
        wanted = [flat(row) for row in rows]
        got = [(one["ts"], *(sorted(((float(price), size) for price, size in one[side]), reverse=side == "bids")
                             for side in ("bids", "asks"))) for one in of(found["books"], NAMES[symbol])]
        # What changed is not always within the levels, or not by price.
        changes = [one for before, one in zip([None, *wanted], wanted, strict=False)
                   if (before is None and any(one[1:])) or (before is not None and one[1:] != before[1:])]
        assert len(changes) > 100
        assert got == changes
        deltas = of(found["order_book_deltas"], NAMES[symbol])
        assert {one["action"] for one in deltas} == {"ADD", "UPDATE", "DELETE", "CLEAR"}
        assert [one["flags"] for one in deltas if one["action"] == "CLEAR"] == [32, 128, 32]


def flat(row: dict[str, Any]) -> tuple[Any, ...]:
    sides = []
    for side in ("bid", "ask"):
        by_price: dict[float, float] = defaultdict(float)
        for level in range(10):
            if row[f"{side}_px_{level:02}"] is not None:
                by_price[row[f"{side}_px_{level:02}"]] += row[f"{side}_sz_{level:02}"]
        sides.append(sorted(by_price.items(), reverse=side == "bid"))
    return (ns(row["ts"]), *sides)


@pytest.mark.slow
def test_bars_are_known_when_they_are_over(market: Any) -> None:
    lake, found, _ = market
    prices = ("open", "high", "low", "close")
    for symbol in ("AAPL", "ESZ6"):
        rows = lake.time_bars(symbol, "10 seconds").arrow().to_pylist()
        got = of(found["bars"], f"{NAMES[symbol]}-10-SECOND-LAST-EXTERNAL")
        assert columns(got, *prices) == columns(rows, *prices)
        assert [float(one["volume"]) for one in got] == pytest.approx([row["volume"] for row in rows])
        assert [one["ts_init"] for one in got] == [ns(row["ts"] + timedelta(seconds=10)) for row in rows]
    rows = lake.quote_bars("EUR.USD", "1 minute").arrow().to_pylist()
    for side in ("bid", "ask", "mid"):
        got = of(found["bars"], f"EUR/USD.IDEALPRO-1-MINUTE-{side.upper()}-EXTERNAL")
        wanted = columns(rows, *(f"{side}_{name}" for name in prices))
        assert columns(got, *prices) == [pytest.approx(row) for row in wanted]
        assert {one["volume"] for one in got} == {"0"}
    rows = lake.sql("from bars where form = 'closed' order by ts_event").arrow().to_pylist()
    got = of(found["bars"], "AAPL.NASDAQ-5-SECOND-LAST-EXTERNAL")
    assert columns(got, *prices, "volume") == columns(rows, *prices, "volume")
    assert [one["ts_event"] for one in got] == [ns(row["ts_event"] + timedelta(seconds=5)) for row in rows]


@pytest.mark.slow
def test_the_library_writes_the_same_files_and_backtests_them(market: Any) -> None:
    _, found, jobs = market
    assert [one for one in found["written"] if not one["same"]] == []
    assert len(found["written"]) > 15
    assert found["backtest"] == {
        kind: len(found[kind]) for kind in ("quote_ticks", "trade_ticks", "order_book_deltas", "bars")}
    assert [dict(job.losses) for job in jobs if job.losses] == []


def detail(made: MadeLake, contract_id: int, symbol: str, kind: str, **values: Any) -> None:
    """Add contract details; ib_symbol is the symbol unless it is given."""
    made.add("instruments", 0, **DETAILS | {"security_type": kind, "ib_symbol": symbol} | values)
    made.rows["instruments"][-1] |= {"instrument_id": contract_id, "symbol": symbol}


def on_disk(catalog: Path, kind: str) -> dict[str, pa.Table]:
    """Return the rows of a kind of data by folder."""
    return {home.name: pa.concat_tables(pq.ParquetFile(path).read() for path in sorted(home.iterdir()))
            for home in sorted((catalog / "data" / kind).iterdir())}


def meta(table: pa.Table, name: str) -> str:
    return str(table.schema.metadata[name.encode()].decode())


@pytest.mark.slow
def test_decimals_are_those_that_all_tables_need(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "AAPL", "STK", size_increment=0.0001, suggested_size_increment=100.0)
    made.trade(0, 280.335, 3)
    made.trade(1, 280.33, 0.25)
    made.quote(0, 280.33, 280.34)
    made.trade(90_000, 1.23456)
    day = {"start": NOON, "end": NOON + timedelta(hours=1)}
    for table in ("trades", "quotes", "instruments"):
        job = export(made.lake, tmp_path / table, table, **day)
        assert not job.losses
    for table, kind in (("trades", "trade_tick"), ("quotes", "quote_tick")):
        found = on_disk(tmp_path / table, kind)["AAPL.NASDAQ"]
        assert (meta(found, "price_precision"), meta(found, "size_precision")) == ("3", "2")
    [definition] = on_disk(tmp_path / "instruments", "equity")["AAPL.NASDAQ"].to_pylist()
    assert (definition["price_precision"], definition["price_increment"]) == (3, "0.010")
    assert definition["lot_size"] == "100"


def decimals_said(catalog: Path) -> dict[str, set[tuple[int, int | None]]]:
    """The decimals of prices and sizes that definitions and data of each instrument say."""
    said: dict[str, set[tuple[int, int | None]]] = defaultdict(set)
    for path in sorted(catalog.glob("data/*/*/*.parquet")):
        rows = pq.ParquetFile(path).read()
        if "price_precision" in rows.schema.names:
            for row in rows.to_pylist():
                said[row["id"]].add((row["price_precision"], row.get("size_precision")))
        else:
            said[meta(rows, "instrument_id")].add((int(meta(rows, "price_precision")),
                                                   int(meta(rows, "size_precision"))))
    return said


@pytest.mark.slow
def test_all_of_a_catalog_has_the_decimals_of_its_definitions_whatever_is_exported_when(
    made: MadeLake, tmp_path: Path
) -> None:
    detail(made, 265598, "BTC.USD", "CRYPTO", ib_symbol="BTC", exchange="PAXOS", min_tick=0.25, size_increment=1e-8)
    detail(made, 272093, "MSFT", "STK")
    for symbol in ("AAPL", "MSFT"):  # of which AAPL is the coin
        for hour, price in enumerate((1.25, 2.5, 3.00005, 4.0)):
            made.trade(hour * 3_600, price, 2.0 if symbol == "MSFT" else 0.123456789, symbol=symbol)
            made.quote(hour * 3_600, price, price + 0.5, symbol=symbol)
    assert made.lake
    catalog = tmp_path / "catalog"
    values: dict[Path, Any] = {}
    with capture.open_lake(made.layout.root) as lake:
        for hour, order in ((0, ("instruments", "trades")), (2, ("trades", "bars", "instruments")), (1, ("quotes",))):
            for table in order:
                name, every = ("quotes", "1 minute") if table == "bars" else (table, None)
                begin = NOON - timedelta(hours=1) if name == "instruments" else NOON + timedelta(hours=hour)
                done = lake.export(name, catalog, start=begin, end=NOON + timedelta(hours=hour, minutes=30),
                                   every=every, format="nautilus", force=table == "instruments")
                assert not done.losses
                said = decimals_said(catalog)
                assert all(len({price for price, _ in found}) == 1 for found in said.values()), (table, hour, said)
                assert len(said["BTC/USD.PAXOS"]) == 1
                for path in sorted(catalog.glob("data/[bqt]*/*/*.parquet")):
                    rows = pq.ParquetFile(path).read().to_pydict()
                    assert values.setdefault(path, rows) == rows, "the rows stay as they are"
    assert said["BTC/USD.PAXOS"] == {(6, 9)}
    [coin] = pa.concat_tables(pq.ParquetFile(path).read() for path in
                              catalog.glob("data/currency_pair/*/*.parquet")).to_pylist()
    assert (coin["price_increment"], coin["size_increment"]) == ("0.250000", "0.000000010")
    for manifest in tmp_path.glob("*.manifest.json"):
        for file in json.loads(manifest.read_text())["files"]:
            assert (catalog / file["path"]).stat().st_size == file["size_bytes"]
    assert not list(catalog.rglob(".*"))


def test_what_a_catalog_cannot_hold_is_counted(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "AAPL", "STK")
    made.quote(0, 1.0, 2.0)
    made.quote(1, None, 2.0)
    made.quote(2, 1.0, None)
    made.quote(3, 1.0, 2.0, bid_size=None)
    made.quote(4, 1.0, 2.0, ask_size=1e15)
    made.quote(5, 1.0, 2.0 / 3)
    made.quote(6, 1.0, 2.0, symbol="MSFT")
    job = export(made.lake, tmp_path, "quotes")
    assert len(on_disk(tmp_path, "quote_tick")["AAPL.NASDAQ"]) == 2
    assert dict(job.losses) == {
        UNKNOWN: 1,
        "quotes without a bid or without an ask": 2,
        "rows without a size": 1,
        "rows with numbers that are too large": 1,
        "numbers that were rounded, as they need more than 9 decimals": 1,
    }


@pytest.mark.slow
def test_several_tables_make_one_catalog(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "AAPL", "STK")
    made.trade(0, 1.0)
    made.quote(0, 1.0, 2.0)
    assert made.lake
    catalog = tmp_path / "catalog"
    with capture.open_lake(made.layout.root) as lake:
        for table in ("trades", "quotes", "instruments"):
            done = lake.export(table, catalog, format="nautilus")
            assert (done.rows, done.losses) == (1, {})
            assert done.manifest == tmp_path / f"catalog.{table}.manifest.json"
    name = file_name(ns(NOON), ns(NOON))
    assert sorted(str(path.relative_to(catalog)) for path in catalog.rglob("*.parquet")) == [
        f"data/{kind}/AAPL.NASDAQ/{name}" for kind in ("equity", "quote_tick", "trade_tick")]


def test_two_contracts_of_one_name_are_not_mixed(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "ESZ6", "FUT", exchange="CME")
    detail(made, 272093, "ESZ6", "FUT", exchange="CME")
    made.trade(0, 1.0)
    made.trade(1, 2.0, symbol="MSFT")
    job = export(made.lake, tmp_path, "trades")
    assert len(on_disk(tmp_path, "trade_tick")["ESZ6.CME"]) == 1
    assert dict(job.losses) == {"rows of contract 272093: ESZ6.CME is another contract's name too": 1}


@pytest.mark.slow
def test_trade_ids_are_unique_over_recorders(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "AAPL", "STK")
    for day, recorder in enumerate(("main", "second", "main")):
        for row in range(3):
            made.trade(day * 86_400 + row, 1.0, recorder=recorder, seq=7 + day // 2, row=row)
    export(made.lake, tmp_path, "trades")
    ids = on_disk(tmp_path, "trade_tick")["AAPL.NASDAQ"]["trade_id"].to_pylist()
    assert ids == ["7-0", "7-1", "7-2", "7-0-1", "7-1-1", "7-2-1", "8-0", "8-1", "8-2"]


def ib_bar(made: MadeLake, seconds: float, start_s: float, close: float, **values: Any) -> None:
    usual: dict[str, Any] = {"bar_size": "1 min", "what": "TRADES", "form": "update", "stream": "live_bars",
                             "ts_event": NOON + timedelta(seconds=start_s), "regular_hours": False, "volume": 1.0}
    made.add("bars", seconds, open=1.0, high=9.0, low=1.0, close=close, **usual | values)


def test_of_a_bar_in_the_making_the_last_state_counts(made: MadeLake, tmp_path: Path) -> None:
    detail(made, 265598, "AAPL", "STK")
    updates = ((5, 0, 1.5), (60, 0, 2.5), (65, 60, 3.5), (66, 0, 8.5), (120, 60, 4.5), (125, 120, 5.5))
    for seconds, start_s, close in updates:
        ib_bar(made, seconds, start_s, close)
    for seconds, start_s, close in ((5, 0, 1.25), (6, 0, 1.75), (7, 60, 1.5)):
        ib_bar(made, seconds, start_s, close, what="MIDPOINT", form="history", volume=None)
    ib_bar(made, 8, 0, 1.0, bar_size="1 week")
    ib_bar(made, 9, 0, 1.0, what="OPTION_IMPLIED_VOLATILITY")
    ib_bar(made, 9, 0, 1.0, what=None)
    ib_bar(made, 9, 0, 1.0, ts_event=None)
    job = export(made.lake, tmp_path, "bars")
    found = on_disk(tmp_path, "bar")
    assert {name: rows["ts_init"].to_pylist() for name, rows in found.items()} == {
        f"AAPL.NASDAQ-1-MINUTE-{price}-EXTERNAL": [ns(NOON) + 60 * 10**9, ns(NOON) + 120 * 10**9]
        for price in ("LAST", "MID")}
    assert [unraw(one) for one in found["AAPL.NASDAQ-1-MINUTE-LAST-EXTERNAL"]["close"].to_pylist()] == [2.5, 4.5]
    assert [unraw(one) for one in found["AAPL.NASDAQ-1-MINUTE-MID-EXTERNAL"]["close"].to_pylist()] == [1.75, 1.5]
    assert meta(found["AAPL.NASDAQ-1-MINUTE-MID-EXTERNAL"], "price_precision") == "3"
    no_name = "which nautilus_trader has no name for"
    assert dict(job.losses) == {
        "bars that came again, or after later ones": 2, "bars that were still in the making at the end": 1,
        f"bars of 1 week made of TRADES, {no_name}": 1,
        f"bars of 1 min made of OPTION_IMPLIED_VOLATILITY, {no_name}": 1,
        f"bars of unknown size made of unknown data, {no_name}": 1, "bars whose date could not be read": 1}


def unraw(raw: bytes) -> float:
    return float(Decimal(int.from_bytes(raw, "little", signed=True)) / 10**16)


@pytest.mark.parametrize("job", [{"table": "ticks"}, {"table": "midpoints"}, {"table": "trades", "every": "1 month"},
                                 {"table": "trades", "every": "1500 microseconds"}])
def test_what_a_catalog_has_no_place_for_is_refused(made: MadeLake, job: dict[str, Any]) -> None:
    made.trade(0, 1.0)
    with pytest.raises(QueryError):
        nautilus.rows(Job(made.lake, TABLES[job.pop("table")], **job))


KINDS: list[tuple[str, str, dict[str, Any], str]] = [
    # security type, symbol, more details, id
    ("STK", "BRK B", {"primary_exchange": "NYSE", "exchange": "SMART"}, "BRK-B.NYSE"),
    ("STK", "7203", {"primary_exchange": "TSEJ", "exchange": "TSE.JPN"}, "7203.TSE/JPN"),
    ("OPT", "AAPL  261218C00200000", {"primary_exchange": None, "right": "C", "strike": 200.0, "multiplier": "100",
                                      "last_trade_date": "20261218", "underlying_security_type": "STK"},
     "AAPL261218C00200000.SMART"),
    ("FUT", "ESZ6", {"exchange": "CME", "last_trade_date": "20261218", "last_trade_time": "08:30:00",
                     "multiplier": "50", "time_zone": "US/Central", "underlying_security_type": "IND"}, "ESZ6.CME"),
    ("FUT", "ZC   MAR 27", {"exchange": "CBOT", "last_trade_date": "20270312", "multiplier": "5000",
                            "price_magnifier": 100, "min_tick": 0.25}, "ZCH7.CBOT"),
    ("FUT", "FDXM 20261218 M", {"exchange": "EUREX", "last_trade_date": "20261218"}, "FDXM 20261218 M=FUT.EUREX"),
    ("FOP", "ESZ6 P5900", {"exchange": "CME", "right": "P", "strike": 5900.0, "last_trade_date": "20261218"},
     "ESZ6 P5900.CME"),
    ("CASH", "EUR.USD", {"exchange": "IDEALPRO", "ib_symbol": "EUR", "min_tick": 0.00005}, "EUR/USD.IDEALPRO"),
    ("CRYPTO", "BTC.USD", {"exchange": "PAXOS", "ib_symbol": "BTC", "min_tick": 0.25, "min_size": 1e-8,
                           "size_increment": 1e-8}, "BTC/USD.PAXOS"),
    ("IND", "SPX", {"exchange": "CBOE", "primary_exchange": None}, "^SPX.CBOE"),
    ("CFD", "AAPLn", {"ib_symbol": "AAPL", "underlying_security_type": "STK"}, "AAPL.IBCFD"),
    ("CFD", "EUR.USD", {"ib_symbol": "EUR", "underlying_security_type": "CASH"}, "EUR/USD.IBCFD"),
    ("CMDTY", "XAUUSD", {}, "XAUUSD.IBCMDTY"),
    # And those that are not written.
    ("BOND", "T 4 1/8 08/15/53", {}, "T 4 1/8 08/15/53=BOND.NASDAQ"),
    ("FUT", "NGF7", {"exchange": "NYMEX"}, "NGF7.NYMEX"),
    ("OPT", "MSFT  261218P00400000", {"last_trade_date": "20261218", "strike": 400.0}, "MSFT261218P00400000.NASDAQ"),
    ("STK", "XYZ", {"currency": None}, "XYZ.NASDAQ"),
]


@pytest.mark.slow
def test_definitions_are_read_by_the_library(made: MadeLake, tmp_path: Path) -> None:
    for contract_id, (kind, symbol, more, name) in enumerate(KINDS, 1):
        detail(made, contract_id, symbol, kind, **more)
        assert identity(made.rows["instruments"][-1]) == name
    job = export(made.lake, tmp_path / "catalog", "instruments")
    assert dict(job.losses) == {"definitions of BOND, for which nautilus_trader has no class": 1,
                                "definitions for which IB sent no currency, last trading day, strike or right": 3}
    found = read(tmp_path / "catalog", tmp_path / "found")
    assert [one for one in found["written"] if not one["same"]] == []
    by_id = {one["id"]: one for one in found["instruments"]}
    assert sorted(by_id) == sorted(name for *_, name in KINDS[:-4])
    assert {name: by_id[name]["type"] for name in ("BRK-B.NYSE", "BTC/USD.PAXOS", "^SPX.CBOE", "XAUUSD.IBCMDTY")} == {
        "BRK-B.NYSE": "Equity", "BTC/USD.PAXOS": "CurrencyPair", "^SPX.CBOE": "IndexInstrument",
        "XAUUSD.IBCMDTY": "Commodity"}
    assert expected(by_id["AAPL261218C00200000.SMART"], option_kind="CALL", strike_price="200.00", multiplier="100",
                    asset_class="EQUITY", expiration_ns=ns(datetime(2026, 12, 19, tzinfo=UTC)))
    assert expected(by_id["ESZ6.CME"], multiplier="50", asset_class="INDEX",
                    expiration_ns=ns(datetime(2026, 12, 18, 14, 30, tzinfo=UTC)))
    # Prices in cents: a whole one is worth 50 dollars.
    assert expected(by_id["ZCH7.CBOT"], multiplier="50", price_increment="0.25")
    assert expected(by_id["BTC/USD.PAXOS"], base_currency="BTC", quote_currency="USD", size_precision=8,
                    size_increment="0.00000001")
    assert expected(by_id["EUR/USD.IDEALPRO"], price_precision=5, price_increment="0.00005", size_precision=0)
    assert expected(by_id["EUR/USD.IBCFD"], base_currency="EUR", asset_class="FX")
    assert expected(by_id["AAPL.IBCFD"], base_currency=None)
    assert by_id["BRK-B.NYSE"]["info"]["symbol"] == "BRK B"


@pytest.mark.slow
def test_the_library_reads_the_numbers_that_were_recorded(made: MadeLake, tmp_path: Path) -> None:
    detail(made, IDS["AAPL"], "AAPL", "STK")
    detail(made, IDS["ESZ6"], "CLF7", "FUT", exchange="NYMEX", last_trade_date="20261221", multiplier="1000")
    detail(made, IDS["MSFT"], "BTC.USD", "CRYPTO", ib_symbol="BTC", exchange="PAXOS", min_tick=0.25)
    sent = {"AAPL.NASDAQ": ("AAPL", [(280.33, 100.0), (280.335, 3.0), (280.3301, 1.0), (0.0001, 12.0)], (4, 0)),
            "CLF7.NYMEX": ("ESZ6", [(-37.63, 1.0), (0.0, 2.0), (0.01, 3.0)], (2, 0)),
            "BTC/USD.PAXOS": ("MSFT", [(96_800.25, 0.1), (96_800.5, 0.2), (96_801.0, 0.00012345),
                                       (1e6, 21_000_000.0)], (2, 8))}
    for symbol, trades, _ in sent.values():
        for second, (price, size) in enumerate(trades):
            made.trade(second, price, size, symbol=symbol, ts_event=NOON)
            made.quote(second, price, price + 1, symbol=symbol, bid_size=size, ask_size=0.0)
    for table in ("trades", "quotes", "instruments"):
        assert not export(made.lake, tmp_path / "catalog", table).losses
    assert not export(made.lake, tmp_path / "catalog", "trades", every="1 minute").losses
    found = read(tmp_path / "catalog", tmp_path / "found")
    assert [one for one in found["written"] if not one["same"]] == []
    assert found["backtest"] == {"trade_ticks": 11, "quote_ticks": 11, "bars": 3}
    for name, (_, trades, decimals) in sent.items():
        ticks = of(found["trade_ticks"], name)
        assert [(one["price"], one["size"]) for one in ticks] == [
            (f"{price:.{decimals[0]}f}", f"{size:.{decimals[1]}f}") for price, size in trades]
        assert columns(of(found["quote_ticks"], name), "bid_price", "ask_price", "bid_size", "ask_size") == [
            (price, float(f"{price + 1:.4f}"), size, 0.0) for price, size in trades]
        assert [one["ts_event"] for one in ticks] == [ns(NOON)] * len(ticks)
    [bar] = of(found["bars"], "BTC/USD.PAXOS-1-MINUTE-LAST-EXTERNAL")
    assert bar["volume"] == "21000000.30012345"


def expected(found: dict[str, Any], **values: Any) -> bool:
    assert {name: found[name] for name in values} == values
    return True


@given(st.lists(st.tuples(st.integers(-(10**13), 10**13)), min_size=1, max_size=50), st.integers(0, 9))
def test_decimal_numbers_are_exact(units: list[tuple[int]], decimals: int) -> None:
    values = np.array([float(Decimal(one) / 10**decimals) for (one,) in units])
    raw, rounded = numbers(values, decimals)
    assert rounded == 0
    assert [int.from_bytes(one, "little", signed=True) for one in raw.to_pylist()] == [
        one * 10 ** (16 - decimals) for (one,) in units]


def test_steps_widths_and_names() -> None:
    assert [decimals_of(step) for step in (0.01, 0.25, 5e-05, 1.0, None, 1e-8, 1 / 3)] == [2, 2, 5, 0, 0, 8, 9]
    assert [bar_specification(us) for us in (60_000_000, 86_400_000_000, 90_000_000, 500_000, 1_500)] == [
        "1-MINUTE", "1-DAY", "90-SECOND", "500-MILLISECOND", None]
    assert [width_of(size) for size in ("5 secs", "1 min", "8 hours", "1 day", "1 month", "")] == [
        5_000_000, 60_000_000, 28_800_000_000, 86_400_000_000, None, None]
    assert file_name(2, 1_700_000_000_123_456_789) == (
        "1970-01-01T00-00-00-000000002Z_2023-11-14T22-13-20-123456789Z.parquet")
    assert expiration_ns({"last_trade_date": "202612", "last_trade_time": None, "time_zone": None}) is None
    day = {"last_trade_date": "20261218", "last_trade_time": None, "time_zone": "no such zone"}
    assert expiration_ns(day) == ns(datetime(2026, 12, 19, tzinfo=UTC))
    ends = datetime(2026, 12, 18, 21, tzinfo=UTC)
    assert expiration_ns(day | {"last_trade_ts": ends}) == ns(ends)
    assert expiration_ns(day | {"last_trade_time": "16:00", "time_zone": "EST (Eastern Standard Time)"}) == ns(ends)


def test_few_files_are_open_and_those_of_a_folder_have_no_time_in_common(tmp_path: Path) -> None:
    files = Files(tmp_path, most_open=1)

    def write(name: str, first: int) -> None:
        times = pa.array(np.arange(first, first + 10_001, dtype=np.uint64))  # more than a row group, so that it begins
        files.write("trade_tick", name, pa.record_batch([times], names=["ts_init"]))
        files.rest(first + 10_000)

    def unfinished() -> list[str]:
        return sorted(path.parent.name for path in tmp_path.rglob("unfinished"))

    write("A.X", 0)
    write("B/C.X", 0)
    assert unfinished() == ["A.X", "BC.X"]  # rows of the same time may follow in both
    write("D.X", 10_000)
    assert unfinished() == ["D.X"]
    write("A.X", 10_001)
    files.close()
    assert unfinished() == []
    first, second = sorted(file.stem.split("_") for file in (tmp_path / "data" / "trade_tick" / "A.X").iterdir())
    assert first[1] < second[0]
    assert [len(rows) for rows in on_disk(tmp_path, "trade_tick").values()] == [20_002, 10_001, 10_001]


BOOKS = st.lists(st.tuples(st.booleans(), st.lists(st.integers(1, 4), max_size=3),
                           st.lists(st.integers(5, 8), max_size=3), st.integers(1, 3)), min_size=1, max_size=12)


@settings(deadline=None)
@given(BOOKS, st.integers(1, 4))
def test_deltas_say_rightly_what_is_new_changed_and_gone(books: list[Any], step: int) -> None:
    form, held, sequence = Book(), dict[tuple[int, float], float](), 0
    for at in range(0, len(books), step):
        some = books[at:at + step]
        deltas = form.deltas(snapshots(some, at)).to_pylist()
        for place, (valid, bids, asks, size) in enumerate(some, at):
            mine = [one for one in deltas if ns(one["ts"]) == place * 1_000]
            for one in mine:
                apply(held, one)
            wanted = [(BUY, price) for price in bids] + [(SELL, price) for price in asks] if valid else []
            assert held == {key: size * wanted.count(key) for key in wanted}
            assert [bool(one["flags"] & F_LAST) for one in mine] == [False] * (len(mine) - 1) + [True] * bool(mine)
            sequence += bool(mine)
            assert {one["sequence"] for one in mine} <= {sequence}


def apply(held: dict[tuple[int, float], float], delta: dict[str, Any]) -> None:
    key = (delta["side"], delta["price"])
    if delta["action"] == CLEAR:
        held.clear()
    elif delta["action"] == DELETE:
        del held[key]
    else:
        assert (key in held) == (delta["action"] == UPDATE)
        held[key] = delta["size"]


def snapshots(books: list[Any], first: int) -> pa.RecordBatch:
    """Return books as `source.books` does; a book's number is its time in microseconds."""
    columns: dict[str, Any] = {
        "ts": pa.array([first + place for place in range(len(books))], pa.timestamp("us", "UTC")),
        "symbol": pa.array(["A"] * len(books)).dictionary_encode(), "instrument_id": pa.array([1] * len(books)),
        "valid": pa.array([valid for valid, *_ in books])}
    for level in range(3):
        for side, which in (("bid", 1), ("ask", 2)):
            there = [book[0] and level < len(book[which]) for book in books]
            columns[f"{side}_px_{level:02}"] = pa.array([float(book[which][level]) if yes else None for yes, book in
                                                         zip(there, books, strict=True)], pa.float64())
            columns[f"{side}_sz_{level:02}"] = pa.array([float(book[3]) if yes else None for yes, book in
                                                         zip(there, books, strict=True)], pa.float64())
    return pa.record_batch(columns)
