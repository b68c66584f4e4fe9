"""Answers about the past: bars, ticks, schedules, histograms and the earliest moment with data."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NoReturn

from capture.gateway.feed import fed_what
from capture.gateway.limits import SMALL_BAR_S
from capture.gateway.refusal import Refusal, historical, invalid
from capture.gateway.replies import Compute, Reply, Telling, answer
from capture.gateway.shared_state import Peer
from capture.times import DAY_S, HOUR_S, MINUTE_S, SECOND_US
from capture.wire.messages.bar_sizes import BAR_SIZES_S as SIZES_S
from capture.wire.text.codec import Values

from .contract_search import Details, resolve
from .handlers import Handlers, nothing
from .historical_bars import historical_bars, keep_up_to_date, valid_what
from .history_times import MONTH_S, WEEK_S, range_us, utc_text
from .past_ticks import historical_ticks

PERIODS_S = {"second": 1, "minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S, "week": WEEK_S, "month": MONTH_S}
LONGEST_HISTOGRAM_S = DAY_S  # it is counted trade by trade
HOURS_REACH_US = 6 * DAY_S * SECOND_US  # contract details name the sessions of about a week


def historical_data(peer: Peer, values: Values) -> Iterator[Reply]:
    """Answer a request for bars, for their updates, or for a schedule."""
    details = _admitted(peer, "historical_data", values)
    if values["what"] != "SCHEDULE" and values["keep_up_to_date"]:
        yield from keep_up_to_date(peer, values, details)
        return
    prepare = schedule if values["what"] == "SCHEDULE" else historical_bars
    compute = yield from prepare(peer, values, details)
    peer.work_out("historical_data", values["request_id"], compute)


def past_ticks(peer: Peer, values: Values) -> Iterator[Reply]:
    """Answer with the ticks from a start on, or before an end."""
    details = _admitted(peer, "historical_ticks", values)
    compute = yield from historical_ticks(peer, values, details)
    peer.work_out("historical_ticks", values["request_id"], compute)


def _admitted(peer: Peer, family: str, values: Values) -> Details:
    """Return the details of the instrument whose history is asked for; refuses what is beyond IB's limits."""
    _check_open(peer, family, values["request_id"])
    _check_pacing(peer, family, values)
    return resolve(peer, values)


def _check_open(peer: Peer, family: str, request_id: int) -> None:
    if (family, request_id) in peer.tasks or (family, request_id) in peer.subscriptions:
        raise Refusal(385, "Duplicate ticker ID for API historical data query.")
    most, clients = peer.state.limits.open_history, peer.state.clients
    working = sum(len(other.tasks) for other in clients) + peer.state.subscribed("historical_data")
    if most is not None and working >= most:
        raise Refusal(322, f"Error processing request.-'bQ' : cause - Only {most} simultaneous API historical data "
                           "requests allowed.")


def _check_pacing(peer: Peer, family: str, values: Values) -> None:
    """Refuse what comes too soon after others: small bars and ticks, by IB's documentation."""
    small = family == "historical_ticks" or SIZES_S.get(values.get("bar_size", ""), DAY_S) <= SMALL_BAR_S
    if not peer.state.limits.history_pacing or not small:
        return
    request = tuple((name, str(value)) for name, value in values.items() if name != "request_id")
    contract = tuple(values[name] for name in ("con_id", "symbol", "local_symbol", "exchange", "what"))
    if not peer.history_pacing.admit(request, contract, values["what"], peer.state.clock.real_s()):
        raise historical("Historical data request pacing violation")


def schedule(peer: Peer, values: Values, details: Details) -> Telling[Compute]:
    """Return the sessions of a range, out of the trading hours of each week in it."""
    from_us, to_us = yield from range_us(peer, values)
    name = "liquid_hours" if values["regular_hours"] else "trading_hours"
    last_date = f"{peer.state.local_time(to_us):%Y%m%d}"

    def compute() -> list[Reply]:
        moments_us = [*range(from_us, to_us, HOURS_REACH_US), to_us]
        found = (week for at_us in moments_us for week in peer.state.feed.find(at_us, con_id=details["con_id"]))
        weeks = [week[name] or "" for week in found]
        words = {word for week in weeks for word in week.split(";") if "-" in word}
        spans = [_session(*word.split("-")) for word in words]
        sessions = sorted((one for one in spans if one["date"] <= last_date), key=lambda one: one["date"])
        if not sessions:
            raise historical("HMDS query returned no data")
        edges = {"start": sessions[0]["start"], "end": sessions[-1]["end"], "time_zone": details["time_zone_id"]}
        return [answer("historical_schedule", request_id=values["request_id"], **edges, sessions=sessions)]

    return compute


def _session(opens: str, closes: str) -> dict[str, str]:
    start, end = (f"{edge[:8]}-{edge[9:11]}:{edge[11:13]}:00" for edge in (opens, closes))
    return {"start": start, "end": end, "date": opens[:8] if closes[9:] == "0000" else closes[:8]}


def head_timestamp(peer: Peer, values: Values) -> Iterable[Reply]:
    """Answer with the earliest moment with data."""
    details = _admitted(peer, "head_timestamp", values)
    what, con_id, now_us = fed_what(valid_what(values, details)), details["con_id"], peer.now_us

    def compute() -> list[Reply]:
        first_us = peer.state.feed.first_us(con_id, what, now_us)
        if first_us is None:
            raise historical(f"No head time stamp: {details['local_symbol']}@{details['exchange']} {values['what']}")
        text = utc_text(first_us, values["date_format"])
        return [answer("head_timestamp", request_id=values["request_id"], timestamp=text)]

    peer.work_out("head_timestamp", values["request_id"], compute)
    return ()


def histogram(peer: Peer, values: Values) -> Iterable[Reply]:
    """Answer with how much was traded at each price of a period back from now."""
    details = _admitted(peer, "histogram", values)
    match = re.fullmatch(r"(\d{1,4}) (\w+?)s?", values["period"])
    if match is None or match[2] not in PERIODS_S:
        raise invalid(f"'{values['period']}' is not a period; write for instance 3 days")
    now_us = peer.now_us
    from_us = now_us - min(int(match[1]) * PERIODS_S[match[2]], LONGEST_HISTOGRAM_S) * SECOND_US

    def compute() -> list[Reply]:
        trades = peer.state.feed.trades(details["con_id"], from_us, now_us)
        sizes: Counter[float] = Counter()
        for price, size in zip(trades["price"].to_pylist(), trades["size"].to_pylist(), strict=True):
            sizes[price] += size
        rows = [{"price": price, "size": sizes[price]} for price in sorted(sizes)]
        return [answer("histogram", request_id=values["request_id"], rows=rows)]

    peer.work_out("histogram", values["request_id"], compute)
    return ()


def cancel_historical_data(peer: Peer, values: Values) -> NoReturn:
    """End an answer that is being worked out, or updates."""
    request_id = values["request_id"]
    if peer.unsubscribe("historical_data", request_id):
        raise historical(f"API historical data query cancelled: {request_id}")
    raise Refusal(366, f"No historical data query found for ticker id:{request_id}")


REQUESTS: Handlers = {
    "req_historical_data": historical_data,
    "req_historical_ticks": past_ticks,
    "req_head_timestamp": head_timestamp,
    "req_histogram": histogram,
}
HANDLERS: Handlers = {
    **REQUESTS,
    "cancel_historical_data": cancel_historical_data,
    "cancel_head_timestamp": nothing,
    "cancel_histogram": nothing,
}
