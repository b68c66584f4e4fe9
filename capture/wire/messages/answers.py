"""Every message a gateway sends, as data; layouts are those of server versions 157 to 200 (text protocol)."""

from .account_answers import ACCOUNT_ANSWERS
from .message import Field, Kind, Message, Repeat, When, floats, ints, texts
from .order_answers import ORDER_ANSWERS

# fmt: off  (a table: one message a few lines)
INT, LONG, BOOL, TEXT, ESCAPED, FLOAT, DECIMAL = (
    Kind.INT, Kind.LONG, Kind.BOOL, Kind.TEXT, Kind.ESCAPED, Kind.FLOAT, Kind.DECIMAL)
REQUEST_ID = Field("request_id", INT)
TICK = (REQUEST_ID, Field("tick_type", INT))

TICKS = (
    Message(1, "tick_price", (*TICK, Field("price", FLOAT), Field("size", DECIMAL), Field("mask", INT)), version=6),
    Message(2, "tick_size", (*TICK, Field("size", DECIMAL)), version=6),
    Message(45, "tick_generic", (*TICK, Field("value", FLOAT)), version=6),
    Message(46, "tick_string", (*TICK, Field("text", TEXT)), version=6),
    Message(47, "tick_efp", (
        *TICK, Field("basis_points", FLOAT), Field("formatted_basis_points", TEXT), Field("implied_futures_price", FLOAT),
        Field("hold_days", INT), Field("future_last_trade_date", TEXT), Field("dividend_impact", FLOAT),
        Field("dividends_to_last_trade_date", FLOAT)), version=6),
    Message(21, "tick_option", (
        *TICK, Field("price_based", INT), *floats("implied_volatility", "delta", "option_price", "dividend_value",
        "gamma", "vega", "theta", "underlying_price"))),
    Message(57, "snapshot_end", (REQUEST_ID,), version=1),
    Message(58, "market_data_type", (REQUEST_ID, Field("data_type", INT)), version=1),
    Message(81, "tick_request_parameters", (
        REQUEST_ID, Field("min_tick", FLOAT), Field("bbo_exchange", TEXT), Field("snapshot_permissions", INT))),
    Message(84, "tick_news", (
        REQUEST_ID, Field("time_ms", LONG), *texts("provider", "article_id", "headline", "extra"))),
    Message(91, "reroute_market_data", (REQUEST_ID, Field("con_id", INT), Field("exchange", TEXT))),
    Message(92, "reroute_market_depth", (REQUEST_ID, Field("con_id", INT), Field("exchange", TEXT))),
)

LAST = (Field("price", FLOAT), Field("size", DECIMAL), Field("mask", INT), *texts("exchange", "conditions"))
QUOTE = (*floats("bid_price", "ask_price"), Field("bid_size", DECIMAL), Field("ask_size", DECIMAL))
TICK_BY_TICK = Message(99, "tick_by_tick", (
    REQUEST_ID, Field("kind", INT),
    When("kind", (1, 2), (Field("time", LONG), *LAST)),
    When("kind", (3,), (Field("time", LONG), *QUOTE, Field("mask", INT))),
    When("kind", (4,), (Field("time", LONG), Field("price", FLOAT))),
))
HISTORICAL_TICKS = (
    Message(96, "historical_midpoints", (
        REQUEST_ID, Repeat("ticks", (Field("time", LONG), Field("unused", TEXT), Field("price", FLOAT), Field("size", DECIMAL))),
        Field("done", BOOL))),
    # The mask's two bits stand the other way round than in tick_by_tick: here 1 is the ask's, 2 the bid's.
    Message(97, "historical_quotes", (
        REQUEST_ID, Repeat("ticks", (Field("time", LONG), Field("mask", INT), *QUOTE)), Field("done", BOOL))),
    Message(98, "historical_trades", (
        REQUEST_ID, Repeat("ticks", (
            Field("time", LONG), Field("mask", INT), Field("price", FLOAT), Field("size", DECIMAL),
            *texts("exchange", "conditions"))), Field("done", BOOL))),
)

BOOK_ROW = (*ints("operation", "side"), Field("price", FLOAT), Field("size", DECIMAL))
DEPTH = (
    Message(12, "market_depth", (REQUEST_ID, Field("position", INT), *BOOK_ROW), version=1),
    Message(13, "market_depth_l2", (
        REQUEST_ID, Field("position", INT), Field("market_maker", TEXT), *BOOK_ROW, Field("smart", BOOL)), version=1),
    Message(80, "depth_exchanges", (Repeat("exchanges", (
        *texts("exchange", "sec_type", "listing_exchange", "service_data_type"), Field("aggregated_group", INT))),)),
    Message(82, "smart_components", (REQUEST_ID, Repeat("components", (
        Field("bit", INT), *texts("exchange", "letter"))))),
)

PRICES = floats("open", "high", "low", "close")
BARS = (
    Message(50, "real_time_bar", (
        REQUEST_ID, Field("time", LONG), *PRICES, Field("volume", DECIMAL), Field("wap", DECIMAL), Field("trade_count", INT)),
        version=3),
    Message(17, "historical_data", (
        REQUEST_ID, Field("start", TEXT, until=196), Field("end", TEXT, until=196),
        Repeat("bars", (Field("bar_date", TEXT), *PRICES, Field("volume", DECIMAL), Field("wap", DECIMAL),
                        Field("trade_count", INT))))),
    Message(108, "historical_data_end", (REQUEST_ID, *texts("start", "end"))),
    # An order of its own: count first, close before high and low, wap before volume.
    Message(90, "historical_data_update", (
        REQUEST_ID, Field("trade_count", INT), Field("bar_date", TEXT), *floats("open", "close", "high", "low"),
        Field("wap", DECIMAL), Field("volume", DECIMAL))),
    Message(106, "historical_schedule", (
        REQUEST_ID, *texts("start", "end", "time_zone"), Repeat("sessions", texts("start", "end", "date")))),
    Message(88, "head_timestamp", (REQUEST_ID, Field("timestamp", TEXT))),
    Message(89, "histogram", (REQUEST_ID, Repeat("rows", (Field("price", FLOAT), Field("size", DECIMAL))))),
)

ERROR = Message(4, "error", (
    REQUEST_ID, Field("code", INT), Field("message", ESCAPED), Field("order_reject_json", ESCAPED, since=166),
    Field("time_ms", LONG, since=194)), version=2, version_until=194)

SESSION = (
    Message(9, "next_valid_id", (Field("order_id", INT),), version=1),
    Message(15, "managed_accounts", texts("accounts"), version=1),
    Message(49, "current_time", (Field("time", LONG),), version=1),
    Message(109, "current_time_millis", (Field("time_ms", LONG),)),
    Message(107, "user_info", (REQUEST_ID, Field("white_branding_id", TEXT))),
    Message(14, "news_bulletin", (*ints("bulletin_id", "bulletin_type"), *texts("message", "exchange")), version=1),
)

SECURITY_IDS = Repeat("sec_ids", texts("tag", "value"))
SIZES = (
    Field("size_min_tick", DECIMAL, since=163, until=164),
    Field("min_size", DECIMAL, since=164), Field("size_increment", DECIMAL, since=164),
    Field("suggested_size_increment", DECIMAL, since=164),
)
FUND = When("sec_type", ("FUND",), (
    *texts("fund_name", "fund_family", "fund_type", "fund_front_load", "fund_back_load",
           "fund_back_load_time_interval", "fund_management_fee"),
    Field("fund_closed", BOOL), Field("fund_closed_for_new_investors", BOOL), Field("fund_closed_for_new_money", BOOL),
    *texts("fund_notify_amount", "fund_minimum_initial_purchase", "fund_subsequent_minimum_purchase",
           "fund_blue_sky_states", "fund_blue_sky_territories", "fund_distribution_policy", "fund_asset_type"),
), since=179)
REFERENCE = (
    Message(10, "contract_details", (
        REQUEST_ID, *texts("symbol", "sec_type", "last_trade_date"), Field("last_trade_date_only", TEXT, since=182),
        Field("strike", FLOAT), *texts("right", "exchange", "currency", "local_symbol", "market_name", "trading_class"),
        Field("con_id", INT), Field("min_tick", FLOAT), Field("size_multiplier", INT, until=164),
        *texts("multiplier", "order_types", "valid_exchanges"), Field("price_magnifier", INT), Field("under_con_id", INT),
        Field("long_name", ESCAPED), *texts("primary_exchange", "contract_month"), Field("industry", ESCAPED),
        Field("category", ESCAPED), Field("subcategory", ESCAPED), *texts("time_zone_id", "trading_hours", "liquid_hours",
        "ev_rule"), Field("ev_multiplier", FLOAT), SECURITY_IDS, Field("agg_group", INT),
        *texts("under_symbol", "under_sec_type", "market_rule_ids", "real_expiration_date", "stock_type"),
        *SIZES, FUND,
        Repeat("ineligibility_reasons", texts("id", "description"), since=186)), version=8, version_until=164),
    Message(18, "bond_details", (
        REQUEST_ID, *texts("symbol", "sec_type", "cusip"), Field("coupon", FLOAT),
        *texts("maturity", "issue_date", "ratings", "bond_type", "coupon_type"), Field("convertible", BOOL),
        Field("callable", BOOL), Field("puttable", BOOL), *texts("description", "exchange", "currency", "market_name",
        "trading_class"), Field("con_id", INT), Field("min_tick", FLOAT), Field("size_multiplier", INT, until=164),
        *texts("order_types", "valid_exchanges", "next_option_date", "next_option_type"),
        Field("next_option_partial", BOOL), Field("notes", TEXT), Field("long_name", ESCAPED),
        Field("time_zone_id", TEXT, since=188), Field("trading_hours", TEXT, since=188), Field("liquid_hours", TEXT, since=188),
        Field("ev_rule", TEXT), Field("ev_multiplier", FLOAT), SECURITY_IDS, Field("agg_group", INT),
        Field("market_rule_ids", TEXT), *(field for field in SIZES if field.name != "size_min_tick")),
        version=6, version_until=164),
    Message(52, "contract_details_end", (REQUEST_ID,), version=1),
    Message(93, "market_rule", (Field("rule_id", INT), Repeat("increments", floats("low_edge", "increment")))),
    Message(79, "symbol_samples", (REQUEST_ID, Repeat("symbols", (
        Field("con_id", INT), *texts("symbol", "sec_type", "primary_exchange", "currency"),
        Repeat("derivatives", texts("sec_type")), Field("description", ESCAPED, since=176),
        Field("issuer_id", TEXT, since=176))))),
    Message(75, "option_parameters", (
        REQUEST_ID, Field("exchange", TEXT), Field("under_con_id", INT), *texts("trading_class", "multiplier"),
        Repeat("expirations", texts("date")), Repeat("strikes", floats("strike")))),
    Message(76, "option_parameters_end", (REQUEST_ID,)),
    Message(51, "fundamental_data", (REQUEST_ID, Field("xml", TEXT)), version=1),
    Message(56, "delta_neutral_validation", (REQUEST_ID, Field("con_id", INT), *floats("delta", "price")), version=1),
)

# What else a client may ask for; most of it the gateway answers with nothing in it.
OTHER = (
    Message(16, "financial_advisor", (Field("data_type", INT), Field("xml", TEXT)), version=1),
    Message(19, "scanner_parameters", texts("xml"), version=1),
    Message(20, "scanner_data", (REQUEST_ID, Repeat("rows", (
        *ints("rank", "con_id"), *texts("symbol", "sec_type", "last_trade_date"), Field("strike", FLOAT),
        *texts("right", "exchange", "currency", "local_symbol", "market_name", "trading_class", "distance", "benchmark",
               "projection", "legs")))), version=3),
    Message(66, "verified", texts("successful", "reason"), version=1),
    Message(67, "display_groups", (REQUEST_ID, Field("groups", TEXT)), version=1),
    Message(68, "display_group", (REQUEST_ID, Field("contract_info", TEXT)), version=1),
    Message(70, "verified_and_authorized", texts("successful", "reason"), version=1),
    Message(77, "soft_dollar_tiers", (REQUEST_ID, Repeat("tiers", texts("name", "value", "title")))),
    Message(78, "family_codes", (Repeat("codes", texts("account", "code")),)),
    Message(85, "news_providers", (Repeat("providers", texts("code", "title")),)),
    Message(87, "historical_news_end", (REQUEST_ID, Field("more", BOOL))),
)

ANSWERS = (
    *TICKS, TICK_BY_TICK, *HISTORICAL_TICKS, *DEPTH, *BARS, ERROR, *SESSION, *REFERENCE, *ACCOUNT_ANSWERS,
    *ORDER_ANSWERS, *OTHER)

# Known messages that carry nothing a market-data recorder stores in a table: they stay on the tape, undecoded
# without being a fault (news, calendars and the like).
UNREAD = {
    65: "verify_message", 69: "verify_and_authorize_message", 83: "news_article", 86: "historical_news",
    103: "replace_financial_advisor_end", 104: "event_calendar_meta", 105: "event_calendar", 110: "configuration",
    111: "configuration_updated",
}  # fmt: skip
