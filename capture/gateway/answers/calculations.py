"""What an option would be worth at a volatility, or at which volatility it is worth a price."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from capture.gateway.refusal import invalid
from capture.gateway.replies import Answer, Reply, answer
from capture.gateway.shared_state import Peer
from capture.option_prices import greeks, implied_volatility, years_to
from capture.wire.text.codec import Values

from .contract_search import Details, resolve
from .handlers import Handlers, nothing

CUSTOM_COMPUTATION = 53  # the tick type of an answer
PRICE_BASED = 1
GUESS = 0.3
CLOSE_S = 21 * 3_600  # an option is taken to end so long after the midnight UTC of its last trade date
UNKNOWN = {  # what an answer holds in place of a number that there is not
    **dict.fromkeys(("implied_volatility", "option_price", "underlying_price"), -1.0),
    **dict.fromkeys(("delta", "gamma", "vega", "theta"), -2.0)}
MOST = 1e9  # of a price, and of a volatility: beyond is a marker of no value, or a slip


def volatility_of_price(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the volatility at which an option is worth a price, with its greeks there."""
    option, years = _option(peer, values)
    price, spot = _above_0(values, "option_price"), _above_0(values, "underlying_price")
    found = implied_volatility(np.array([price]), np.array([spot]), option["strike"], years, GUESS, option["right"])
    yield _computation(values, option, years, spot, float(found[0]))


def price_of_volatility(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send what an option is worth at a volatility, with its greeks there."""
    option, years = _option(peer, values)
    yield _computation(values, option, years, _above_0(values, "underlying_price"), _above_0(values, "volatility"))


def _option(peer: Peer, values: Values) -> tuple[Details, Any]:
    """Return the option that a request names, and the years that it has left."""
    option = resolve(peer, values)
    if option["sec_type"] not in ("OPT", "FOP") or not option["strike"]:
        raise invalid(f"{option['local_symbol']} is no option: nothing can be calculated for it")
    last = datetime.strptime(option["last_trade_date"][:8], "%Y%m%d").replace(tzinfo=UTC)
    return option, years_to(int(last.timestamp()) + CLOSE_S, np.array([peer.now_us / 1_000_000]))


def _above_0(values: Values, name: str) -> float:
    value = values[name]
    if value is None or not 0 < value < MOST:
        raise invalid(f"The {name.replace('_', ' ')} is {value}; it must be above 0")
    return float(value)


def _computation(values: Values, option: Details, years: Any, spot: float, volatility: float) -> Answer:
    found = greeks(np.array([spot]), option["strike"], years, np.array([volatility]), option["right"])
    numbers = {
        "implied_volatility": volatility, "option_price": float(found.price[0]), "underlying_price": spot,
        **{name: float(getattr(found, name)[0]) for name in ("delta", "gamma", "vega", "theta")}}  # fmt: skip
    known = {name: value if np.isfinite(value) else UNKNOWN[name] for name, value in numbers.items()}
    return answer("tick_option", request_id=values["request_id"], tick_type=CUSTOM_COMPUTATION, price_based=PRICE_BASED,
                  dividend_value=0.0, **known)


HANDLERS: Handlers = {
    "req_implied_volatility": volatility_of_price,
    "req_option_price": price_of_volatility,
    "cancel_implied_volatility": nothing,
    "cancel_option_price": nothing,
}
