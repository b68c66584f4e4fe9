"""The parts of an order that are there only where something in front of them says so, and those that repeat."""

import math

from .message import SOMETHING, Element, Field, Kind, Repeat, When, floats, texts
from .order_fields import EXEMPT_CODE, empty, zero

# fmt: off  (a table)
TAGS = texts("tag", "value")

# Of the legs, `open_close` is a number: 0 same as the order, 1 open, 2 close, 3 unknown.
LEGS = Repeat("legs", (
    Field("con_id", Kind.INT), Field("ratio", Kind.INT), *texts("action", "exchange"),
    Field("open_close", Kind.INT, none="0"), *zero("short_sale_slot designated_location"), EXEMPT_CODE))
LEG_PRICES = Repeat("leg_prices", floats("price"))
COMBO_PARAMETERS = Repeat("combo_parameters", TAGS)
COMBO = (LEGS, LEG_PRICES, COMBO_PARAMETERS)

DELTA_NEUTRAL_ORDER = When("delta_neutral_order_type", SOMETHING, zero(
    "delta_neutral_con_id delta_neutral_settling_firm delta_neutral_clearing_account delta_neutral_clearing_intent "
    "delta_neutral_open_close delta_neutral_short_sale delta_neutral_short_sale_slot "
    "delta_neutral_designated_location"))
# A completed order says less about it.
COMPLETED_DELTA_NEUTRAL_ORDER = When("delta_neutral_order_type", SOMETHING, zero(
    "delta_neutral_con_id delta_neutral_short_sale delta_neutral_short_sale_slot delta_neutral_designated_location"))
# What the contract is made neutral with: not the order above.
DELTA_NEUTRAL_CONTRACT: tuple[Element, ...] = (
    Field("delta_neutral_contract", Kind.BOOL),
    When("delta_neutral_contract", (True,), (
        Field("delta_neutral_contract_con_id", Kind.INT, none="0"),
        Field("delta_neutral_contract_delta", Kind.FLOAT, none="0"),
        Field("delta_neutral_contract_price", Kind.FLOAT, none="0"))))

SCALE = When("scale_price_increment", SOMETHING, empty(
    "scale_price_adjust_value scale_price_adjust_interval scale_profit_offset scale_auto_reset scale_initial_position "
    "scale_initial_fill_quantity scale_random_percent"))
HEDGE: tuple[Element, ...] = (*empty("hedge_type"), When("hedge_type", SOMETHING, empty("hedge_parameter")))
ALGO: tuple[Element, ...] = (
    *empty("algo_strategy"), When("algo_strategy", SOMETHING, (Repeat("algo_parameters", TAGS),)))

PEG_BENCHMARK = When("order_type", ("PEG BENCH", "PEGBENCH"), zero(
    "reference_con_id pegged_change_amount_decreases pegged_change_amount reference_change_amount reference_exchange"))
# An infinite offset means up to the midpoint.
_MID_OFFSETS = empty("mid_offset_at_whole mid_offset_at_half")
PLACED_PEGS = (
    When("exchange", ("IBKRATS",), empty("minimum_trade_quantity"), since=170),
    When("order_type", ("PEG BEST", "PEGBEST"), (
        *empty("minimum_compete_size compete_against_best_offset"),
        When("compete_against_best_offset", (math.inf,), _MID_OFFSETS)), since=170),
    When("order_type", ("PEG MID", "PEGMID"), _MID_OFFSETS, since=170),
)
