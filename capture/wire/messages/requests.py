"""Every request a client may send, as data, each with who may send it: ticktape's gateway understands them all.

A connection can encode only what its permission allows; that of a recorder is market data, and never orders
(capture.wire.messages.order_requests).
Layouts are those of server versions 157 to 200 (text protocol).
"""

from dataclasses import replace

from .account_requests import ACCOUNT_REQUESTS
from .contract_fields import CONTRACT, DELTA_NEUTRAL, LEGS
from .message import Field, Kind, Message, Permission, floats, ints, texts
from .order_requests import ORDER_REQUESTS

# fmt: off  (a table: one message a few lines)
INT, BOOL, TEXT, FLOAT = Kind.INT, Kind.BOOL, Kind.TEXT, Kind.FLOAT


def permit(permission: Permission, *messages: Message) -> tuple[Message, ...]:
    """Return requests that whoever has one of these permissions may send."""
    return tuple(replace(message, permission=permission) for message in messages)


REQUEST_ID = Field("request_id", INT)

MARKET_REQUESTS = permit(
    Permission.MARKET_DATA,
    Message(1, "req_market_data", (
        REQUEST_ID, *CONTRACT, LEGS, *DELTA_NEUTRAL, Field("generic_ticks", TEXT), Field("snapshot", BOOL),
        Field("regulatory_snapshot", BOOL), Field("options", TEXT)), version=11),
    Message(2, "cancel_market_data", (REQUEST_ID,), version=2),
    Message(59, "req_market_data_type", ints("data_type"), version=1),
    Message(97, "req_tick_by_tick", (
        REQUEST_ID, *CONTRACT, Field("tick_kind", TEXT), Field("number_of_ticks", INT), Field("ignore_size", BOOL))),
    Message(98, "cancel_tick_by_tick", (REQUEST_ID,)),
    Message(10, "req_market_depth", (
        REQUEST_ID, *CONTRACT, Field("rows", INT), Field("smart", BOOL), Field("options", TEXT)), version=5),
    Message(11, "cancel_market_depth", (REQUEST_ID, Field("smart", BOOL)), version=1),
    Message(82, "req_depth_exchanges", ()),
    Message(50, "req_real_time_bars", (
        REQUEST_ID, *CONTRACT, Field("bar_size_s", INT), Field("what", TEXT), Field("regular_hours", BOOL),
        Field("options", TEXT)), version=3),
    Message(51, "cancel_real_time_bars", (REQUEST_ID,), version=1),
    Message(83, "req_smart_components", (REQUEST_ID, Field("bbo_exchange", TEXT))),
    Message(91, "req_market_rule", ints("rule_id")),
)

HISTORY_REQUESTS = permit(
    Permission.MARKET_DATA,
    Message(20, "req_historical_data", (
        REQUEST_ID, *CONTRACT, Field("include_expired", BOOL), *texts("end", "bar_size", "duration"),
        Field("regular_hours", BOOL), Field("what", TEXT), Field("date_format", INT), LEGS, Field("keep_up_to_date", BOOL),
        Field("options", TEXT))),
    Message(25, "cancel_historical_data", (REQUEST_ID,), version=1),
    Message(96, "req_historical_ticks", (
        REQUEST_ID, *CONTRACT, Field("include_expired", BOOL), *texts("start", "end"), Field("number_of_ticks", INT),
        Field("what", TEXT), Field("regular_hours", BOOL), Field("ignore_size", BOOL), Field("options", TEXT))),
    Message(87, "req_head_timestamp", (
        REQUEST_ID, *CONTRACT, Field("include_expired", BOOL), Field("regular_hours", BOOL), Field("what", TEXT),
        Field("date_format", INT))),
    Message(90, "cancel_head_timestamp", (REQUEST_ID,)),
    Message(88, "req_histogram", (
        REQUEST_ID, *CONTRACT, Field("include_expired", BOOL), Field("regular_hours", BOOL), Field("period", TEXT))),
    Message(89, "cancel_histogram", (REQUEST_ID,)),
)

REFERENCE_REQUESTS = permit(
    Permission.MARKET_DATA,
    Message(9, "req_contract_details", (
        REQUEST_ID, *CONTRACT, Field("include_expired", BOOL), *texts("sec_id_type", "sec_id"),
        Field("issuer_id", TEXT, since=176)), version=8),
    Message(81, "req_matching_symbols", (REQUEST_ID, Field("pattern", TEXT))),
    Message(78, "req_option_parameters", (
        REQUEST_ID, *texts("under_symbol", "future_exchange", "under_sec_type"), Field("under_con_id", INT))),
    # IB's Python client counts its options before the option text, its Java client does not; without
    # options both end in one empty or zero field, and the count-free form is the one the field table knows.
    Message(52, "req_fundamental_data", (
        REQUEST_ID, Field("con_id", INT), *texts("symbol", "sec_type", "exchange", "primary_exchange", "currency",
        "local_symbol", "report_type", "options")), version=2),
    Message(53, "cancel_fundamental_data", (REQUEST_ID,), version=1),
)

SESSION_REQUESTS = permit(
    Permission.ANY,
    Message(71, "start_api", (Field("client_id", INT), Field("capabilities", TEXT)), version=2),
    Message(49, "req_current_time", (), version=1),
    Message(105, "req_current_time_millis", ()),
    Message(8, "req_ids", ints("count"), version=1),
    Message(17, "req_managed_accounts", (), version=1),
    Message(14, "set_log_level", ints("level"), version=1),
    Message(104, "req_user_info", (REQUEST_ID,)),
)

# What the gateway answers besides, with little or nothing; a recorder never asks.
_PRICED = (REQUEST_ID, *CONTRACT)
_SCAN = (
    REQUEST_ID, Field("rows", INT), *texts("instrument", "location", "scan"), *floats("above_price", "below_price"),
    Field("above_volume", INT), *floats("market_cap_above", "market_cap_below"),
    *texts("moody_rating_above", "moody_rating_below", "sp_rating_above", "sp_rating_below", "maturity_date_above",
           "maturity_date_below"),
    *floats("coupon_rate_above", "coupon_rate_below"), Field("exclude_convertible", BOOL),
    Field("average_option_volume_above", INT),
    *texts("settings", "stock_type", "filter_options", "options"))
_OTHER_ROWS = (
    (12, "req_news_bulletins", (Field("all_messages", BOOL),), 1),
    (13, "cancel_news_bulletins", (), 1),
    (18, "req_financial_advisor", (Field("data_type", INT),), 1),
    (19, "replace_financial_advisor", (Field("data_type", INT), Field("xml", TEXT), REQUEST_ID), 1),
    (22, "req_scanner_subscription", _SCAN, None),
    (23, "cancel_scanner_subscription", (REQUEST_ID,), 1),
    (24, "req_scanner_parameters", (), 1),
    (54, "req_implied_volatility", (*_PRICED, *floats("option_price", "underlying_price"), Field("options", TEXT)), 3),
    (55, "req_option_price", (*_PRICED, *floats("volatility", "underlying_price"), Field("options", TEXT)), 3),
    (56, "cancel_implied_volatility", (REQUEST_ID,), 1),
    (57, "cancel_option_price", (REQUEST_ID,), 1),
    (65, "verify", texts("api_name", "api_version"), 1),
    (66, "verify_message", texts("api_data"), 1),
    (67, "req_display_groups", (REQUEST_ID,), 1),
    (68, "subscribe_display_group", (REQUEST_ID, Field("group", INT)), 1),
    (69, "update_display_group", (REQUEST_ID, Field("contract_info", TEXT)), 1),
    (70, "unsubscribe_display_group", (REQUEST_ID,), 1),
    (72, "verify_and_authorize", texts("api_name", "api_version", "opaque_key"), 1),
    (73, "verify_and_authorize_message", texts("api_data", "response"), 1),
    (79, "req_soft_dollar_tiers", (REQUEST_ID,), None),
    (80, "req_family_codes", (), None),
    (84, "req_news_article", (REQUEST_ID, *texts("provider", "article_id", "options")), None),
    (85, "req_news_providers", (), None),
    (86, "req_historical_news", (
        REQUEST_ID, Field("con_id", INT), *texts("providers", "start", "end"), Field("count", INT),
        Field("options", TEXT)), None),
    (100, "req_event_calendar_meta", (REQUEST_ID,), None),
    (101, "cancel_event_calendar_meta", (REQUEST_ID,), None),
    (102, "req_event_calendar", (
        REQUEST_ID, Field("con_id", INT), Field("filter", TEXT, since=171),
        *(Field(f"fill_{name}", BOOL, since=171) for name in ("watchlist", "portfolio", "competitors")),
        *(Field(name, TEXT, since=173) for name in ("start_date", "end_date")), Field("limit", INT, since=173)), None),
    (103, "cancel_event_calendar", (REQUEST_ID,), None),
)
_PERMISSIONS = {"replace_financial_advisor": Permission.ORDERS}
OTHER_REQUESTS = tuple(
    Message(id_, name, elements, version=version, permission=_PERMISSIONS.get(name, Permission.PROGRAM))
    for id_, name, elements, version in _OTHER_ROWS)

REQUESTS = (
    *MARKET_REQUESTS, *HISTORY_REQUESTS, *REFERENCE_REQUESTS, *SESSION_REQUESTS, *ACCOUNT_REQUESTS, *OTHER_REQUESTS,
    *ORDER_REQUESTS)
