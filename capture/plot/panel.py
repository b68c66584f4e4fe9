"""What a chart of prices shows of each instrument: its bars, its gaps, and when its market is closed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from capture.query import LakeReader, QueryError
from capture.query.intervals import Spans, difference, union

from .units import Units, units
from .window import Window, window

STREAMS = ("all_last", "last", "quotes")

_KNOWN = """
select distinct symbol from (
    select symbol from subscriptions where stream in (select unnest($streams))
    union all select symbol from trades union all select symbol from quotes)
where symbol is not null order by symbol
"""
_DETAILS = """
select instrument_id, long_name, security_type, ib_symbol, currency, price_magnifier, multiplier, min_tick
from instruments
where symbol in (select unnest($symbols))
qualify row_number() over (partition by instrument_id order by ts desc, seq desc, "row" desc) = 1
"""
_KEY = ("symbol", "instrument_id", "ts")


@dataclass(frozen=True, slots=True)
class Gap:
    """A time, in seconds since 1970, in which streams did not arrive: `missing` ones, and those `restored` later."""

    from_s: float
    to_s: float
    reason: str
    missing: tuple[str, ...]
    restored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown of one instrument.

    `bars` has a dict per bar in which there was a trade or a quote, in order: `at_s` (its beginning, seconds since
    1970), `line` (the middle of bid and ask at its end, or its last trade where it has no quotes), `bid` and `ask` (at
    its end), `bid_low`, `ask_high`, `trade` (the last one), `volume`; None where there is none. `rows` says of how many
    trades and quotes they are made. `closed` is when its market was closed, where that is known.
    """

    symbol: str
    name: str
    units: Units
    bars: list[dict[str, Any]]
    rows: int
    gaps: list[Gap]
    closed: Spans


def read_panels(
    lake: LakeReader, symbols: Sequence[str], start: datetime | None = None, end: datetime | None = None
) -> tuple[Window, list[Panel]]:
    """Return the window of [start, end) in which there is something to show, and a panel for each instrument.

    The window is of whole bars. Without a start it is in the last UTC day that has rows. Raises QueryError for an
    instrument that was not recorded, and where there is nothing to show.
    """
    wanted = list(dict.fromkeys(symbols))
    gaps = [gap for gap in lake.gaps(wanted, start, end).arrow().to_pylist() if gap["stream"] in STREAMS]
    shown = window(lake, wanted, start, end, gaps)
    if shown is None:
        _check_known(lake, wanted)
        raise QueryError(f"{', '.join(wanted)}: no trades, quotes or gaps then; `ticktape coverage` says on which days "
                         "there are some")
    frame = _bars(lake, wanted, shown)
    details = {row["instrument_id"]: row for row in lake.sql(_DETAILS, {"symbols": wanted}).arrow().to_pylist()}
    found = [*frame.select("symbol", "instrument_id").unique().iter_rows(),
             *((gap["symbol"], gap["instrument_id"]) for gap in gaps)]  # fmt: skip
    if absent := [symbol for symbol in wanted if symbol not in {key[0] for key in found}]:
        _check_known(lake, absent)
        found += [(symbol, None) for symbol in absent]
    keys = sorted(set(found), key=lambda key: (wanted.index(key[0]), key[1] or 0))
    return shown, [_panel(key, frame, gaps, details.get(key[1], {}), lake, shown) for key in keys]


def _check_known(lake: LakeReader, wanted: Sequence[str]) -> None:
    """Raise QueryError for instruments that were not recorded, saying which were."""
    known = [row[0] for row in lake.sql(_KNOWN, {"streams": list(STREAMS)}).rows()]
    if unknown := [symbol for symbol in wanted if symbol not in known]:
        raise QueryError(f"{', '.join(unknown)}: no trades or quotes were recorded; recorded instruments: "
                         f"{', '.join(known) or 'none'}")


def _bars(lake: LakeReader, symbols: list[str], shown: Window) -> pl.DataFrame:
    """Return a row per instrument and bar that has trades or quotes, with the columns of `Panel.bars`."""
    span = (timedelta(seconds=shown.width_s), shown.start, shown.end)
    trades = lake.time_bars(symbols, *span).pl().select(*_KEY, pl.col("close").alias("trade"), "volume", "trades")
    quotes = lake.quote_bars(symbols, *span).pl().select(
        *_KEY, "bid_low", "ask_high", "quotes", pl.col("bid_close").alias("bid"), pl.col("ask_close").alias("ask"),
        pl.col("mid_close").alias("mid"))  # fmt: skip
    both = trades.join(quotes, on=_KEY, how="full", coalesce=True).sort(*_KEY)
    return both.with_columns(
        at_s=pl.col("ts").dt.epoch("us") / 1e6, line=pl.coalesce("mid", "trade"),
        rows=pl.col("trades").fill_null(0) + pl.col("quotes").fill_null(0))  # fmt: skip


def _panel(
    key: tuple[str, int | None], frame: pl.DataFrame, gaps: list[dict[str, Any]], details: dict[str, Any],
    lake: LakeReader, shown: Window,
) -> Panel:
    symbol, instrument_id = key
    mine = frame.filter(pl.col("symbol") == symbol, pl.col("instrument_id").eq_missing(pl.lit(instrument_id)))
    closed = _closed(lake, key, shown)
    return Panel(
        symbol=symbol, name=details.get("long_name") or "", units=units(details),
        rows=int(mine["rows"].sum()), closed=closed,
        bars=mine.drop(*_KEY, "rows", "mid", "trades", "quotes").to_dicts(),
        gaps=_gaps([gap for gap in gaps if (gap["symbol"], gap["instrument_id"]) == key], closed, shown))  # fmt: skip


def _gaps(rows: Iterable[dict[str, Any]], closed: Spans, shown: Window) -> list[Gap]:
    """Return gaps while the market was open, in pieces in which the same streams are missing for the same reasons."""
    now_s = datetime.now(UTC).timestamp()
    last = shown.end - timedelta(seconds=shown.width_s)
    found = []
    for row in rows:
        if row["from_ts"] > last:  # such as the recorder's end, which is no more than the end of the picture
            continue
        span = (max(row["from_ts"], shown.start).timestamp(),
                min(row["to_ts"].timestamp() if row["to_ts"] else now_s, shown.end.timestamp()))  # fmt: skip
        found += [(part, row) for part in difference([span], closed)]
    return _joined(_pieces(found))


def _pieces(found: Sequence[tuple[tuple[float, float], dict[str, Any]]]) -> Iterator[Gap]:
    """Yield what is missing between one moment at which that changes and the next."""
    waiting = sorted(found, key=lambda one: one[0], reverse=True)
    lasting: list[tuple[tuple[float, float], dict[str, Any]]] = []
    for start_s, end_s in pairwise(sorted({edge for span, _ in found for edge in span})):
        lasting = [one for one in lasting if one[0][1] > start_s]
        while waiting and waiting[-1][0][0] == start_s:
            lasting.append(waiting.pop())
        if within := [row for _, row in lasting]:
            missing = {row["stream"] for row in within if row["state"] != "backfilled"}
            counted = [row for row in within if (row["stream"] in missing) == bool(missing)]
            yield Gap(start_s, end_s, "; ".join(sorted({row["reason"] for row in counted})), tuple(sorted(missing)),
                      tuple(sorted({row["stream"] for row in within} - missing)))  # fmt: skip


def _joined(pieces: Iterable[Gap]) -> list[Gap]:
    """Return pieces of which those that touch and say the same are one."""
    joined: list[Gap] = []
    for piece in pieces:
        if joined and replace(joined[-1], to_s=piece.to_s) == replace(piece, from_s=joined[-1].from_s) and (
                joined[-1].to_s == piece.from_s):  # fmt: skip
            joined[-1] = replace(joined[-1], to_s=piece.to_s)
        else:
            joined.append(piece)
    return joined


def _closed(lake: LakeReader, key: tuple[str, int | None], shown: Window) -> Spans:
    """Return when a market was closed, as far as its sessions are known."""
    day = timedelta(days=1)
    rows = lake.trading_sessions(key[0], shown.start - 4 * day, shown.end + 4 * day).arrow().to_pylist()
    trading = union((row["from_ts"].timestamp(), row["to_ts"].timestamp()) for row in rows
                    if row["kind"] == "trading" and row["instrument_id"] == key[1])  # fmt: skip
    if not trading:
        return []
    from_s, to_s = max(shown.start.timestamp(), trading[0][0]), min(shown.end.timestamp(), trading[-1][1])
    return difference([(from_s, to_s)], trading) if from_s < to_s else []
