"""Why an order for a combination may not be: rules of IB's codes and texts, as `refusals` has them of the rest."""

from .wish import Rule, Wish

SMART = "SMART"
REDUCE = 3  # the OCA type that a combination may have
NON_GUARANTEED = "NonGuaranteed"


def _is_smart(wish: Wish) -> bool:
    return bool(wish.legs) and wish.values["exchange"] == SMART


def _is_guaranteed(wish: Wish) -> bool:
    """Return whether all legs fill together or none does: IB's usual combination."""
    tags = {one["tag"]: one["value"] for one in wish.values.get("combo_parameters") or ()}
    return str(tags.get(NON_GUARANTEED)) != "1"


def _prices_legs(wish: Wish) -> bool:
    prices = [one["price"] for one in wish.values.get("leg_prices") or ()]
    may = len(wish.legs) == 2 and not _is_guaranteed(wish)
    return any(price is not None for price in prices) and not may


# Of what they look at only the legs are named: a change of a combination is looked at like a new one
COMBO_RULES = tuple(rule._replace(about=("legs",)) for rule in (
    Rule(314, "Combo details are invalid: a leg has no side or no ratio.",
         lambda wish: any(leg.ratio < 1 for leg in wish.legs)),
    Rule(10058, "Leg prices are taken for non-guaranteed combinations of two legs only.", _prices_legs),
    Rule(350, "Minimum quantity is not supported for combo orders.",
         lambda wish: wish.legs and wish.values["minimum_quantity"]),
    Rule(356, "Smart combo orders cannot be in an OCA group.",
         lambda wish: _is_smart(wish) and _is_guaranteed(wish) and wish.values["oca_group"]),
    Rule(359, "The only OCA type for combo orders is 3, reduce without block.",
         lambda wish: wish.legs and wish.values["oca_group"] and wish.values["oca_type"] != REDUCE),
    Rule(358, "Smart combo child orders are not supported.",
         lambda wish: _is_smart(wish) and wish.values["parent_id"]),
    Rule(360, "What-If is not supported for smart combo orders.",
         lambda wish: _is_smart(wish) and wish.values["what_if"]),
))  # fmt: skip
