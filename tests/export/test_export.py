"""What an export holds, where it is written, and what its manifest says."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import capture
from capture.export import AskedError, ExistsError, parquet, source
from capture.export import manifest as export_manifest
from capture.query import QueryError
from capture.schemas import TABLES
from tests.lake.functions.conftest import IDS, NOON, MadeLake
from tests.replay.conftest import DAYS


def read(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def answer(given: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = given.arrow().to_pylist()
    return rows


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


CHOICES: dict[str, dict[str, Any]] = {
    "all": {},
    "an instrument": {"instruments": "AAPL"},
    "by number": {"instruments": [2]},
    "a symbol and a number": {"instruments": ["AAPL", 2]},
    "a range": {"start": DAYS[0] + timedelta(seconds=10), "end": DAYS[2]},
    "a stream": {"stream": "all_last"},
    "columns": {"columns": ["price", "ts"]},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_the_rows_are_those_of_the_lake(lake: capture.Lake, tmp_path: Path, choice: str) -> None:
    done = lake.export("trades", tmp_path / "rows.parquet", **CHOICES[choice])
    expected = answer(lake.rows("trades", **CHOICES[choice]))
    assert read(tmp_path / "rows.parquet") == expected
    assert done.rows == len(expected) > 0
    assert done.size_bytes == (tmp_path / "rows.parquet").stat().st_size
    assert not done.losses


def test_a_recorder_can_be_chosen(lake: capture.Lake, tmp_path: Path) -> None:
    lake.export("quotes", tmp_path / "rows.parquet", recorder="second")
    assert {row["recorder"] for row in read(tmp_path / "rows.parquet")} == {"second"}


@pytest.mark.parametrize("given", [{}, {"instruments": "MSFT"}, {"instruments": [1]}, {"start": DAYS[1]},
                                   {"start": DAYS[0] + timedelta(seconds=7), "end": DAYS[1] + timedelta(seconds=9)}])
def test_once_is_what_the_function_says(
    lake: capture.Lake, tmp_path: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SPAN_ROWS", 50)
    lake.export("trades", tmp_path / "rows.parquet", once=True, **given)
    symbols = {"MSFT": "MSFT", "[1]": "AAPL"}.get(str(given.get("instruments")))
    expected = answer(lake.trades_once(symbols, given.get("start"), given.get("end"), with_unreported=True))
    assert read(tmp_path / "rows.parquet") == expected
    assert len(expected) > 10


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints"])
@pytest.mark.parametrize("columns", [None, ["size", "ts"], ["ts", "symbol"]])
@pytest.mark.parametrize("unreported", [True, False])
def test_once_is_the_same_where_everything_is_there_once(
    made: MadeLake, tmp_path: Path, table: str, columns: list[str] | None, unreported: bool
) -> None:
    for second in range(20):
        halted = second % 5 == 0
        made.trade(second, None if halted else 100.0 + second, unreported=second % 3 == 0)
        made.quote(second, 99.0, None if halted else 101.0, symbol="MSFT")
        made.add("midpoints", second, price=100.0)
    made.rows["trades"][2] |= {"instrument_id": None}
    made.rows["trades"][3] |= {"stream": "history"}
    made.rows["quotes"][4] |= {"stream": "snapshot"}
    lake, chosen = made.lake, [one for one in columns or () if one in TABLES[table].schema.names] or None
    done = lake.export(table, tmp_path / "rows.parquet", once=True, columns=chosen, unreported=unreported)
    more = {"with_unreported": unreported} if table == "trades" else {}
    expected = answer(getattr(lake, f"{table}_once")(None, None, None, **more))
    assert read(tmp_path / "rows.parquet") == [{name: row[name] for name in chosen or row} for row in expected]
    assert len(expected) > 8
    assert done.losses == ({"rows without a contract id, left out, as nobody knows whether they are there twice": 1}
                           if table == "trades" else {})  # fmt: skip


@pytest.mark.parametrize("width", ["1 minute", "7 minutes", "1 day"])
@pytest.mark.parametrize("table", ["trades", "quotes"])
def test_bars_are_those_of_the_functions(lake: capture.Lake, tmp_path: Path, table: str, width: str) -> None:
    lake.export(table, tmp_path / "bars.parquet", every=width)
    made = lake.time_bars if table == "trades" else lake.quote_bars
    expected = answer(made(None, width, None, None))
    key = ("ts", "symbol")
    assert read(tmp_path / "bars.parquet") == sorted(expected, key=lambda row: [row[name] for name in key])


def test_snapshots_of_books_come_in_order_of_time(lake: capture.Lake, tmp_path: Path) -> None:
    span: dict[str, Any] = {"start": DAYS[0], "end": DAYS[0] + timedelta(minutes=2)}
    lake.export("depth", tmp_path / "books.parquet", every="10 seconds", recorder="main", **span)
    expected = answer(lake.book_snapshots(["AAPL", "MSFT"], every="10 seconds", recorded_by="main", **span))
    rows = read(tmp_path / "books.parquet")
    assert [row["ts"] for row in rows] == sorted(row["ts"] for row in expected)
    assert sorted(rows, key=str) == sorted(expected, key=str)
    assert any(row["valid"] for row in rows)


def test_of_several_books_one_is_to_be_named(lake: capture.Lake, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"AAPL has several order books: .* of recorder second"):
        lake.export("depth", tmp_path / "books.parquet", every="1 second")


@pytest.mark.parametrize("by", [["symbol"], ["date"], ["symbol", "date"], ["date", "symbol"]])
def test_parts_together_are_the_whole(lake: capture.Lake, tmp_path: Path, by: list[str]) -> None:
    done = lake.export("trades", tmp_path / "parts", by=by, format="parquet")
    expected = answer(lake.rows("trades"))
    folders = {"symbol": ["AAPL", "MSFT"], "date": [f"date={day.date()}" for day in DAYS]}
    files = [f"{'/'.join(path)}/trades.parquet" for path in
             ([[one] for one in folders[by[0]]] if len(by) == 1 else
              [[one, two] for one in folders[by[0]] for two in folders[by[1]]])]  # fmt: skip
    assert names(tmp_path / "parts") == sorted(files)
    assert done.manifest == tmp_path / "parts.trades.manifest.json"
    said = json.loads(done.manifest.read_text())
    assert [datetime.fromisoformat(said[f"{one}_ts"]) for one in ("first", "last")] == [
        expected[0]["ts"], expected[-1]["ts"]]
    assert [file["path"] for file in done.said["files"]] == sorted(files)
    key = ["ts", "recorder", "seq", "row"]
    frame = pl.read_parquet(tmp_path / "parts" / "**" / "*.parquet", hive_partitioning=False).sort(key)
    columns = [name for name in expected[0] if name != "date"]
    assert frame.select(columns).to_dicts() == [{name: row[name] for name in columns} for row in expected]
    for rows in (pd.read_parquet(tmp_path / "parts"), pl.read_parquet(tmp_path / "parts").to_pandas()):
        assert sorted(map(str, rows["symbol"])) == sorted(row["symbol"] for row in expected)
    columns = list(expected[0])
    dataset = pa.dataset.dataset(tmp_path / "parts", format="parquet", partitioning="hive")
    assert dataset.to_table(columns=columns).sort_by([(name, "ascending") for name in key]).to_pylist() == expected
    found = f"read_parquet('{tmp_path}/parts/**/*.parquet', hive_partitioning=true)"
    for name in by:
        counted = duckdb.connect().execute(f"select {name}, count(*) from {found} group by all order by all").fetchall()
        assert counted == sorted(Counter(row["ts"].date() if name == "date" else row[name] for row in expected).items())
    for file in files:
        rows = read(tmp_path / "parts" / file)
        assert rows == sorted(rows, key=lambda row: [row[name] for name in key])


def symbols_read(folder: Path) -> dict[str, list[Any]]:
    """The symbols of exported rows as readers give them that nobody told anything."""
    rows = duckdb.connect().execute(f"select symbol from '{folder}/**/*.parquet'").fetchall()
    return {
        "duckdb": [symbol for (symbol,) in rows],
        "polars": pl.read_parquet(folder)["symbol"].to_list(),
        "pyarrow": pa.dataset.dataset(folder, partitioning="hive").to_table()["symbol"].to_pylist(),
        "pandas": list(pd.read_parquet(folder)["symbol"]),
    }


@pytest.mark.parametrize("odd", [
    ["700", "005930"], ["1E5"], ["TRUE"], ["NULL"], ["NAN"], ["2026-11-18"],
    ["BRK B", "EUR.USD", "A/B", "50%", "A%2FB", "A=B", "date=5", "ä=1", "..", ".X", "_X", "EVE.", "", "X", "700"],
], ids=["digits", "exponent", "true", "null", "nan", "date", "odd"])
@pytest.mark.parametrize("by", [["symbol"], ["symbol", "date"]])
def test_symbols_stay_text_in_parts_whatever_they_look_like(
    made: MadeLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: list[str], by: list[str]
) -> None:
    for number, symbol in enumerate(odd):
        monkeypatch.setitem(IDS, symbol, number + 1)
        made.trade(number, 1.0 + number, symbol=symbol)
    made.lake.export("trades", tmp_path / "parts", by=by, format="parquet")
    assert len(list((tmp_path / "parts").iterdir())) == len(odd)
    for reader, found in symbols_read(tmp_path / "parts").items():
        assert sorted(found, key=str) == sorted(odd), reader
    assert not (tmp_path / "trades.parquet").exists()


def test_a_file_is_replaced_only_by_force(lake: capture.Lake, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    with pytest.raises(ExistsError, match=r"rows\.csv is there already.*--force"):
        lake.export("trades", path)
    assert path.read_text() == "mine"
    assert names(tmp_path) == ["rows.csv"]
    lake.export("trades", path, force=True)
    assert path.read_text() != "mine"


def test_into_a_folder_one_can_export_again(lake: capture.Lake, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    parts: dict[str, Any] = {"by": ["date"], "format": "parquet"}
    lake.export("trades", folder, end=DAYS[1], **parts)
    lake.export("trades", folder, start=DAYS[1], **parts)
    lake.export("quotes", folder, **parts)
    both = ("trades", "quotes")
    assert names(folder) == sorted(f"date={day.date()}/{table}.parquet" for day in DAYS for table in both)
    manifests = sorted(path.name for path in tmp_path.glob("*.json"))
    assert manifests == [f"all.{name}.manifest.json" for name in ("quotes", "trades-2", "trades")]
    with pytest.raises(ExistsError, match=r"the same was exported .* before, as .*all\.quotes\.manifest\.json says"):
        lake.export("quotes", folder, **parts)
    with pytest.raises(ExistsError, match=r"trades\.parquet is there already"):
        lake.export("trades", folder, **parts)
    (folder / "mine.txt").write_text("mine")
    before = names(folder)
    lake.export("trades", folder, start=DAYS[2], force=True, **parts)
    assert names(folder) == before
    manifests = sorted(path.name for path in tmp_path.glob("all.trades*.json"))
    assert manifests == [f"all.{name}.manifest.json" for name in ("trades-2", "trades-3", "trades")]  # of files there
    lake.export("trades", folder, force=True, **parts)
    assert names(folder) == before
    assert len(list(tmp_path.glob("all.trades*.json"))) == 1
    for number, text in enumerate(["{}", "[]", "no json", '{"files": 1}', '{"files": [1, {}]}']):
        (tmp_path / f"all.trades-{number}.manifest.json").write_text(text)
    lake.export("trades", folder, force=True, **parts)
    assert len(list(tmp_path.glob("all.trades-?.manifest.json"))) == 5


def test_nothing_is_written_into_the_lake(lake: capture.Lake, recorded: Path) -> None:
    for place in (recorded, recorded / "rows.parquet", recorded / "archive" / "trades", recorded / "x/../rows.csv"):
        with pytest.raises(AskedError, match="in the lake's own folder"):
            lake.export("trades", place, format="parquet", force=True)


def test_what_is_no_file_is_not_replaced(lake: capture.Lake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ExistsError, match="no file that could be replaced"):
        lake.export("trades", tmp_path / "pipe.csv", force=True)


def test_a_text_is_one_name(lake: capture.Lake, tmp_path: Path) -> None:
    lake.export("trades", tmp_path / "parts", by="symbol", columns="price", format="parquet")
    assert names(tmp_path / "parts") == ["AAPL/trades.parquet", "MSFT/trades.parquet"]
    assert list(read(tmp_path / "parts" / "AAPL" / "trades.parquet")[0]) == ["symbol", "price"]


def test_into_this_folder(lake: capture.Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    lake.export("trades", ".", by=["date"], format="parquet")
    assert names(tmp_path / "here") == [f"date={day.date()}/trades.parquet" for day in DAYS]


def test_rows_of_history_are_counted_and_can_be_left_out(lake: capture.Lake, tmp_path: Path) -> None:
    every = lake.export("trades", tmp_path / "every.parquet", columns=["price"])
    live = lake.export("trades", tmp_path / "live.parquet", restored=False, once=True)
    rows = answer(lake.rows("trades"))
    assert every.said["restored_rows"] == sum(row["origin"] == "backfill" for row in rows) > 0
    assert live.said["restored_rows"] == 0
    assert {row["origin"] for row in read(tmp_path / "live.parquet")} == {"live"}


def test_bars_and_rows_of_a_table_are_in_a_folder_side_by_side(lake: capture.Lake, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    lake.export("trades", folder / "ticks", by=["date"], format="csv")
    lake.export("trades", folder / "ticks", by=["date"], format="parquet", every="1 minute")
    assert {path.name for path in (folder / "ticks").rglob("*.*")} == {"trades.csv", "trades-every-1-minute.parquet"}


def test_a_file_in_a_folder_that_is_of_nobody_is_not_replaced(lake: capture.Lake, tmp_path: Path) -> None:
    mine = tmp_path / "all" / f"date={DAYS[1].date()}" / "trades.parquet"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ExistsError, match=r"trades\.parquet is there already"):
        lake.export("trades", tmp_path / "all", by=["date"], format="parquet")
    assert names(tmp_path) == [str(mine.relative_to(tmp_path))]
    assert mine.read_text() == "mine"


def test_what_is_of_another_kind_is_in_the_way(lake: capture.Lake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(ExistsError, match="is a file"):
        lake.export("trades", tmp_path / "file", by=["date"], format="csv", force=True)
    with pytest.raises(ExistsError, match="is a folder"):
        lake.export("trades", tmp_path / "rows.csv", force=True)


def test_what_fails_half_way_leaves_everything_as_it_was(
    lake: capture.Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.parquet").write_text("mine")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.ParquetWriter, "close", fail)
    with pytest.raises(OSError, match="No space left"):
        lake.export("trades", tmp_path / "rows.parquet", force=True)
    assert names(tmp_path) == ["rows.parquet"]
    assert (tmp_path / "rows.parquet").read_text() == "mine"


@pytest.mark.slow
def test_one_that_is_killed_leaves_nothing_to_be_seen_and_the_next_clears_up(recorded: Path, tmp_path: Path) -> None:
    program = ("import sys, time, capture; capture.open_lake(sys.argv[1]).export('trades', sys.argv[2], "
               "progress=lambda *_: (print('under way', flush=True), time.sleep(60)))")
    path = tmp_path / "rows.parquet"
    command = [sys.executable, "-c", program, str(recorded), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGKILL)
    assert [one.name[0] for one in tmp_path.iterdir()] == ["."]
    with capture.open_lake(recorded) as lake:
        lake.export("trades", path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["rows.parquet", "rows.parquet.manifest.json"]


@pytest.mark.parametrize("step", ["written", "put"])
@pytest.mark.parametrize("by", [(), ("symbol",)])
def test_an_export_whose_manifest_fails_leaves_nothing(
    lake: capture.Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: tuple[str, ...], step: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = tmp_path / "rows" / "kept.txt"
    if by:
        kept.parent.mkdir()
        kept.touch()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(export_manifest, "publish" if step == "written" else "_put", full)
    with pytest.raises(OSError, match="No space"):
        lake.export("trades", tmp_path / ("rows" if by else "rows.parquet"), by=by, format="parquet")
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [one for one in before if one.is_file()]


def test_the_manifest_says_what_it_is(lake: capture.Lake, tmp_path: Path, recorded: Path) -> None:
    done = lake.export("trades", tmp_path / "rows.csv", ["AAPL", "NONE"], DAYS[0], once=True)
    said = json.loads(done.manifest.read_text())
    rows = answer(lake.trades_once("AAPL", DAYS[0], None, with_unreported=True))
    assert done.manifest == tmp_path / "rows.csv.manifest.json"
    assert said["lake"] == str(recorded)
    assert said["recorders"] == ["main", "second"]
    assert said["format"] == "csv"
    assert said["asked"]["instruments"] == ["AAPL", "NONE"]
    assert said["asked"]["start"] == DAYS[0].isoformat()
    assert said["asked"]["once"] is True
    assert datetime.fromisoformat(said["span"]["from"]) == DAYS[0]
    assert datetime.fromisoformat(said["span"]["to"]) > rows[-1]["ts"]
    assert said["rows"] == len(rows)
    assert said["symbols"] == {"AAPL": len(rows)}
    assert datetime.fromisoformat(said["first_ts"]) == rows[0]["ts"]
    assert datetime.fromisoformat(said["last_ts"]) == rows[-1]["ts"]
    assert said["files"] == [{"path": "rows.csv", "size_bytes": (tmp_path / "rows.csv").stat().st_size}]
    assert said["lost"] == done.losses == {"NONE: nothing was recorded of it": 1}
    price = next(column for column in said["columns"] if column["name"] == "price")
    assert price["unit"] == "instrument's price units"
    assert {row["symbol"] for row in said["coverage"]} == {"AAPL"}
    assert {row["stream"] for row in said["gaps"]} <= {"all_last", "last"}
    assert len(said["gaps"]) == lake.sql(
        "select count(distinct gap_id) from gaps where symbol = 'AAPL' and stream = 'all_last'").rows()[0][0]


def covered(made: MadeLake, monkeypatch: pytest.MonkeyPatch) -> capture.Lake:
    """Return a lake of two days, of which half of the first is missing, and little of the second."""
    made.add("subscriptions", 0, stream="all_last", event="requested", parameters="{}")
    for day, lost_s in ((0, 39_000), (1, 600)):
        begin = NOON + timedelta(days=day)
        for minute in range(0, 700, 10):
            made.trade(begin + timedelta(minutes=minute), 100.0 + minute)
        made.gap(86_400 * day, 86_400 * day + lost_s, state="closed", gap_id=f"g{day}")
    heard = {"main": (NOON + timedelta(days=9)).timestamp()}  # though there is no tape
    monkeypatch.setattr(capture.Lake, "heard", lambda self: heard)
    return made.lake


def test_days_that_are_not_covered_are_left_out(
    made: MadeLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = covered(made, monkeypatch)
    shares = {row["day"]: row["share"] for row in lake.coverage(["AAPL"], NOON, NOON + timedelta(days=1, hours=12))}
    first, second = sorted(shares)[:2]
    assert shares[first] < 0.5 < shares[second]
    end = NOON + timedelta(days=1, hours=12)
    done = lake.export("trades", tmp_path / "rows.parquet", end=end, min_coverage=0.5)
    assert {row["ts"].date().isoformat() for row in read(tmp_path / "rows.parquet")} == {second}
    assert [(day["symbol"], day["day"]) for day in done.said["left_out_days"]] == [("AAPL", first)]
    assert {row["day"] for row in done.said["coverage"]} == set(shares)
    with pytest.raises(QueryError, match="too little was recorded"):
        lake.export("trades", tmp_path / "none.parquet", end=NOON + timedelta(hours=5), min_coverage=0.5)
    assert not (tmp_path / "none.parquet").exists()


def test_only_whole_bars(made: MadeLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = covered(made, monkeypatch)
    lake.export("trades", tmp_path / "all.parquet", every="1 hour")
    lake.export("trades", tmp_path / "whole.parquet", every="1 hour", whole=True)
    every, whole = read(tmp_path / "all.parquet"), read(tmp_path / "whole.parquet")
    assert whole == [bar for bar in every if not bar["gap_s"]]
    assert 0 < len(whole) < len(every)


def test_rows_without_a_symbol_are_in_no_part(made: MadeLake, tmp_path: Path) -> None:
    made.trade(0, 1.0)
    made.rows["trades"].append(made.rows["trades"][0] | {"symbol": None, "seq": 2})
    done = made.lake.export("trades", tmp_path / "parts", by=["symbol"], format="parquet")
    assert (done.rows, done.losses) == (1, {"rows without a symbol, which are in no part": 1})


def test_nothing_but_halts_is_nothing_once(made: MadeLake, tmp_path: Path) -> None:
    made.trade(0, None)
    for format in ("parquet", "nautilus", "dbn"):
        with pytest.raises(QueryError, match="no row is left"):
            made.lake.export("trades", tmp_path / format, once=True, format=format)


def test_where_all_is_lost_nothing_is_written(made: MadeLake, tmp_path: Path) -> None:
    made.quote(0, 1.0, 2.0)
    with pytest.raises(QueryError, match=r"nothing could be written: .*contract details were not recorded"):
        made.lake.export("quotes", tmp_path / "catalog", format="nautilus")
    assert "catalog" not in [path.name for path in tmp_path.iterdir()]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no table": ({"table": "nope"}, "there is no table 'nope'"),
    "no format": ({"path": "rows.xls"}, "does not end like a format"),
    "an unknown format": ({"format": "xls"}, "there is no format xls"),
    "a column that is none": ({"columns": ["nope"]}, "nope"),
    "nobody": ({"instruments": "NOPE"}, "nothing was recorded"),
    "a time that is none": ({"start": "tomorrow"}, "is no time"),
    "a time before the other": ({"start": "2026-01-06", "end": "2026-01-05"}, "is not after"),
    "bars of what has none": ({"table": "ticks", "every": "1 minute"}, "cannot be made into bars"),
    "bars of two dates": ({"every": "5 hours", "by": ["date"], "format": "csv"}, "lie in two dates"),
    "a column twice": ({"columns": ["price", "price"]}, "named twice"),
    "parts twice": ({"by": ["date", "date"], "format": "csv"}, "each once"),
    "another compression": ({"path": "rows.csv", "format": "csv.gz"}, "does not end in .csv.gz"),
    "live bars": ({"every": "1 minute", "restored": False}, "leave `restored` as it is"),
    "bars of no length": ({"every": "soon"}, "soon"),
    "bars of no time": ({"every": "0 seconds"}, "0 seconds"),
    "whole rows": ({"whole": True}, "only bars can be whole"),
    "a stream, once": ({"once": True, "stream": "all_last"}, "leave the stream out"),
    "parts by what is none": ({"by": ["hour"], "format": "csv"}, "by symbol and date"),
    "parts by symbol of what has none": ({"table": "sessions", "by": ["symbol"], "format": "csv"}, "have no symbol"),
    "too much coverage": ({"min_coverage": 95}, "0.95 for 95 %"),
    "a day left out of changes": ({"table": "depth", "format": "hftbacktest", "path": "x.npz", "min_coverage": 0.5},
                                  "follow from one another"),
    "the same for nautilus": ({"table": "depth", "format": "nautilus", "path": "x", "min_coverage": 0.5},
                              "follow from one another"),
    "coverage of what has none": ({"table": "instruments", "min_coverage": 0.5}, "nothing is known of how"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_written(lake: capture.Lake, tmp_path: Path, case: str) -> None:
    given, text = REFUSED[case]
    values = {"table": "trades", "path": "rows.parquet"} | given
    table, path = values.pop("table"), values.pop("path")
    with pytest.raises(QueryError, match=text):
        lake.export(table, tmp_path / path, **values)
    assert names(tmp_path) == []


def test_questions_take_little_memory_and_what_is_more_goes_to_disk_for_a_while(
    lake: capture.Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(source, "_lose_nameless", lambda job: asked.extend(job.lake.sql(
        "select current_setting('memory_limit'), current_setting('temp_directory')").rows()))
    lake.export("trades", tmp_path / "rows.parquet", once=True)
    [(memory, spill)] = asked
    assert memory == "512.0 MiB"
    assert Path(spill).parent == tmp_path
    assert names(tmp_path) == ["rows.parquet", "rows.parquet.manifest.json"]


def test_progress_is_told_with_how_much_there_is(lake: capture.Lake, tmp_path: Path) -> None:
    told: list[tuple[int, int | None, datetime]] = []
    done = lake.export("quotes", tmp_path / "rows.parquet", progress=lambda *one: told.append(one))
    assert [rows for rows, _, _ in told] == sorted({rows for rows, _, _ in told})
    assert told[-1][:2] == (done.rows, done.rows)
    assert [at for _, _, at in told] == sorted(at for _, _, at in told)
    assert told[-1][2].tzinfo is UTC


def test_the_tail_and_late_rows_are_among_them(lake: capture.Lake, tmp_path: Path) -> None:
    lake.export("trades", tmp_path / "rows.parquet")
    rows = read(tmp_path / "rows.parquet")
    assert {row["ts"].date() for row in rows} == {day.date() for day in DAYS}
    assert {row["origin"] for row in rows} == {"live", "backfill"}
