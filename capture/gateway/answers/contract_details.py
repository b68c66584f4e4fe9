"""Answers about instruments and exchanges: contract details, symbols, option chains, rules, components."""

from collections.abc import Iterator
from typing import Any, NoReturn

from capture.gateway.refusal import Refusal, invalid
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .contract_search import matching
from .handlers import Handlers, nothing

SEARCHED = ("STK", "IND", "FUT", "CASH", "CRYPTO", "CFD")  # kinds of security a symbol search looks through
MOST_SAMPLES = 16
UNSET_GROUP = 2147483647

DEPTH_EXCHANGES = (  # exchange, security type, listing exchange, service, aggregated group
    ("ARCA", "STK", "", "Deep", 1),
    ("BATS", "STK", "", "Deep", 1),
    ("NASDAQ", "STK", "", "Deep2", 1),
    ("NYSE", "STK", "", "Deep", 1),
    ("IEX", "STK", "", "Deep", 1),
    ("CME", "FUT", "", "Deep", UNSET_GROUP),
    ("NYMEX", "FUT", "", "Deep", UNSET_GROUP),
    ("IDEALPRO", "CASH", "", "Deep", 4),
    ("PAXOS", "CRYPTO", "", "Deep", UNSET_GROUP),
)
COMPONENTS = (("NASDAQ", "Q"), ("ARCA", "P"), ("NYSE", "N"), ("BATS", "Z"), ("IEX", "V"), ("DRCTEDGE", "K"),
              ("MEMX", "U"), ("FINRA", "D"))


def contract_details(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the details of every instrument the contract may mean."""
    request_id = values["request_id"]
    for details in matching(peer, values):
        yield answer("contract_details", request_id=request_id, **details)
    yield answer("contract_details_end", request_id=request_id)


def matching_symbols(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the instruments whose symbol or name begins with a pattern."""
    pattern = values["pattern"].upper()
    found = [
        details
        for sec_type in SEARCHED
        for details in peer.state.feed.find(peer.now_us, sec_type=sec_type)
        if details["symbol"].startswith(pattern) or details["long_name"].upper().startswith(pattern)
    ]
    yield answer("symbol_samples", request_id=values["request_id"],
                 symbols=[_sample(peer, details) for details in found[:MOST_SAMPLES]])


def _sample(peer: Peer, details: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: details[name] for name in ("con_id", "symbol", "sec_type", "currency")},
        "primary_exchange": details["primary_exchange"] or details["exchange"],
        "derivatives": [{"sec_type": "OPT"}] if peer.state.feed.has_options(details["con_id"], peer.now_us) else [],
        "description": details["long_name"],
    }


def option_parameters(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the expirations and strikes of an underlying's options, per exchange and trading class."""
    request_id, under_con_id = values["request_id"], values["under_con_id"]
    if not under_con_id:
        raise invalid("Invalid contract id")
    kind = "FOP" if values["under_sec_type"] == "FUT" else "OPT"
    wanted = values["future_exchange"]
    chains: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for option in peer.state.feed.find(peer.now_us, sec_type=kind, symbol=values["under_symbol"]):
        exchanges = option["valid_exchanges"].split(",") if option["under_con_id"] == under_con_id else ()
        for exchange in exchanges:
            # TWS narrows options on futures down to an exchange; of others it then finds none.
            if not wanted or (kind == "FOP" and exchange == wanted):
                chains.setdefault((exchange, option["trading_class"], option["multiplier"]), []).append(option)
    for (exchange, trading_class, multiplier), options in chains.items():
        yield answer(
            "option_parameters", request_id=request_id, exchange=exchange, under_con_id=under_con_id,
            trading_class=trading_class, multiplier=multiplier,
            expirations=[{"date": date} for date in sorted({_date(option) for option in options})],
            strikes=[{"strike": strike} for strike in sorted({option["strike"] for option in options})])
    yield answer("option_parameters_end", request_id=request_id)


def _date(option: dict[str, Any]) -> str:
    """Return the exchange's last trading date without its time: a recording sends that as it was received."""
    return str(option.get("last_trade_date_only") or option["last_trade_date"])


def market_rule(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the price increments of a market rule."""
    rule = peer.state.feed.market_rule(values["rule_id"], peer.now_us)
    if rule is None:
        raise invalid(f"Market rule {values['rule_id']} is unknown")
    yield answer("market_rule", rule_id=values["rule_id"],
                 increments=[{"low_edge": low_edge, "increment": increment} for low_edge, increment in rule])


def depth_exchanges(_peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the exchanges that have a book."""
    names = ("exchange", "sec_type", "listing_exchange", "service_data_type", "aggregated_group")
    yield answer("depth_exchanges", exchanges=[dict(zip(names, row, strict=True)) for row in DEPTH_EXCHANGES])


def smart_components(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the letters that stand for exchanges in the ticks 32, 33 and 84."""
    components = [{"bit": bit, "exchange": exchange, "letter": letter}
                  for bit, (exchange, letter) in enumerate(COMPONENTS)]
    yield answer("smart_components", request_id=values["request_id"], components=components)


def fundamental_data(_peer: Peer, _values: Values) -> NoReturn:
    """Refuse: IB has stopped serving them."""
    raise Refusal(430, "We are sorry, but fundamentals data for the security specified is not available.Not allowed")


HANDLERS: Handlers = {
    "req_contract_details": contract_details,
    "req_matching_symbols": matching_symbols,
    "req_option_parameters": option_parameters,
    "req_market_rule": market_rule,
    "req_depth_exchanges": depth_exchanges,
    "req_smart_components": smart_components,
    "req_fundamental_data": fundamental_data,
    "cancel_fundamental_data": nothing,
}
