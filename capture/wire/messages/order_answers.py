"""Answers about orders and executions, which a gateway sends; server versions 157 to 200 (text protocol).

Their fields have the names of capture.wire.messages.order_fields. Words that IB writes for none where a text should be
stay what they are: `?` of `right` and of `delta_neutral_open_close`, `None` of `delta_neutral_order_type` (behind which
the fields of such an order follow, as behind any other word) and of `adjusted_order_type`.
"""

from .contract_fields import ANSWERED_CONTRACT
from .message import MAXIMUM, Element, Field, Kind, Message, Repeat, texts
from .order_blocks import (
    ALGO,
    COMBO,
    COMPLETED_DELTA_NEUTRAL_ORDER,
    DELTA_NEUTRAL_CONTRACT,
    DELTA_NEUTRAL_ORDER,
    HEDGE,
    PEG_BENCHMARK,
    SCALE,
)
from .order_conditions import CONDITIONS
from .order_fields import EXEMPT_CODE, empty, maximum, zero

# fmt: off  (a table)
_SCALE: tuple[Element, ...] = (
    *maximum("scale_initial_level_size scale_subsequent_level_size"), *empty("scale_price_increment"), SCALE)
_PEGS = empty("minimum_trade_quantity minimum_compete_size compete_against_best_offset mid_offset_at_whole "
              "mid_offset_at_half", since=170)
_MARGINS = tuple(f"{name}_{when}" for when in ("before", "change", "after")
                 for name in ("initial_margin", "maintenance_margin", "equity_with_loan"))
_ALLOCATIONS = Repeat("allocations", (
    Field("account", Kind.TEXT), *(Field(name, Kind.DECIMAL) for name in (
        "position", "position_desired", "position_after", "desired_quantity", "allowed_quantity")),
    Field("is_monetary", Kind.BOOL)), since=195)

OPEN_ORDER = Message(5, "open_order", (
    *empty("order_id"), *ANSWERED_CONTRACT, *empty("action total_quantity order_type"),
    *zero("limit_price auxiliary_price time_in_force oca_group account open_close origin order_reference client_id "
          "permanent_id outside_regular_hours hidden discretionary_amount good_after_time shares_allocation "
          "advisor_group advisor_method advisor_percentage"),
    *empty("advisor_profile", until=177),
    *empty("model_code good_till_date rule_80a percent_offset settling_firm"),
    *zero("short_sale_slot designated_location"), EXEMPT_CODE, *zero("auction_strategy"),
    *empty("starting_price stock_reference_price delta stock_range_lower stock_range_upper"),
    *maximum("display_size block_order sweep_to_fill all_or_none"), *empty("minimum_quantity"), *zero("oca_type"),
    *empty("electronic_trade_only firm_quote_only nbbo_price_cap"), *zero("parent_id trigger_method"),
    *empty("volatility"), *zero("volatility_type"), *empty("delta_neutral_order_type delta_neutral_auxiliary_price"),
    DELTA_NEUTRAL_ORDER, *zero("continuous_update reference_price_type"),
    *empty("trail_stop_price trailing_percent basis_points basis_points_type legs_description"), *COMBO,
    *_SCALE, *HEDGE, *empty("opt_out_smart_routing clearing_account clearing_intent not_held"),
    *DELTA_NEUTRAL_CONTRACT, *ALGO, *empty("solicited what_if"),
    *empty("status"), *maximum(" ".join(_MARGINS)),
    *maximum("commission minimum_commission maximum_commission commission_currency"),
    *maximum("margin_currency", since=195),
    *maximum(" ".join(f"{name}_outside_hours" for name in _MARGINS), since=195),
    *maximum("suggested_size reject_reason", since=195), _ALLOCATIONS, *empty("warning_text"),
    *empty("randomize_size randomize_price"), PEG_BENCHMARK, *CONDITIONS,
    *maximum("adjusted_order_type trigger_price trail_stop_price limit_price_offset adjusted_stop_price "
             "adjusted_stop_limit_price adjusted_trailing_amount"),
    *zero("adjustable_trailing_unit soft_dollar_name soft_dollar_value soft_dollar_title cash_quantity "
          "automatic_price_for_hedge_off is_oms_container discretionary_up_to_limit_price use_price_management_algo"),
    *empty("duration", since=158), *empty("post_to_ats", since=160), *empty("auto_cancel_parent", since=162),
    *_PEGS, *empty("customer_account", since=183), *empty("professional_customer", since=184),
    *empty("bond_accrued_interest", since=185), *empty("include_overnight", since=189),
    *maximum("external_operator manual_order_indicator", since=193),
    *empty("submitter", since=198), *empty("imbalance_only", since=199)))

COMPLETED_ORDER = Message(101, "completed_order", (
    *ANSWERED_CONTRACT, *empty("action total_quantity order_type"),
    *zero("limit_price auxiliary_price time_in_force oca_group account open_close origin order_reference permanent_id "
          "outside_regular_hours hidden discretionary_amount good_after_time advisor_group advisor_method "
          "advisor_percentage"),
    *empty("advisor_profile", until=177),
    *empty("model_code good_till_date rule_80a percent_offset settling_firm"),
    *zero("short_sale_slot designated_location"), EXEMPT_CODE,
    *empty("starting_price stock_reference_price delta stock_range_lower stock_range_upper"),
    *maximum("display_size sweep_to_fill all_or_none"), *empty("minimum_quantity"), *zero("oca_type trigger_method"),
    *empty("volatility"), *zero("volatility_type"), *empty("delta_neutral_order_type delta_neutral_auxiliary_price"),
    COMPLETED_DELTA_NEUTRAL_ORDER, *zero("continuous_update reference_price_type"),
    *empty("trail_stop_price trailing_percent legs_description"), *COMBO,
    *_SCALE, *HEDGE, *empty("clearing_account clearing_intent not_held"),
    *DELTA_NEUTRAL_CONTRACT, *ALGO, *empty("solicited status randomize_size randomize_price"),
    PEG_BENCHMARK, *CONDITIONS, *maximum("trail_stop_price limit_price_offset"),
    *zero("cash_quantity automatic_price_for_hedge_off is_oms_container auto_cancel_date filled_quantity "
          "reference_futures_con_id auto_cancel_parent shareholder imbalance_only route_marketable_to_bbo"),
    *maximum("parent_permanent_id completed_time completed_status"),
    *_PEGS, *empty("customer_account", since=183), *empty("professional_customer", since=184),
    *empty("submitter", since=198)))

_ID = Field("request_id", Kind.INT)
ORDER_ANSWERS = (
    OPEN_ORDER,
    COMPLETED_ORDER,
    Message(3, "order_status", (
        *empty("order_id"), Field("status", Kind.TEXT), Field("filled", Kind.DECIMAL, none="0"),
        Field("remaining", Kind.DECIMAL, none="0"), Field("average_fill_price", Kind.FLOAT, none="0"),
        *zero("permanent_id parent_id"), Field("last_fill_price", Kind.FLOAT, none="0"), *zero("client_id"),
        Field("why_held", Kind.TEXT), Field("market_cap_price", Kind.FLOAT, none="0"))),
    Message(100, "order_bound", empty("permanent_id client_id order_id")),
    Message(53, "open_orders_end", (), version=1),
    Message(102, "completed_orders_end", ()),
    # `exchange` is the contract's, `execution_exchange` where it was filled. A request id of -1: it came unasked.
    Message(11, "execution_details", (
        _ID, *empty("order_id"), *ANSWERED_CONTRACT, *texts("execution_id", "time", "account", "execution_exchange",
        "side"), Field("shares", Kind.DECIMAL), Field("price", Kind.FLOAT), *zero("permanent_id client_id"),
        Field("liquidation", Kind.INT, none="0"), Field("cumulative_quantity", Kind.DECIMAL),
        Field("average_price", Kind.FLOAT), *empty("order_reference"), Field("ev_rule", Kind.TEXT),
        Field("ev_multiplier", Kind.FLOAT), *empty("model_code"), Field("last_liquidity", Kind.INT, none="0"),
        Field("pending_price_revision", Kind.BOOL, since=178), *empty("submitter", since=198))),
    Message(55, "executions_end", (_ID,), version=1),
    Message(59, "commission_report", (
        Field("execution_id", Kind.TEXT), *empty("commission"), Field("currency", Kind.TEXT),
        Field("realized", Kind.FLOAT, none=MAXIMUM[Kind.FLOAT]),
        Field("yield", Kind.FLOAT, none=MAXIMUM[Kind.FLOAT]), Field("yield_redemption_date", Kind.INT)),
        version=1),
)
