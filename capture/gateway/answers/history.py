"""Answers about the past: bars, ticks, schedules, histograms and the earliest moment with data."""

import re
import time
from collections import Counter
from collections.abc import Callable

from capture.gateway.client import Client, Worked
from capture.gateway.limits import SMALL_BAR_S
from capture.gateway.refusal import Refusal, historical, invalid
from capture.wire.messages.bar_sizes import BAR_SIZES_S as SIZES_S
from capture.wire.text.codec import Values

from .contract_search import Details, resolve
from .historical_bars import fed_what, historical_bars, keep_up_to_date, valid_what
from .history_times import DAY_S, HOUR_S, MINUTE_S, MONTH_S, SECOND_US, WEEK_S, range_us, utc_text
from .past_ticks import historical_ticks
from .session_start import Handlers, nothing

PERIODS_S = {"second": 1, "minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S, "week": WEEK_S, "month": MONTH_S}
LONGEST_HISTOGRAM_S = DAY_S  # it is counted trade by trade
HOURS_REACH_US = 6 * DAY_S * SECOND_US  # contract details name the sessions of about a week

Prepare = Callable[[Client, Values, Details], Callable[[], Worked] | None]


def _handler(family: str, prepare: Prepare) -> Callable[[Client, Values], None]:
    """Return a handler: limits and contract, then what `prepare` checks at once and returns to be worked out."""

    def handle(client: Client, values: Values) -> None:
        _check_open(client, family, values["request_id"])
        _check_pacing(client, family, values)
        compute = prepare(client, values, resolve(client, values))
        if compute is not None:
            client.work_out(family, values["request_id"], compute)

    return handle


def _check_open(client: Client, family: str, request_id: int) -> None:
    if (family, request_id) in client.tasks or (family, request_id) in client.subscriptions:
        raise Refusal(385, "Duplicate ticker ID for API historical data query.")
    most, clients = client.limits.open_history, client.gateway.clients
    working = sum(len(other.tasks) for other in clients) + client.gateway.subscribed("historical_data")
    if most is not None and working >= most:
        raise Refusal(322, f"Error processing request.-'bQ' : cause - Only {most} simultaneous API historical data "
                           "requests allowed.")


def _check_pacing(client: Client, family: str, values: Values) -> None:
    """Refuse what comes too soon after others: small bars and ticks, by IB's documentation."""
    small = family == "historical_ticks" or SIZES_S.get(values.get("bar_size", ""), DAY_S) <= SMALL_BAR_S
    if not client.limits.history_pacing or not small:
        return
    request = tuple((name, str(value)) for name, value in values.items() if name != "request_id")
    contract = tuple(values[name] for name in ("con_id", "symbol", "local_symbol", "exchange", "what"))
    if not client.pacing.admit(request, contract, values["what"], time.monotonic()):
        raise historical("Historical data request pacing violation")


def bars(client: Client, values: Values, details: Details) -> Callable[[], Worked] | None:
    """Answer a request for bars, for their updates, or for a schedule."""
    if values["what"] == "SCHEDULE":
        return schedule(client, values, details)
    if values["keep_up_to_date"]:
        keep_up_to_date(client, values, details)
        return None
    return historical_bars(client, values, details)


def schedule(client: Client, values: Values, details: Details) -> Callable[[], Worked]:
    """Return the sessions of a range, out of the trading hours of each week in it."""
    from_us, to_us = range_us(client, values)
    name = "liquid_hours" if values["regular_hours"] else "trading_hours"
    last_date = f"{client.gateway.local_time(to_us):%Y%m%d}"

    def compute() -> Worked:
        moments_us = [*range(from_us, to_us, HOURS_REACH_US), to_us]
        weeks = [week[name] or "" for at_us in moments_us for week in client.feed.find(at_us, con_id=details["con_id"])]
        words = {word for week in weeks for word in week.split(";") if "-" in word}
        found = [_session(*word.split("-")) for word in words]
        sessions = sorted((one for one in found if one["date"] <= last_date), key=lambda one: one["date"])
        if not sessions:
            raise historical("HMDS query returned no data")
        edges = {"start": sessions[0]["start"], "end": sessions[-1]["end"], "time_zone": details["time_zone_id"]}
        return Worked([("historical_schedule", {"request_id": values["request_id"], **edges, "sessions": sessions})])

    return compute


def _session(opens: str, closes: str) -> dict[str, str]:
    start, end = (f"{edge[:8]}-{edge[9:11]}:{edge[11:13]}:00" for edge in (opens, closes))
    return {"start": start, "end": end, "date": opens[:8] if closes[9:] == "0000" else closes[:8]}


def head_timestamp(client: Client, values: Values, details: Details) -> Callable[[], Worked]:
    """Return the earliest moment with data."""
    what, con_id, now_us = fed_what(valid_what(values, details)), details["con_id"], client.now_us

    def compute() -> Worked:
        first_us = client.feed.first_us(con_id, what, now_us)
        if first_us is None:
            raise historical(f"No head time stamp: {details['local_symbol']}@{details['exchange']} {values['what']}")
        text = utc_text(first_us, values["date_format"])
        return Worked([("head_timestamp", {"request_id": values["request_id"], "timestamp": text})])

    return compute


def histogram(client: Client, values: Values, details: Details) -> Callable[[], Worked]:
    """Return how much was traded at each price of a period back from now."""
    match = re.fullmatch(r"(\d{1,4}) (\w+?)s?", values["period"])
    if match is None or match[2] not in PERIODS_S:
        raise invalid(f"'{values['period']}' is not a period; write for instance 3 days")
    now_us = client.now_us
    from_us = now_us - min(int(match[1]) * PERIODS_S[match[2]], LONGEST_HISTOGRAM_S) * SECOND_US

    def compute() -> Worked:
        trades = client.feed.trades(details["con_id"], from_us, now_us)
        sizes: Counter[float] = Counter()
        for price, size in zip(trades["price"].to_pylist(), trades["size"].to_pylist(), strict=True):
            sizes[price] += size
        rows = [{"price": price, "size": sizes[price]} for price in sorted(sizes)]
        return Worked([("histogram", {"request_id": values["request_id"], "rows": rows})])

    return compute


def cancel_historical_data(client: Client, values: Values) -> None:
    """End an answer that is being worked out, or updates."""
    request_id = values["request_id"]
    if client.unsubscribe("historical_data", request_id):
        raise historical(f"API historical data query cancelled: {request_id}")
    raise Refusal(366, f"No historical data query found for ticker id:{request_id}")


REQUESTS: Handlers = {
    "req_historical_data": _handler("historical_data", bars),
    "req_historical_ticks": _handler("historical_ticks", historical_ticks),
    "req_head_timestamp": _handler("head_timestamp", head_timestamp),
    "req_histogram": _handler("histogram", histogram),
}
HANDLERS: Handlers = {
    **REQUESTS,
    "cancel_historical_data": cancel_historical_data,
    "cancel_head_timestamp": nothing,
    "cancel_histogram": nothing,
}
