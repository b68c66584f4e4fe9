"""The questions of the query benchmark as an ArcticDB user would ask them: LMDB, a library per table, a key per symbol.

    python arctic_questions.py write LAKE LIBRARY       writes the rows of a lake's archive
    python arctic_questions.py ask LIBRARY              answers questions, one line of JSON each, both ways

Frames are indexed by time and hold every column but those that say the same in all rows of a key. Bars and volumes
are computed by ArcticDB's own resampling, all keys in one batch; joins by pandas.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import arcticdb  # type: ignore[import-not-found]  # in its own environment only
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds
from arcticdb.config import set_log_level  # type: ignore[import-not-found]  # likewise

CONSTANT = ["row", "recorder", "instrument_id", "symbol", "stream", "request_id", "origin", "date"]
MAP_BYTES = 64 << 30  # the most that LMDB may map; files grow with what is in them
DAYS_AT_ONCE = 10
BARS = {"open": ("price", "first"), "high": ("price", "max"), "low": ("price", "min"), "close": ("price", "last"),
        "volume": ("size", "sum")}


def write(lake: Path, home: Path) -> None:
    """Write quotes and trades of all days, some days at a time, as a user who keeps an archive would."""
    store = arcticdb.Arctic(f"lmdb://{home}?map_size={MAP_BYTES >> 30}GB")
    for table in ("quotes", "trades"):
        library = store.create_library(table)
        files = sorted((lake / "archive" / table).glob("date=2*/*.parquet"))
        for first in range(0, len(files), DAYS_AT_ONCE):
            rows = ds.dataset(files[first : first + DAYS_AT_ONCE]).to_table().combine_chunks()
            rows = rows.sort_by([("symbol", "ascending"), ("ts", "ascending")])
            symbols = rows["symbol"].dictionary_encode().combine_chunks()
            for place, symbol in enumerate(symbols.dictionary.to_pylist()):
                mine = rows.filter(pc.equal(symbols.indices, place))
                frame = mine.drop_columns([name for name in CONSTANT if name in mine.column_names]).to_pandas()
                library.append(symbol, frame.set_index("ts").tz_convert(None))


class Answers:
    """An open store; each method is a question."""

    def __init__(self, home: str) -> None:
        store = arcticdb.Arctic(f"lmdb://{home}?map_size={MAP_BYTES >> 30}GB")
        self.quotes, self.trades = store["quotes"], store["trades"]

    def symbol_day(self, symbol: str, day: str) -> pd.DataFrame:
        """Return one symbol-day of quotes."""
        return _read(self.quotes, symbol, day, ["bid_price", "ask_price", "bid_size", "ask_size"])

    def minute_bars(self, symbol: str, day: str) -> pd.DataFrame:
        """Return one-minute bars of a symbol."""
        query = arcticdb.QueryBuilder().resample("1min").agg(BARS)
        return self.trades.read(symbol, query_builder=query).data

    def as_of(self, symbol: str, day: str) -> pd.DataFrame:
        """Return trades of one symbol-day with the quote before each."""
        trades = _read(self.trades, symbol, day, ["price", "size"])
        quotes = _read(self.quotes, symbol, day, ["bid_price", "ask_price"])
        return pd.merge_asof(trades, quotes, left_index=True, right_index=True)

    def last_quotes(self, symbol: str, day: str) -> pd.DataFrame:
        """Return the last quote of every symbol at 18:00."""
        span = (pd.Timestamp(day), pd.Timestamp(f"{day}T18:00"))
        requests = [arcticdb.ReadRequest(key, date_range=span, columns=["bid_price", "ask_price"])
                    for key in self.quotes.list_symbols()]
        return pd.concat([found.data.iloc[-1:].assign(symbol=found.symbol)
                          for found in self.quotes.read_batch(requests)])

    def daily_volume(self, symbol: str, day: str) -> pd.DataFrame:
        """Return the volume of every symbol on every day."""
        query = arcticdb.QueryBuilder().resample("1D").agg({"volume": ("size", "sum")})
        requests = [arcticdb.ReadRequest(key, query_builder=query) for key in self.trades.list_symbols()]
        return pd.concat([found.data.assign(symbol=found.symbol) for found in self.trades.read_batch(requests)])


def _read(library: Any, symbol: str, day: str, columns: list[str]) -> pd.DataFrame:
    begin = pd.Timestamp(day)
    end = begin + pd.Timedelta(days=1) - pd.Timedelta(1)  # both ends are included
    return library.read(symbol, date_range=(begin, end), columns=columns).data


def ask(home: str) -> None:
    """Answer questions: {name, symbol, day, fresh, summed} gives {seconds, comes_to}; `fresh` opens the store anew."""
    answers = Answers(home)
    for line in sys.stdin:
        asked = json.loads(line)
        begin = time.perf_counter()
        if asked["fresh"]:
            answers = Answers(home)
        frame = getattr(answers, asked["name"])(asked["symbol"], asked["day"])
        seconds = time.perf_counter() - begin
        sums = [float(frame[column].sum()) for column in asked["summed"]]
        print(json.dumps({"seconds": seconds, "comes_to": [len(frame), *sums]}), flush=True)


if __name__ == "__main__":
    set_log_level("ERROR")  # it remarks on every column that holds nothing
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        ask(sys.argv[2])
