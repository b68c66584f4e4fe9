"""Historical bars, and bars that are kept up to date."""

from collections.abc import Iterator

import pyarrow as pa

from capture.gateway.feed import fed_what
from capture.gateway.refusal import Refusal, historical, invalid
from capture.gateway.replies import AnsweredRows, Compute, Reply, Telling, answer
from capture.gateway.shared_state import Peer
from capture.gateway.subscription import Rows, Subscription, with_column
from capture.wire.messages.absent import word_for_none
from capture.wire.messages.bar_sizes import BAR_SIZES_S as SIZES_S
from capture.wire.text.codec import Values

from .contract_search import HAD_BY, Details, require_bars
from .handlers import started
from .history_times import bar_dates, range_us, written

LIVE_WHATS = ("TRADES", "AGGTRADES", "MIDPOINT", "BID", "ASK")
WHATS = (*LIVE_WHATS, "BID_ASK", "ADJUSTED_LAST", "SCHEDULE", *HAD_BY)
SMALLEST_LIVE_S = 5
SEPARATE_END_SINCE = 196  # server version from which the end of bars is a message of its own

VALUES = ("bar_date", "open", "high", "low", "close", "volume", "wap", "trade_count")


def valid_what(values: Values, details: Details) -> str:
    """Return what the bars are made of; refuses words that IB does not know, or not for this instrument."""
    what: str = values["what"]
    if what not in WHATS:
        raise invalid(f"'{what}' is not a kind of historical data; these are: {', '.join(WHATS)}")
    if what == "TRADES" and details["sec_type"] == "CRYPTO":
        raise Refusal(10299, "Expected what to show is AGGTRADES, please use that instead of TRADES.")
    require_bars(details, what)
    return what


def historical_bars(peer: Peer, values: Values, details: Details) -> Telling[Compute]:
    """Return what makes the bars of a duration back from an end."""
    what, size_s = fed_what(valid_what(values, details)), _size_s(values)
    from_us, to_us = yield from range_us(peer, values)
    con_id, regular_hours, known_us = details["con_id"], values["regular_hours"], peer.now_us
    dates = bar_dates(peer, details, values["date_format"], size_s)
    request_id = values["request_id"]
    edges = {"request_id": request_id, "start": written(peer, from_us), "end": written(peer, to_us)}
    has_end = peer.server_version >= SEPARATE_END_SINCE

    def compute() -> list[Reply]:
        bars = peer.state.feed.bars(con_id, from_us, to_us, size_s, what, regular_hours, known_us)
        if not len(bars):
            name = f"{details['local_symbol']}@{details['exchange']}"
            raise historical(f"HMDS query returned no data: {name} {values['what']}")
        bars = _of_form(with_column(bars, "bar_date", dates(bars)), "history")
        rows = [{name: word_for_none("historical_data", name) if row[name] is None else row[name] for name in VALUES}
                for row in bars.select(VALUES).to_pylist()]
        ends = [answer("historical_data_end", **edges)] if has_end else []
        return [answer("historical_data", **edges, bars=rows), *ends,
                AnsweredRows(request_id, "history", "bars", bars, in_answers=True)]

    return compute


def keep_up_to_date(peer: Peer, values: Values, details: Details) -> Iterator[Reply]:
    """Send historical bars, then every few seconds the bar in the making."""
    size_s = _size_s(values)
    if values["end"] or values["what"] not in LIVE_WHATS or size_s < SMALLEST_LIVE_S:
        raise invalid(f"Bars are kept up to date with an empty end, from 5 secs on, of {', '.join(LIVE_WHATS)}")
    # History ends where the updates begin, so it is made at once and not while time goes on.
    history = yield from historical_bars(peer, values, details)
    yield from history()
    dates = bar_dates(peer, details, values["date_format"], size_s)
    of = (size_s, fed_what(values["what"]), values["regular_hours"])

    def fetch(from_us: int, to_us: int, _first: bool) -> Rows:
        rows = peer.state.feed.bar_updates(details["con_id"], from_us, to_us, *of)
        return [("bars", _of_form(with_column(rows, "bar_date", dates(rows)), "update"))]

    variant = f"{values['bar_size']} {values['what']}"
    yield from started(
        peer, Subscription(values["request_id"], "historical_data", "live_bars", details, fetch, variant))


def _size_s(values: Values) -> int:
    if values["bar_size"] not in SIZES_S:
        raise invalid(f"Historical data bar size setting is invalid. Legal ones are: {', '.join(SIZES_S)}")
    return SIZES_S[values["bar_size"]]


def _of_form(rows: pa.Table, form: str) -> pa.Table:
    return with_column(rows, "form", pa.array([form] * len(rows), pa.string()))
