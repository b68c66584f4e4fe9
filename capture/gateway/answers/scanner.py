"""Scans: the instruments of the market in order of what a scan looks at, from their level 1 at the moment."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from capture.gateway.refusal import Refusal, historical
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .contract_search import Details
from .handlers import Handlers

MOST_ROWS = 50
KINDS = {"STK": "STK", "IND": "IND", "FUT": "FUT", "STOCK": "STK"}  # first part of a scan's instrument -> security type
LAST, VOLUME, CLOSE, HIGH, LOW, TRADES = 4, 8, 9, 6, 7, 54  # tick types
SNAPSHOT_GENERIC = frozenset({233, 293})
Prices = dict[int, float]


def _change(prices: Prices) -> float:
    return prices[LAST] / prices[CLOSE] - 1 if prices.get(CLOSE) else 0.0


def _volume(prices: Prices) -> float:
    return prices.get(VOLUME, 0.0)


def _range(prices: Prices) -> float:
    return (prices.get(HIGH, 0.0) - prices.get(LOW, 0.0)) / prices[LAST]


# Scan code -> its title, what it orders by, and whether the largest comes first.
SCANS: dict[str, tuple[str, Callable[[Prices], float], bool]] = {
    "TOP_PERC_GAIN": ("Top % Gainers", _change, True),
    "TOP_PERC_LOSE": ("Top % Losers", _change, False),
    "MOST_ACTIVE": ("Most Active", _volume, True),
    "HOT_BY_VOLUME": ("Hot Contracts by Volume", _volume, True),
    "TOP_TRADE_COUNT": ("Top Trade Count", lambda prices: prices.get(TRADES, 0.0), True),
    "MOST_ACTIVE_USD": ("Most Active ($)", lambda prices: _volume(prices) * prices[LAST], True),
    "HOT_BY_PRICE": ("Hot Contracts by Price", lambda prices: abs(_change(prices)), True),
    "HOT_BY_PRICE_RANGE": ("Hot Contracts by Price Range", _range, True),
    "HIGH_PRICE": ("Highest Price", lambda prices: prices[LAST], True),
    "LOW_PRICE": ("Lowest Price", lambda prices: prices[LAST], False),
}


def parameters(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the scans there are, as XML."""
    kinds = dict.fromkeys(KINDS.values())
    instruments = "".join(f"<Instrument><name>{kind}</name><type>{kind}</type></Instrument>" for kind in kinds)
    scans = "".join(
        f"<ScanType><displayName>{title}</displayName><scanCode>{code}</scanCode>"
        f"<instruments>{','.join(kinds)}</instruments></ScanType>" for code, (title, _, _) in SCANS.items())
    yield answer("scanner_parameters", xml=(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ScanParameterResponse>'
        f"<InstrumentList>{instruments}</InstrumentList><ScanTypeList>{scans}</ScanTypeList></ScanParameterResponse>"))


def subscribe(peer: Peer, values: Values) -> Iterable[Reply]:
    """Send what a scan finds, once: prices of the moment decide it."""
    request_id, code = values["request_id"], values["scan"]
    if ("scanner", request_id) in peer.tasks:
        raise Refusal(386, "Duplicate ticker id for API scanner subscription.")
    if code not in SCANS:
        raise historical(f"Scanner type with code {code} is disabled; these are not: {', '.join(SCANS)}")
    now_us = peer.now_us
    kind = KINDS.get(values["instrument"].partition(".")[0], "")

    def compute() -> list[Reply]:
        found = []
        for details in peer.state.feed.find(now_us, sec_type=kind) if kind else []:
            prices = _prices(peer, details["con_id"], now_us)
            if LAST in prices and _wanted(prices, values):
                found.append((SCANS[code][1](prices), details))
        found.sort(key=lambda one: one[0], reverse=SCANS[code][2])
        rows = min(values["rows"] if (values["rows"] or 0) > 0 else MOST_ROWS, MOST_ROWS)
        return [answer("scanner_data", request_id=request_id, rows=[
            _row(rank, details) for rank, (_, details) in enumerate(found[:rows])])]

    peer.work_out("scanner", request_id, compute)
    return ()


def _prices(peer: Peer, con_id: int, now_us: int) -> Prices:
    """Return the level 1 of an instrument by tick type."""
    ticks = peer.state.feed.ticks(con_id, now_us, now_us + 1, SNAPSHOT_GENERIC, True)
    columns = (ticks[name].to_pylist() for name in ("tick_type", "price", "size", "value"))
    found = {number: next((one for one in (price, size, value) if one is not None), None)
             for number, price, size, value in zip(*columns, strict=True)}  # fmt: skip
    return {number: float(value) for number, value in found.items() if value}


def _wanted(prices: Prices, values: Values) -> bool:
    """Return whether an instrument is within the scan's limits of price and volume."""
    above, below, volume = (values[name] for name in ("above_price", "below_price", "above_volume"))
    return ((above is None or prices[LAST] > above) and (below is None or prices[LAST] < below)
            and (volume is None or _volume(prices) > volume))  # fmt: skip


def _row(rank: int, details: Details) -> dict[str, Any]:
    names = ("con_id", "symbol", "sec_type", "last_trade_date", "strike", "right", "exchange", "currency",
             "local_symbol", "market_name", "trading_class")  # fmt: skip
    return {"rank": rank, **{name: details[name] for name in names}}


def cancel(peer: Peer, values: Values) -> NoReturn:
    """End a scan, as IB does: with a word about it."""
    peer.unsubscribe("scanner", values["request_id"])
    raise historical(f"API scanner subscription cancelled: {values['request_id']}")


HANDLERS: Handlers = {
    "req_scanner_parameters": parameters,
    "req_scanner_subscription": subscribe,
    "cancel_scanner_subscription": cancel,
}
