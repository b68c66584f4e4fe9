"""Orders as clients may place them: every type, every time in force, every part that expands, and every field alone."""

import math
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

from capture.wire.messages.message import Element, Field, Kind, Message, Repeat, When
from capture.wire.messages.order_requests import PLACE_ORDER

Order = dict[str, Any]  # in the words of capture.wire.messages.order_fields; what is left out has no value

STOCK = {"con_id": 265598, "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
OPTION = {
    "con_id": 700000001, "symbol": "AAPL", "sec_type": "OPT", "last_trade_date": "20261218", "strike": 230.5,
    "right": "C", "multiplier": "100", "exchange": "SMART", "currency": "USD", "local_symbol": "AAPL  261218C00230500",
    "trading_class": "AAPL"}  # fmt: skip
FUTURE = {"con_id": 649180695, "symbol": "ES", "sec_type": "FUT", "exchange": "CME", "local_symbol": "ESZ6"}
FOREX = {"symbol": "EUR", "sec_type": "CASH", "exchange": "IDEALPRO", "currency": "USD"}
COIN = {"symbol": "BTC", "sec_type": "CRYPTO", "exchange": "PAXOS", "currency": "USD"}
ATS = {**STOCK, "exchange": "IBKRATS"}
NIGHT = {**STOCK, "exchange": "OVERNIGHT"}
LEG = {"open_close": 0, "short_sale_slot": 0, "designated_location": "", "exempt_code": -1}
LEGS = [{"con_id": 700000001, "ratio": 1, "action": "BUY", "exchange": "SMART", **LEG},
        {"con_id": 700000002, "ratio": 2, "action": "SELL", "exchange": "CBOE", "open_close": 1, "short_sale_slot": 2,
         "designated_location": "abroad", "exempt_code": 3}]  # fmt: skip
BAG = {"symbol": "AAPL", "sec_type": "BAG", "exchange": "SMART", "currency": "USD", "legs": LEGS, "leg_prices": [],
       "combo_parameters": []}  # fmt: skip


def buy(order_type: str, contract: Order = STOCK, **more: Any) -> Order:
    return {**contract, "order_id": 17, "action": "BUY", "total_quantity": 100.0, "order_type": order_type,
            "transmit": True, **more}  # fmt: skip


LIMIT = buy("LMT", limit_price=185.5, time_in_force="DAY")
STOP = buy("STP", auxiliary_price=180.25, time_in_force="GTC")
TYPES: dict[str, Order] = {
    "MKT": buy("MKT"),
    "LMT": LIMIT,
    "LMT fractional": buy("LMT", limit_price=0.0001, total_quantity=0.125),
    "LMT of a spread below zero": buy("LMT", FUTURE, limit_price=-0.25),
    "LMT notHeld at IBKRATS": buy("LMT", ATS, limit_price=185.5, not_held=True),
    "STP": STOP,
    "STP LMT": buy("STP LMT", limit_price=180.0, auxiliary_price=181.0),
    "TRAIL by an amount": buy("TRAIL", auxiliary_price=1.5, trail_stop_price=180.0),
    "TRAIL by a percentage": buy("TRAIL", trailing_percent=2.5),
    "TRAIL LIMIT by an offset": buy("TRAIL LIMIT", auxiliary_price=1.5, trail_stop_price=180.0, limit_price_offset=0.2),
    "TRAIL LIMIT with a limit": buy("TRAIL LIMIT", trailing_percent=2.5, trail_stop_price=180.0, limit_price=179.5),
    "MIT": buy("MIT", auxiliary_price=180.0),
    "LIT": buy("LIT", auxiliary_price=180.0, limit_price=180.5),
    "MOC": buy("MOC"),
    "LOC": buy("LOC", limit_price=185.0),
    "MOO": buy("MKT", time_in_force="OPG"),
    "LOO": buy("LMT", limit_price=185.0, time_in_force="OPG"),
    "auction": buy("MTL", limit_price=185.0, time_in_force="AUC"),
    "MTL": buy("MTL"),
    "MKT PRT": buy("MKT PRT", FUTURE),
    "STP PRT": buy("STP PRT", FUTURE, auxiliary_price=5000.25),
    "REL by an amount": buy("REL", limit_price=186.0, auxiliary_price=0.01),
    "REL by a percentage": buy("REL", percent_offset=0.5),
    "PASSV REL": buy("PASSV REL", limit_price=186.0, auxiliary_price=0.01),
    "PEG MKT": buy("PEG MKT", auxiliary_price=0.01),
    "PEG PRIM": buy("PEG PRIM", limit_price=186.0, auxiliary_price=0.01),
    "PEG MID": buy("PEG MID", limit_price=186.0, auxiliary_price=0.02),
    "PEG MID at IBKRATS": buy("PEG MID", ATS, limit_price=186.0, not_held=True, minimum_trade_quantity=50,
                              mid_offset_at_whole=0.02, mid_offset_at_half=0.01),
    "PEGMID": buy("PEGMID", mid_offset_at_whole=0.02),
    "PEG BEST": buy("PEG BEST", ATS, limit_price=186.0, not_held=True, minimum_trade_quantity=50,
                    minimum_compete_size=100, compete_against_best_offset=0.02),
    "PEG BEST up to the midpoint": buy(
        "PEG BEST", ATS, minimum_trade_quantity=50, minimum_compete_size=100, compete_against_best_offset=math.inf,
        mid_offset_at_whole=0.02, mid_offset_at_half=0.01),
    "PEGBEST elsewhere": buy("PEGBEST", minimum_compete_size=100, compete_against_best_offset=math.inf),
    "MIDPRICE": buy("MIDPRICE", limit_price=186.0),
    "PEG STK": buy("PEG STK", OPTION, delta=50.0, starting_price=12.5, stock_reference_price=230.0,
                   stock_range_lower=220.0, stock_range_upper=240.0),
    "PEG BENCH": buy("PEG BENCH", starting_price=185.0, stock_reference_price=500.0, stock_range_lower=490.0,
                     stock_range_upper=510.0, reference_con_id=756733, pegged_change_amount_decreases=True,
                     pegged_change_amount=0.5, reference_change_amount=0.25, reference_exchange="ARCA"),
    "PEGBENCH": buy("PEGBENCH", reference_con_id=756733, pegged_change_amount=0.5),
    "VOL": buy("VOL", OPTION, volatility=0.25, volatility_type=2, continuous_update=True, reference_price_type=1),
    "VOL delta neutral": buy(
        "VOL", OPTION, volatility=0.25, volatility_type=1, delta_neutral_order_type="LMT",
        delta_neutral_auxiliary_price=12.5, delta_neutral_con_id=265598),
    "SNAP MKT": buy("SNAP MKT", auxiliary_price=0.01),
    "SNAP MID": buy("SNAP MID", auxiliary_price=0.01),
    "SNAP PRIM": buy("SNAP PRIM", auxiliary_price=0.01),
    "BOX TOP": buy("BOX TOP", {**OPTION, "exchange": "BOX"}),
    "adjusted to STP": {**STOP, "adjusted_order_type": "STP", "trigger_price": 190.0, "adjusted_stop_price": 188.0},
    "adjusted to STP LMT": {
        **STOP, "adjusted_order_type": "STP LMT", "trigger_price": 190.0, "adjusted_stop_price": 188.0,
        "adjusted_stop_limit_price": 187.5},
    "adjusted to TRAIL": {
        **STOP, "adjusted_order_type": "TRAIL", "trigger_price": 190.0, "adjusted_stop_price": 188.0,
        "adjusted_trailing_amount": 1.5, "adjustable_trailing_unit": 1},
    "discretionary": {**LIMIT, "discretionary_amount": 0.5},
    "discretionary up to the limit": {**LIMIT, "discretionary_up_to_limit_price": True},
    "iceberg": {**LIMIT, "display_size": 10},
    "cash quantity of a pair": buy("MKT", FOREX, cash_quantity=5000.5, total_quantity=0.0),
    "cash quantity of a coin": buy("MKT", COIN, cash_quantity=100.0, total_quantity=0.0, time_in_force="IOC"),
    "sweep, block, all or none": {**LIMIT, "sweep_to_fill": True, "block_order": True, "all_or_none": True},
    "at most": {**LIMIT, "minimum_quantity": 25, "action": "SELL", "hidden": True},
    "short": {**LIMIT, "action": "SSHORT", "short_sale_slot": 2, "designated_location": "abroad", "exempt_code": 7},
    **{tif: {**LIMIT, "time_in_force": tif} for tif in ("GTC", "IOC", "FOK", "DTC", "Minutes")},
    "GTD": {**LIMIT, "time_in_force": "GTD", "good_till_date": "20261218 15:00:00 US/Eastern",
            "good_after_time": "20261218-14:00:00", "outside_regular_hours": True},
    "overnight": buy("LMT", NIGHT, limit_price=185.0, include_overnight=True),
    "child": {**LIMIT, "action": "SELL", "parent_id": 16, "transmit": False, "oca_group": "16", "oca_type": 3},
    "what if": {**LIMIT, "what_if": True},
    "for several accounts": {**LIMIT, "advisor_group": "All", "advisor_method": "Ratio", "advisor_percentage": "50",
                             "account": "DF1", "model_code": "Core"},
}  # fmt: skip

TAGS = [{"tag": "a", "value": "1.5"}, {"tag": "maxPctVol", "value": ""}]
CONDITIONS: dict[str, Order] = {
    "price": {"kind": 1, "is_more": True, "price": 190.5, "con_id": 265598, "exchange": "SMART", "trigger_method": 4},
    "time": {"kind": 3, "is_more": False, "time": "20261218-15:00:00"},
    "margin": {"kind": 4, "is_more": True, "percent": 30},
    "execution": {"kind": 5, "sec_type": "STK", "exchange": "SMART", "symbol": "IBKR"},
    "volume": {"kind": 6, "is_more": True, "volume": 1_000_000, "con_id": 265598, "exchange": "ISLAND"},
    "percent change": {"kind": 7, "is_more": True, "change_percent": -2.5, "con_id": 265598, "exchange": "SMART"},
}
ALLOCATIONS = [
    {"account": account, "position": 1.5, "position_desired": 2.5, "position_after": 3.5, "desired_quantity": 4.5,
     "allowed_quantity": 5.5, "is_monetary": account == "DU2"} for account in ("DU1", "DU2")]  # fmt: skip
RANDOM_ORDERS = 60
# What makes an order longer. Those of an order's type stand alone: no order has two.
_BENCHMARK = {"order_type": "PEG BENCH", "reference_con_id": 756733, "pegged_change_amount_decreases": True,
              "pegged_change_amount": 0.5, "reference_change_amount": 0.25, "reference_exchange": "ARCA"}  # fmt: skip
_BEST = {"order_type": "PEG BEST", "minimum_compete_size": 100, "compete_against_best_offset": math.inf,
         "mid_offset_at_whole": 0.02, "mid_offset_at_half": 0.01}  # fmt: skip
_MID = {"order_type": "PEG MID", "mid_offset_at_whole": 0.02, "mid_offset_at_half": 0.01}
PEGS: dict[str, Order] = {"benchmark": _BENCHMARK, "best": _BEST, "mid": _MID}
BLOCKS: dict[str, Order] = {
    "legs": {**BAG, "con_id": 0},
    "legs with prices and parameters": {
        **BAG, "con_id": 0, "leg_prices": [{"price": 1.5}, {"price": None}], "combo_parameters": TAGS},
    "no legs": {**BAG, "con_id": 0, "legs": []},
    "delta neutral order": {
        "order_type": "VOL", "volatility": 0.25, "volatility_type": 1, "delta_neutral_order_type": "LMT",
        "delta_neutral_auxiliary_price": 12.5, "delta_neutral_con_id": 265598, "delta_neutral_settling_firm": "firm",
        "delta_neutral_clearing_account": "clearing", "delta_neutral_clearing_intent": "Away",
        "delta_neutral_open_close": "O", "delta_neutral_short_sale": True, "delta_neutral_short_sale_slot": 2,
        "delta_neutral_designated_location": "abroad"},
    "scale": {
        "scale_initial_level_size": 50, "scale_subsequent_level_size": 10, "scale_price_increment": 0.25,
        "scale_price_adjust_value": 0.05, "scale_price_adjust_interval": 60, "scale_profit_offset": 1.5,
        "scale_auto_reset": True, "scale_initial_position": 7, "scale_initial_fill_quantity": 3,
        "scale_random_percent": True, "scale_table": "table"},
    "scale without an increment": {"scale_initial_level_size": 50, "scale_price_increment": 0.0},
    "hedge": {"hedge_type": "P", "hedge_parameter": "0.8"},
    "delta neutral contract": {
        "delta_neutral_contract": True, "delta_neutral_contract_con_id": 756733, "delta_neutral_contract_delta": 0.5,
        "delta_neutral_contract_price": 101.25},
    "algo": {"algo_strategy": "Adaptive", "algo_id": "one", "algo_parameters": [
        {"tag": "adaptivePriority", "value": "Urgent"}, *TAGS]},
    "algo without parameters": {"algo_strategy": "Vwap", "algo_parameters": []},
    "venue IBKRATS": {"exchange": "IBKRATS", "minimum_trade_quantity": 50},
    **{f"condition: {name}": {"conditions": [{**condition, "connector": "a"}]}
       for name, condition in CONDITIONS.items()},
    "all conditions": {
        "conditions": [{**condition, "connector": "ao"[place % 2]} for place, condition
                       in enumerate(CONDITIONS.values())],
        "conditions_ignore_regular_hours": True, "conditions_cancel_order": True},
    "options": {"miscellaneous_options": "a=1.5;maxPctVol=;"},
}  # fmt: skip


def with_blocks() -> Iterator[tuple[str, Order]]:
    """Yield orders with each block alone, each two of them, each with a peg, and all of them."""
    for name, block in {**BLOCKS, **PEGS}.items():
        yield name, {**LIMIT, **block}
    for (one, first), (other, second) in combinations(BLOCKS.items(), 2):
        yield f"{one} + {other}", {**LIMIT, **first, **second}
    everything = {name: value for block in BLOCKS.values() for name, value in block.items()}
    everything |= BLOCKS["legs with prices and parameters"] | BLOCKS["scale"] | BLOCKS["algo"] | {"exchange": "IBKRATS"}
    for peg, fields in PEGS.items():
        for name, block in BLOCKS.items():
            yield f"{peg} + {name}", {**LIMIT, **block, **fields}
        yield f"{peg} + everything", {**LIMIT, **everything, **fields}
    yield "everything", {**LIMIT, **everything, "order_type": "VOL"}


def plain(elements: tuple[Element, ...]) -> Iterator[Field]:
    """Yield the fields that every order has."""
    return (element for element in elements if isinstance(element, Field))


def free(message: Message) -> list[Field]:
    """Return the fields by which no part is there or not; those stand in BLOCKS."""
    deciding = {element.field for element in message.elements if isinstance(element, When)}
    return [field for field in plain(message.elements) if field.name not in deciding]


def value_of(field: Field, number: int) -> Any:
    """Return a value of a field's kind, another one for each number."""
    if field.name == "miscellaneous_options":
        return f"tag{number}=1;"
    if field.name in ("use_price_management_algo", "route_marketable_to_bbo"):
        return 1  # numbers, as they can be missing too; but no others
    return {Kind.BOOL: True, Kind.TEXT: f"text{number}", Kind.INT: number, Kind.LONG: number}.get(
        field.kind, number + 0.25)  # fmt: skip


def each_field(message: Message) -> Iterator[tuple[str, Order]]:
    """Yield orders with one field alone, and one with all of them, each with a value of its own."""
    values = {field.name: value_of(field, number) for number, field in enumerate(free(message), 1001)}
    for name, value in values.items():
        yield f"field {name}", {**LIMIT, name: value}
    # Volatility goes with orders of that type alone, and a client drops it from others.
    yield "all fields", {**LIMIT, **values, "order_type": "VOL"}


def random_order(random: Random) -> Order:
    """Return an order of random parts and values."""
    order = {**LIMIT, **random.choice(list(TYPES.values()))}
    for block in random.sample(list(BLOCKS.values()), random.randrange(5)):
        order |= block
    peg = random.choice([*PEGS.values(), {}, {}, {}])
    order |= peg
    for field in random.sample(free(PLACE_ORDER), random.randrange(20)):
        order[field.name] = value_of(field, random.randrange(1, 1_000_000))
    return order


@cache
def placed() -> dict[str, Order]:
    """Return orders to be placed, by what is special about each, and some that come from chance."""
    chance = Random(14)
    by_chance = {f"random {number}": random_order(chance) for number in range(RANDOM_ORDERS)}
    return {**TYPES, **dict(with_blocks()), **dict(each_field(PLACE_ORDER)), **by_chance}


@cache
def told(message: Message) -> dict[str, Order]:
    """Return orders to be told to a client, by what is special about each."""
    blocks = {name: order for name, order in with_blocks() if "+" not in name or "everything" in name}
    found = {**TYPES, **blocks, **dict(each_field(message))}
    if "allocations" in message.names:
        found["allocations"] = {**LIMIT, "allocations": ALLOCATIONS}
    return {name: message.pick(order) for name, order in found.items()}


def present(elements: tuple[Element, ...], order: Order) -> Order:
    """Return what of an order a message of these elements holds: no part that the order does not call for."""
    found: Order = {}
    for element in elements:
        if isinstance(element, When):
            found |= present(element.elements, order) if element.holds(order) else {}
        elif element.name in order:
            value = order[element.name]
            found[element.name] = [present(element.elements, one) for one in value] if isinstance(
                element, Repeat) else value  # fmt: skip
    return found
