"""Requests about orders, which a gateway reads and no recorder can send; server versions 157 to 200 (text protocol).

`request_codec(version).decode(payload)` of capture.wire.text.codec gives `.name` and `.values`, a dict by the names of
capture.wire.messages.order_fields: numbers are floats or ints, None where they were not given, texts are never None.
`legs`, `leg_prices`, `combo_parameters`, `algo_parameters` and `conditions` are lists of dicts. Parts that an order
has only under a condition (capture.wire.messages.order_blocks) are not in the dict of one without them: use `get`.
`PLACE_ORDER.pick` and `OPEN_ORDER.pick` take of a dict what the message has fields for, so that
`answer_codec(version).encode("open_order", OPEN_ORDER.pick(placed) | state)` writes a placed order as an answer.
A frame that cannot be read raises MalformedFrameError, which names the field. `request_id(payload)` of the codec is
then the order id to answer with 320.
"""

from .contract_fields import ANSWERED_CONTRACT, CONTRACT
from .message import Field, Kind, Message, Permission, When, texts
from .order_blocks import (
    ALGO,
    COMBO,
    DELTA_NEUTRAL_CONTRACT,
    DELTA_NEUTRAL_ORDER,
    HEDGE,
    PEG_BENCHMARK,
    PLACED_PEGS,
    SCALE,
)
from .order_conditions import CONDITIONS
from .order_fields import EXEMPT_CODE, empty, maximum, zero

# fmt: off  (a table)

# Who is behind an order. IB brought it in, took it out again, and brought it back without the user.
_TRIED = (*empty("external_user_id", 187, 190), *maximum("manual_order_indicator", 187, 190))
_TAGGED = maximum("external_operator manual_order_indicator", since=192)

PLACE_ORDER = Message(3, "place_order", (
    *empty("order_id"), *CONTRACT, *texts("sec_id_type", "sec_id"),
    *empty("action total_quantity order_type limit_price auxiliary_price"),
    *zero("time_in_force oca_group account open_close origin order_reference transmit parent_id block_order "
          "sweep_to_fill display_size trigger_method outside_regular_hours hidden"),
    When("sec_type", ("BAG",), COMBO),
    *zero("shares_allocation discretionary_amount good_after_time good_till_date advisor_group advisor_method "
          "advisor_percentage"),
    *empty("advisor_profile", until=177),
    *zero("model_code short_sale_slot designated_location"), EXEMPT_CODE,
    *zero("oca_type rule_80a settling_firm all_or_none"),
    *empty("minimum_quantity percent_offset electronic_trade_only firm_quote_only nbbo_price_cap"),
    *zero("auction_strategy"),
    *empty("starting_price stock_reference_price delta stock_range_lower stock_range_upper "
           "override_percentage_constraints volatility volatility_type delta_neutral_order_type "
           "delta_neutral_auxiliary_price"),
    DELTA_NEUTRAL_ORDER,
    *empty("continuous_update reference_price_type trail_stop_price trailing_percent scale_initial_level_size "
           "scale_subsequent_level_size scale_price_increment"),
    SCALE, *empty("scale_table active_start_time active_stop_time"), *HEDGE,
    *empty("opt_out_smart_routing clearing_account clearing_intent not_held"),
    *DELTA_NEUTRAL_CONTRACT, *ALGO,
    *empty("algo_id what_if miscellaneous_options solicited randomize_size randomize_price"),
    PEG_BENCHMARK, *CONDITIONS,
    *maximum("adjusted_order_type trigger_price limit_price_offset adjusted_stop_price adjusted_stop_limit_price "
             "adjusted_trailing_amount"),
    *zero("adjustable_trailing_unit external_operator soft_dollar_name soft_dollar_value"),
    *maximum("cash_quantity"),
    *zero("mifid2_decision_maker mifid2_decision_algo mifid2_execution_trader mifid2_execution_algo "
          "automatic_price_for_hedge_off is_oms_container discretionary_up_to_limit_price"),
    *empty("use_price_management_algo"),
    *maximum("duration", since=158), *maximum("post_to_ats", since=160), *zero("auto_cancel_parent", since=162),
    *empty("advanced_error_override", since=166), *empty("manual_order_time", since=169),
    *PLACED_PEGS,
    *empty("customer_account", since=183), *empty("professional_customer", since=184),
    *_TRIED, *empty("include_overnight", since=189),
    *maximum("manual_order_indicator", since=192), *empty("imbalance_only", since=199)),
    permission=Permission.ORDERS)

CANCEL_ORDER = Message(4, "cancel_order", (
    *empty("order_id"), *empty("manual_order_cancel_time", since=169),
    *empty("external_operator", 187, 190), *_TRIED, *_TAGGED),
    version=1, version_until=192, permission=Permission.ORDERS)

CANCEL_ALL_ORDERS = Message(
    58, "cancel_all_orders", _TAGGED, version=1, version_until=192, permission=Permission.ORDERS)

# `exercise_action` is 1 to exercise and 2 to let lapse.
EXERCISE_OPTIONS = Message(21, "exercise_options", (
    Field("request_id", Kind.INT), *ANSWERED_CONTRACT, Field("exercise_action", Kind.INT),
    Field("exercise_quantity", Kind.INT), *empty("account"), Field("override", Kind.BOOL),
    *empty("manual_order_time", since=180), *empty("customer_account", since=183),
    *empty("professional_customer", since=184)), version=2, permission=Permission.ORDERS)

ORDER_REQUESTS = (PLACE_ORDER, CANCEL_ORDER, CANCEL_ALL_ORDERS, EXERCISE_OPTIONS)
