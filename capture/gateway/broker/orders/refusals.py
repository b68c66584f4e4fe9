"""Why an order may not be: what has to hold of every one, as a table of IB's codes and texts; the first is told."""

from decimal import Decimal
from functools import lru_cache

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.triggers import METHODS
from capture.wire.ib_times import parse_time_us

from .adjusting import ADJUSTED, NO_TYPE, is_adjusted
from .algorithms import ALGORITHMS
from .combo_rules import COMBO_RULES
from .condition_rules import CONDITION_RULES
from .order_types import TIMES, OrderType
from .wish import Rule, Wish, invalid

SIDES = ("BUY", "SELL", "SSHORT")
UNTRADED = ("IND", "NEWS", "CRYPTOINDEX")  # kinds of security that nobody can buy
UNTAGGED_PRICES = ("CASH",)  # kinds of security whose prices a rule of the contract does not bind here
BY_CASH = ("CASH", "CRYPTO", "STK")  # kinds of security that can be ordered for an amount of money
LEAST_BLOCK = 50
MOST_SIZE, MOST_PRICE = 1e12, 1e9  # beyond what any market has, and of which an account can still reckon every cent
PRICES = ("limit_price", "auxiliary_price", "trail_stop_price", "limit_price_offset", "discretionary_amount",
          "trigger_price", "adjusted_stop_price", "adjusted_stop_limit_price", "adjusted_trailing_amount")  # fmt: skip

# Attributes that are not simulated, by our name and IB's. An order with one of them would be another order.
UNSUPPORTED = {
    "scale_price_increment": "scalePriceIncrement", "scale_initial_level_size": "scaleInitLevelSize",
    "scale_table": "scaleTable", "hedge_type": "hedgeType", "delta_neutral_order_type": "deltaNeutralOrderType",
    "delta_neutral_contract": "deltaNeutralContract", "volatility": "volatility", "algo_id": "algoId",
    "auction_strategy": "auctionStrategy", "active_start_time": "activeStartTime",
    "active_stop_time": "activeStopTime", "is_oms_container": "isOmsContainer", "model_code": "modelCode",
}  # fmt: skip
ADVISED = ("advisor_group", "advisor_method", "advisor_percentage", "advisor_profile")

# What a rule looks at, in the words of the wish
TYPE, SIZE, CASH, FORCE = "order_type", "total_quantity", "cash_quantity", "time_in_force"
NAMED = (TYPE, "limit_price", "auxiliary_price", "trail_stop_price")


def _kind(wish: Wish) -> OrderType:
    assert wish.type is not None  # the first rule
    return wish.type


def _time_in_force(wish: Wish) -> str:
    return str(wish.values["time_in_force"] or "DAY")


def _needs(wish: Wish, need: str, name: str) -> bool:
    return need == "must" and wish.values[name] is None


def _is_too_large(wish: Wish) -> bool:
    return wish.size > MOST_SIZE or _cash(wish) > MOST_SIZE


def _is_out_of_range(wish: Wish) -> bool:
    return any(abs(price) > MOST_PRICE for price in map(wish.values.get, PRICES) if price)


def _is_off_grid(wish: Wish) -> bool:
    return wish.security.sec_type not in UNTAGGED_PRICES and any(
        exact(price) % exact(wish.tick(price)) for price in wish.prices)


def _cannot_be_read(text: str) -> bool:
    return bool(text) and parse_time_us(text) is None


def _has_no_distance(wish: Wish) -> bool:
    """Return whether a trailing stop is without a distance, or has two."""
    given = wish.values["auxiliary_price"], wish.values["trailing_percent"]
    return _kind(wish).trigger == "trail" and sum(bool(one) for one in given) != 1


def _has_two_limits(wish: Wish) -> bool:
    given = wish.values["limit_price"], wish.values["limit_price_offset"]
    return _kind(wish).word == "TRAIL LIMIT" and sum(one is not None for one in given) == 2


def _force_fits(wish: Wish) -> bool:
    """Return whether a time in force is one, and one of the order's type."""
    force = _time_in_force(wish)
    return force in TIMES and (force != "OPG" or _kind(wish).word in ("MKT", "LMT"))


def _has_wrong_cash(wish: Wish) -> bool:
    """Return whether an order names an amount of money that nothing of its kind is ordered by."""
    fits = wish.security.sec_type in BY_CASH and _kind(wish).word in ("MKT", "LMT")
    return bool(_cash(wish)) and not fits


def _needs_cash(wish: Wish) -> bool:
    """Return whether an order has to name an amount of money, and does not: purchases of coins at any price."""
    buys = wish.security.sec_type == "CRYPTO" and wish.values["action"] == "BUY"
    return buys and _kind(wish).word == "MKT" and not _cash(wish)


def _is_too_small(wish: Wish) -> bool:
    least = Decimal(str(wish.security.details.get("min_size") or 0))
    return not _cash(wish) and wish.size < least


def _cash(wish: Wish) -> float:
    return float(wish.values.get("cash_quantity") or 0.0)


def _rule_10340(ours: str, theirs: str) -> Rule:
    return Rule(10340, f"The '{theirs}' order attribute is not supported.",
                lambda wish: (wish.values.get(ours) or "") not in NO_TYPE, about=(ours,))


RULES = (
    Rule(387, "Unsupported order type for this exchange and security type.", lambda wish: wish.type is None,
         also=(TYPE,)),
    Rule(412, "The contract is not available for trading.", lambda wish: wish.security.sec_type in UNTRADED),
    Rule(321, invalid("Invalid side"), lambda wish: wish.values["action"] not in SIDES, also=("action",)),
    Rule(383, "The size exceeds the size limit: the constraint of presets.", _is_too_large, also=(SIZE, CASH)),
    Rule(382, "The price exceeds the limit of prices: the constraint of presets.", _is_out_of_range, also=PRICES),
    Rule(10293, "The order size must be empty or zero where a cash quantity is given.",
         lambda wish: _cash(wish) and wish.size, about=(CASH,), also=(SIZE,)),
    Rule(10244, "Cash Quantity cannot be used for this order.", _has_wrong_cash, about=(CASH,), also=(TYPE,)),
    Rule(10289, "You must set Cash Quantity for this order.", _needs_cash, also=(CASH, TYPE, "action")),
    Rule(321, invalid("The order size cannot be negative"), lambda wish: wish.size < 0 or _cash(wish) < 0,
         also=(SIZE, CASH)),
    Rule(434, "The order size cannot be zero.", lambda wish: wish.size == 0 and not _cash(wish), also=(SIZE, CASH)),
    Rule(10243, "Fractional-sized order cannot be placed via API. Please use desktop version of TWS.",
         lambda wish: wish.size % Decimal(str(wish.security.details.get("size_increment") or 1)), also=(SIZE,)),
    Rule(388, "The order size is smaller than the minimum requirement.", _is_too_small, also=(SIZE, CASH)),
    Rule(413, "The What-If order should have the transmit flag set to true.",
         lambda wish: wish.values["what_if"] and not wish.values["transmit"], about=("what_if",), also=("transmit",)),
    Rule(321, invalid("The limit price is missing"), lambda wish: _needs(wish, _kind(wish).limit, "limit_price"),
         also=(TYPE, "limit_price")),
    Rule(403, "Invalid stop price.", lambda wish: _needs(wish, _kind(wish).auxiliary, "auxiliary_price"),
         also=(TYPE, "auxiliary_price")),
    Rule(158, "Trailing amount or trailing percent, and only one of them, must be given.", _has_no_distance,
         also=(TYPE, "auxiliary_price", "trailing_percent")),
    Rule(159, "The trailing percent must be between 0 and 100.",
         lambda wish: _kind(wish).trigger == "trail" and not 0 <= (wish.values["trailing_percent"] or 0) < 100,
         also=(TYPE, "trailing_percent")),
    Rule(321, invalid("A trailing limit order has a limit price or a limit offset, not both"), _has_two_limits,
         also=(TYPE, "limit_price", "limit_price_offset")),
    Rule(110, "The price does not conform to the minimum price variation for this contract.", _is_off_grid,
         also=(*NAMED, "exchange")),
    Rule(113, "The Tif should be set to DAY for MOC and LOC orders.",
         lambda wish: _kind(wish).closes and _time_in_force(wish) != "DAY", also=(TYPE, FORCE)),
    Rule(111, "The TIF (TIF type) and the order type are incompatible.", lambda wish: not _force_fits(wish),
         also=(TYPE, FORCE)),
    Rule(343, "The date, time, or time-zone entered is invalid.",
         lambda wish: any(_cannot_be_read(wish.values[name]) for name in ("good_till_date", "good_after_time")),
         about=("good_till_date", "good_after_time")),
    Rule(334, "Invalid Good Till Date order.",
         lambda wish: _time_in_force(wish) == "GTD" and not wish.values["good_till_date"],
         also=(FORCE, "good_till_date")),
    Rule(146, "Invalid trigger method.", lambda wish: (wish.values["trigger_method"] or 0) not in METHODS,
         about=("trigger_method",)),
    Rule(321, invalid("Invalid OCA type"), lambda wish: (wish.values["oca_type"] or 0) not in (0, 1, 2, 3),
         about=("oca_type",)),
    Rule(117, "Block order size must be at least 50.",
         lambda wish: wish.values["block_order"] and wish.size < LEAST_BLOCK, about=("block_order",), also=(SIZE,)),
    Rule(10020, "Display size should be smaller than order size.",
         lambda wish: (wish.values["display_size"] or 0) > wish.size, about=("display_size",), also=(SIZE,)),
    Rule(157, "Iceberg order cannot be discretionary.",
         lambda wish: wish.values["display_size"] and wish.values["discretionary_amount"], about=("display_size",),
         also=("discretionary_amount",)),
    Rule(325, "Discretionary orders are not supported for this combination of order type and exchange.",
         lambda wish: wish.values["discretionary_amount"] and _kind(wish).word != "LMT",
         about=("discretionary_amount",), also=(TYPE,)),
    Rule(321, invalid("The minimum quantity is larger than the order"),
         lambda wish: (wish.values["minimum_quantity"] or 0) > wish.size and not _cash(wish),
         about=("minimum_quantity",), also=(SIZE, CASH)),
    Rule(321, invalid("Only a stop order can be adjusted to a stop, stop limit or trailing order"),
         lambda wish: is_adjusted(wish.values) and (
             _kind(wish).word != "STP" or wish.values["adjusted_order_type"] not in ADJUSTED),
         about=("adjusted_order_type",), also=(TYPE,)),
    Rule(361, "Invalid trigger price.", lambda wish: is_adjusted(wish.values) and not wish.values["trigger_price"],
         about=("adjusted_order_type",), also=("trigger_price",)),
    Rule(362, "Invalid adjusted stop price.",
         lambda wish: is_adjusted(wish.values) and not wish.values["adjusted_stop_price"],
         about=("adjusted_order_type",), also=("adjusted_stop_price",)),
    Rule(363, "Invalid adjusted stop limit price.",
         lambda wish: wish.values["adjusted_order_type"] == "STP LMT" and not wish.values["adjusted_stop_limit_price"],
         about=("adjusted_order_type",), also=("adjusted_stop_limit_price",)),
    Rule(364, "Invalid adjusted trailing amount.",
         lambda wish: wish.values["adjusted_order_type"] == "TRAIL" and not wish.values["adjusted_trailing_amount"],
         about=("adjusted_order_type",), also=("adjusted_trailing_amount",)),
    Rule(10297, "The 'notHeld' attribute must be set for orders at IBKRATS.",
         lambda wish: wish.values["exchange"] == "IBKRATS" and not wish.values["not_held"],
         also=("exchange", "not_held")),
    Rule(10268, "The 'EtradeOnly' order attribute is not supported.",
         lambda wish: wish.values["electronic_trade_only"], about=("electronic_trade_only",)),
    Rule(10269, "The 'firmQuoteOnly' order attribute is not supported.", lambda wish: wish.values["firm_quote_only"],
         about=("firm_quote_only",)),
    Rule(10270, "The 'nbboPriceCap' order attribute is not supported.", lambda wish: wish.values["nbbo_price_cap"],
         about=("nbbo_price_cap",)),
    Rule(10274, "The 'postToAts' order attribute is not allowed.", lambda wish: wish.values.get("post_to_ats"),
         about=("post_to_ats",)),
    Rule(10342, "The 'imbalanceOnly' order attribute is not supported.",
         lambda wish: wish.values.get("imbalance_only"), about=("imbalance_only",)),
    Rule(442, "Specified algorithm is not allowed for this order.",
         lambda wish: wish.values["algo_strategy"] and wish.values["algo_strategy"].upper() not in ALGORITHMS,
         about=("algo_strategy",)),
    Rule(332, "Allocation of an order needs an advisor's account.",
         lambda wish: any(wish.values.get(name) for name in ADVISED), about=ADVISED),
    *(_rule_10340(ours, theirs) for ours, theirs in UNSUPPORTED.items()),
    *COMBO_RULES,
    *CONDITION_RULES,
)

OF_ALL = tuple(rule for rule in RULES if not rule.about)  # most orders are plain: the others hold for these
FIELDS = tuple(dict.fromkeys(name for rule in RULES for name in rule.about))


def refusal(wish: Wish, changed: tuple[str, ...] | None = None) -> tuple[int, str] | None:
    """Return IB's code and text for the first fault of an order, None for one that may be.

    `changed` are the fields in which it differs from one for the same instrument that may be, where there is one.
    """
    rules = _rules(wish) if changed is None else _rules_about(changed)
    for rule in rules:
        if rule.broken(wish):
            return rule.code, rule.text
    return None


def _rules(wish: Wish) -> tuple[Rule, ...]:
    return RULES if wish.legs or any(map(wish.values.get, FIELDS)) else OF_ALL


@lru_cache(256)
def _rules_about(changed: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules that changes of some fields can break."""
    return tuple(rule for rule in RULES if not {*rule.about, *rule.also}.isdisjoint(changed))


def text_of(code: int) -> str:
    """Return IB's text of a code, of which there may be others; a general one for a code that stands in no rule."""
    return next((rule.text for rule in RULES if rule.code == code), "Order rejected - reason:Rejected on purpose.")
