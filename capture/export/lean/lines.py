"""LEAN's lines: rows as columns of text, in the order in which LEAN's readers take them."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from capture.export.job import Job
from capture.times import DAY_US

from .paths import Kind

DECI_CENTS = 4  # decimals that are moved before the point
MOST_DECIMALS = 9  # what needs more is no price or size that was sent, but the last bits of a calculation
TOO_LARGE = 1e14
MOST_UNITS = 2.0**62  # LEAN reads digits into 64 bits
SUM = 1e-13  # as a share: how much sums of sizes may be off

_SCALED = ("equity", "option")
_SIDE = ("open", "high", "low", "close")
# Security type -> columns of ticks; bars have the same columns everywhere.
_TRADES: Mapping[str, tuple[str, ...]] = {
    "equity": ("time", "price", "size", "exchange", "condition", "suspicious"),
    "option": ("time", "price", "size", "exchange", "condition", "suspicious"),
    "future": ("time", "price", "size", "exchange", "condition", "suspicious"),
    "crypto": ("time", "price", "size", "suspicious"),
}
_QUOTES: Mapping[str, tuple[str, ...]] = {
    "equity": ("time", "bid_price", "bid_size", "ask_price", "ask_size", "exchange", "condition", "suspicious"),
    "option": ("time", "bid_price", "bid_size", "ask_price", "ask_size", "exchange", "suspicious"),
    "future": ("time", "bid_price", "bid_size", "ask_price", "ask_size", "exchange", "suspicious"),
    "crypto": ("time", "bid_price", "bid_size", "ask_price", "ask_size", "suspicious"),
    "forex": ("time", "bid_price", "ask_price"),
}
_TRADE_BARS = ("time", *_SIDE, "volume")
_QUOTE_BARS = ("time", *(f"bid_{name}" for name in _SIDE), "bid_size", *(f"ask_{name}" for name in _SIDE), "ask_size")
_MARKS = {"trade": ("unreported", "past_limit"), "quote": ("bid_past_low", "ask_past_high")}
# IB's names of exchanges -> LEAN's codes, where it does not know the names; other names are written as they are.
_EXCHANGES: Mapping[str, Mapping[str, str]] = {
    "equity": {"ISLAND": "Q", "EDGEA": "J", "DRCTEDGE": "K", "BEX": "B", "PSX": "X", "CHX": "M", "NYSENAT": "C",
               "PEARL": "MP"},
    "option": {"NASDAQOM": "XNDQ", "PSE": "ARCX", "EMERALD": "ME", "PEARL": "MP", "GEMINI": "H", "MERCURY": "J",
               "CBOE2": "C2", "EDGX": "EDGO", "SAPPHIRE": "SPHR"},
}  # fmt: skip


class Lines:
    """Makes text of rows; what LEAN cannot hold is taken down."""

    def __init__(self, kind: Kind, job: Job) -> None:
        self._kind = kind
        self._job = job

    def of(self, security: str, some: pl.DataFrame, keys: Sequence[str] = ()) -> pl.DataFrame:
        """Return columns of text for rows of one type of security with `local`, their local time; `keys` are kept."""
        names = self._names(security)
        marks = _MARKS[self._kind.tick_type] if "suspicious" in names else ()
        some = self._priced(some.select("local", *keys, *(name for name in (*names, *marks) if name in some.columns)))
        decimals = DECI_CENTS if security in _SCALED else 0
        made = {"time": self._times(some["local"]), "condition": _same("", some)}
        for name in names:
            if name.endswith(("size", "volume")):
                made[name] = self._sizes(some, name)
            elif name.endswith(("price", *_SIDE)):
                made[name] = self._prices(some[name], decimals)
        if "exchange" in names:
            made["exchange"] = _exchanges(some, security)
        if marks:
            marked = pl.any_horizontal(pl.col(marks).fill_null(False))
            made["suspicious"] = some.select(pl.when(marked).then(pl.lit("1")).otherwise(pl.lit("0"))).to_series()
        return pl.DataFrame({name: made[name] for name in names} | {key: some[key] for key in keys})

    def _names(self, security: str) -> tuple[str, ...]:
        if self._kind.resolution == "tick":
            return (_TRADES if self._kind.tick_type == "trade" else _QUOTES)[security]
        return _TRADE_BARS if self._kind.tick_type == "trade" else _QUOTE_BARS

    def _priced(self, some: pl.DataFrame) -> pl.DataFrame:
        """Return rows without prices and sizes that are too large, and without trades that have no price then."""
        floats = pl.selectors.float()
        fit = some.with_columns(pl.when(floats.is_finite() & (floats.abs() < TOO_LARGE)).then(floats))
        self._job.lose("prices or sizes too large for LEAN, or no numbers",
                       sum(fit.null_count().row(0)) - sum(some.null_count().row(0)))
        if self._kind.tick_type == "quote":
            return fit
        priced = fit.drop_nulls("price" if "price" in fit.columns else list(_SIDE))
        self._job.lose("trades without a price, left out", len(fit) - len(priced))
        return priced

    def _times(self, local: pl.Series) -> pl.Series:
        """Return times of bars and ticks; LEAN reads fractions of milliseconds of ticks."""
        if self._kind.long:
            return local.dt.strftime("%Y%m%d %H:%M")
        return digits(local.dt.epoch("us") % DAY_US, 3)

    def _prices(self, prices: pl.Series, shift: int) -> pl.Series:
        if self._kind.tick_type == "quote":
            self._job.lose("quoted prices of 0, which LEAN takes for none", len(prices.filter(prices == 0)))
        text, rounded = numbers(prices, shift)
        self._job.lose("prices with more decimals than LEAN can hold, rounded", rounded)
        return text.fill_null("0") if self._kind.resolution == "tick" else text

    def _sizes(self, some: pl.DataFrame, name: str) -> pl.Series:
        if name not in some.columns:
            return _same("0", some)
        # A side that is not there has no size.
        price = {"bid_size": "bid_price", "ask_size": "ask_price"}.get(name)
        there = some if price is None else some.drop_nulls(price)
        self._job.lose("sizes that IB did not send, written as 0", there[name].null_count())
        text, rounded = numbers(some[name], 0, SUM if name == "volume" else 0.0)
        self._job.lose("sizes with more decimals than LEAN can hold, rounded", rounded)
        return text.fill_null("0")


def numbers(values: pl.Series, shift: int, tolerance: float = 0.0) -> tuple[pl.Series, int]:
    """Return floats as plain decimals with the point moved right by `shift`, and how many of them were rounded.

    Nulls stay nulls. A float counts as the decimal number that reads as the same float; `tolerance` is how much it may
    differ, as a share of it.
    """
    floats = values.fill_null(0.0).to_numpy()
    largest = float(np.abs(floats).max(initial=0.0))
    for decimals in range(shift, MOST_DECIMALS + 1):
        units = np.rint(floats * 10.0**decimals)
        unlike = int(np.count_nonzero(np.abs(units / 10.0**decimals - floats) > tolerance * np.abs(floats)))
        if not unlike or largest * 10.0 ** (decimals + 1) > MOST_UNITS:
            break
    text = digits(pl.Series(units.astype(np.int64)), decimals - shift)
    return pl.select(pl.when(values.is_not_null()).then(text)).to_series(), unlike


def digits(units: pl.Series, decimals: int) -> pl.Series:
    """Return whole numbers of 10^-decimals as text, without needless zeros and never with an exponent."""
    if decimals == 0:
        return units.cast(pl.String)
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole, part = units.abs() // 10**decimals, units.abs() % 10**decimals
    text = pl.concat_str(sign, whole.cast(pl.String), pl.lit("."), part.cast(pl.String).str.zfill(decimals))
    return pl.select(text.str.strip_chars_end("0").str.strip_chars_end(".")).to_series()


def _exchanges(some: pl.DataFrame, security: str) -> pl.Series:
    if "exchange" not in some.columns:
        return _same("", some)
    return some["exchange"].cast(pl.String).fill_null("").replace(dict(_EXCHANGES.get(security, {})))


def _same(text: str, some: pl.DataFrame) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, len(some))
