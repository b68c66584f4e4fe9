"""Reads a catalog with nautilus_trader: `CATALOG FOLDER` writes what it finds into a folder, as JSON lists of objects.

`quote_ticks`, `trade_ticks`, `order_book_deltas`, `bars` and `instruments` as the library's own catalog gives them;
`books` what its order books hold after each change; `written` which files the library itself writes of these objects
and whether they hold the same, schema and metadata included; `backtest` how many rows a backtest of all of it saw.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

# The folder of this program has a module of the library's name: itself.
sys.path.pop(0)

import pyarrow.parquet as pq
from nautilus_trader.backtest.engine import (  # type: ignore[import-not-found]  # in its own environment only
    BacktestEngine,
    BacktestEngineConfig,
)
from nautilus_trader.common.actor import Actor  # type: ignore[import-not-found]  # likewise
from nautilus_trader.config import LoggingConfig  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model import Money, Venue  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.book import OrderBook  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.currencies import USD  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.data import BarType  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.enums import AccountType, BookType, OmsType  # type: ignore[import-not-found]  # likewise
from nautilus_trader.persistence.catalog import ParquetDataCatalog  # type: ignore[import-not-found]  # likewise

F_LAST = 128


def quote(tick: Any) -> dict[str, Any]:
    return {"id": str(tick.instrument_id), "bid_price": str(tick.bid_price), "ask_price": str(tick.ask_price),
            "bid_size": str(tick.bid_size), "ask_size": str(tick.ask_size)}


def trade(tick: Any) -> dict[str, Any]:
    return {"id": str(tick.instrument_id), "price": str(tick.price), "size": str(tick.size),
            "aggressor": tick.aggressor_side.name, "trade_id": str(tick.trade_id)}


def delta(one: Any) -> dict[str, Any]:
    return {"id": str(one.instrument_id), "action": one.action.name, "side": one.order.side.name,
            "price": str(one.order.price), "size": str(one.order.size), "flags": one.flags, "sequence": one.sequence}


def bar(one: Any) -> dict[str, Any]:
    return {"id": str(one.bar_type), **{name: str(getattr(one, name)) for name in ("open", "high", "low", "close",
                                                                                   "volume")}}


def books(deltas: list[Any]) -> list[dict[str, Any]]:
    """Return the levels of each instrument's book after each of its changes."""
    made: dict[Any, OrderBook] = {}
    found = []
    for one in deltas:
        book = made.setdefault(one.instrument_id, OrderBook(one.instrument_id, BookType.L2_MBP))
        book.apply_delta(one)
        if one.flags & F_LAST:
            found.append({"id": str(one.instrument_id), "ts": one.ts_init, **{
                side: [(str(level.price), level.size()) for level in levels]
                for side, levels in (("bids", book.bids()), ("asks", book.asks()))}})
    return found


def written(ours: Path, folder: Path, objects: list[list[Any]]) -> list[dict[str, Any]]:
    """Return the files of both catalogs, and whether the library's has the same rows, schema and metadata."""
    theirs = ParquetDataCatalog(str(folder / "theirs"))
    for some in objects:
        if some:
            theirs.write_data(some)
    found = []
    for path in sorted({file.relative_to(home) for home in (ours, folder / "theirs") for file in
                        home.rglob("*.parquet")}):
        both = [home / path for home in (ours, folder / "theirs")]
        same = all(one.exists() for one in both)
        if same:
            tables = [pq.ParquetFile(one).read() for one in both]
            same = tables[0].schema.equals(tables[1].schema, check_metadata=True) and rows(tables[0]) == rows(tables[1])
        found.append({"path": str(path), "same": same})
    return found


def rows(table: Any) -> Any:
    """Return what compares: a table, or for definitions its rows, as the same JSON is written in several ways."""
    if "info" not in table.schema.names:
        return table
    return [row | {"info": json.loads(row["info"])} for row in table.to_pylist()]


class Counting(Actor):  # type: ignore[misc]  # the library is not where types are checked
    """Counts what a backtest shows it."""

    def __init__(self, instruments: list[Any], bar_types: set[BarType]) -> None:
        super().__init__()
        self.instruments, self.bar_types = instruments, bar_types
        self.seen: Counter[str] = Counter()

    def on_start(self) -> None:
        for one in self.instruments:
            self.subscribe_quote_ticks(one.id)
            self.subscribe_trade_ticks(one.id)
            self.subscribe_order_book_deltas(one.id)
        for bar_type in self.bar_types:
            self.subscribe_bars(bar_type)

    def on_quote_tick(self, tick: Any) -> None:
        self.seen["quote_ticks"] += 1

    def on_trade_tick(self, tick: Any) -> None:
        self.seen["trade_ticks"] += 1

    def on_order_book_deltas(self, deltas: Any) -> None:
        self.seen["order_book_deltas"] += len(deltas.deltas)

    def on_bar(self, bar: Any) -> None:
        self.seen["bars"] += 1


def backtest(instruments: list[Any], objects: list[list[Any]]) -> dict[str, int]:
    """Run a backtest without orders; it refuses data whose decimals are not those of the definition."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    for venue in sorted({str(one.id.venue) for one in instruments}):
        engine.add_venue(Venue(venue), OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USD)],
                         base_currency=USD, book_type=BookType.L1_MBP)
    for one in instruments:
        engine.add_instrument(one)
    known = {one.id for one in instruments}
    bar_types = set()
    for some in objects:
        of_instrument = defaultdict(list)
        for one in some:
            bar_types |= {one.bar_type} if hasattr(one, "bar_type") else set()
            of_instrument[one.bar_type if hasattr(one, "bar_type") else one.instrument_id].append(one)
        for identity, rows in of_instrument.items():
            if getattr(identity, "instrument_id", identity) in known:
                engine.add_data(rows)
    actor = Counting(instruments, bar_types)
    engine.add_actor(actor)
    engine.run()
    engine.dispose()
    return dict(actor.seen)


def main(catalog_path: str, folder: str) -> None:
    catalog = ParquetDataCatalog(catalog_path)
    instruments = catalog.instruments()
    kinds = {"quote_ticks": quote, "trade_ticks": trade, "order_book_deltas": delta, "bars": bar}
    objects = {name: getattr(catalog, name)() for name in kinds}
    found: dict[str, Any] = {
        name: [row(one) | {"ts_event": one.ts_event, "ts_init": one.ts_init} for one in objects[name]]
        for name, row in kinds.items()}
    found["instruments"] = [type(one).to_dict(one) for one in instruments]
    found["books"] = books(objects["order_book_deltas"])
    found["written"] = written(Path(catalog_path), Path(folder), [instruments, *objects.values()])
    found["backtest"] = backtest(instruments, list(objects.values())) if instruments else {}
    names = [str(one.id) for one in instruments]
    found["by_instrument"] = {name: len(catalog.quote_ticks(instrument_ids=[name])) for name in names}
    for name, rows in found.items():
        (Path(folder) / f"{name}.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
