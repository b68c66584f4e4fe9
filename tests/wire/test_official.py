"""IB's newest clients as oracles, at every server version: what they send we read, what we send they read.

The clients run in environments of their own; each is started once, for all requests or all answers.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from capture.wire.messages.answers import ANSWERS
from capture.wire.messages.message import NEWEST_VERSION, OLDEST_VERSION, VERSION_FIELD, Element, Field, Kind, Repeat
from capture.wire.messages.requests import REQUESTS
from capture.wire.text.codec import answer_codec, request_codec
from tests.foreign import run

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "official"
VERSIONS = range(OLDEST_VERSION, NEWEST_VERSION + 1)
CLIENTS = {
    "newest": ("ibapi-latest==10.51.1",),
    "nautilus": ("nautilus-ibapi==10.30.1", "nautilus_trader==1.221.0", "defusedxml"),  # the one it is pinned to
}
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)

# Requests

ES = {
    "a": "Contract", "conId": 495512563, "symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "20260320",
    "strike": 5000.5, "right": "C", "multiplier": "50", "exchange": "CME", "primaryExchange": "GLOBEX",
    "currency": "USD", "localSymbol": "ESH6", "tradingClass": "ESC"}  # fmt: skip
CONTRACT = {
    "con_id": 495512563, "symbol": "ES", "sec_type": "FUT", "last_trade_date": "20260320", "strike": 5000.5,
    "right": "C", "multiplier": "50", "exchange": "CME", "primary_exchange": "GLOBEX", "currency": "USD",
    "local_symbol": "ESH6", "trading_class": "ESC"}  # fmt: skip
EXPIRED = {**ES, "includeExpired": True}
OPTIONS = [{"a": "TagValue", "tag": "XYZ", "value": "1"}]
LEG = {"a": "ComboLeg", "conId": 8, "ratio": 2, "action": "SELL", "exchange": "SMART"}
BAG = {**ES, "secType": "BAG", "comboLegs": [LEG]}
LEGS = {"sec_type": "BAG", "legs": [{"con_id": 8, "ratio": 2, "action": "SELL", "exchange": "SMART"}]}
NEUTRAL = {**ES, "deltaNeutralContract": {"a": "DeltaNeutralContract", "conId": 9, "delta": 0.5, "price": 101.25}}
SCAN = {
    "a": "ScannerSubscription", "numberOfRows": 20, "instrument": "STK", "locationCode": "STK.US", "scanCode": "HOT",
    "abovePrice": 1.5, "belowPrice": 2.5, "aboveVolume": 300, "marketCapAbove": 4.5, "marketCapBelow": 5.5,
    "moodyRatingAbove": "Aa", "moodyRatingBelow": "Ba", "spRatingAbove": "AA", "spRatingBelow": "BB",
    "maturityDateAbove": "20270101", "maturityDateBelow": "20280101", "couponRateAbove": 6.5, "couponRateBelow": 7.5,
    "excludeConvertible": True, "averageOptionVolumeAbove": 800, "scannerSettingPairs": "Annual,true",
    "stockTypeFilter": "ETF"}  # fmt: skip
EVENTS = {
    "a": "WshEventData", "conId": 8314, "filter": "{}", "fillWatchlist": True, "fillPortfolio": False,
    "fillCompetitors": True, "startDate": "20260101", "endDate": "20260201", "totalLimit": 50}  # fmt: skip
EVENTS_OF_OLD = {"a": "WshEventData", "conId": 8314}
FILTER = {
    "a": "ExecutionFilter", "clientId": 3, "acctCode": "DU1", "time": "20260105-14:30:00", "symbol": "ES",
    "secType": "FUT", "exchange": "CME", "side": "BUY"}  # fmt: skip
FILTERED = {
    "client_id": 3, "account": "DU1", "time": "20260105-14:30:00", "symbol": "ES", "sec_type": "FUT", "exchange": "CME",
    "side": "BUY", "last_days": None, "dates": []}  # fmt: skip
LEVEL_1 = {
    "delta_neutral": False, "generic_ticks": "233,456", "snapshot": False, "regulatory_snapshot": True,
    "options": ""}  # fmt: skip
BARS = {
    "include_expired": True, "end": "20260105-14:30:00", "bar_size": "1 min", "duration": "1 D", "regular_hours": True,
    "what": "MIDPOINT", "date_format": 2, "keep_up_to_date": False, "options": "XYZ=1;"}  # fmt: skip
ID = {"request_id": 17}
CANCEL = {"a": "OrderCancel", "extOperator": "op", "manualOrderIndicator": 1}
TAGS = {"external_operator": "op", "manual_order_indicator": 1}
CANCELLED = {
    "manual_order_cancel_time": "", "external_operator": "", "external_user_id": "",
    "manual_order_indicator": None}  # fmt: skip
ANSWERED_CONTRACT = {name: value for name, value in CONTRACT.items() if name != "primary_exchange"}
EXERCISE = {"exercise_action": 2, "exercise_quantity": 3, "account": "DU1", "override": True}

# What is called, the message it must be, and its values. A number after a name marks another call of the same message.
CALLS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "req_market_data": (["reqMktData", 17, ES, "233,456", False, True, []], {**ID, **CONTRACT, **LEVEL_1}),
    "req_market_data 2": (["reqMktData", 17, BAG, "233,456", False, True, []], {**ID, **CONTRACT, **LEVEL_1, **LEGS}),
    "req_market_data 3": (
        ["reqMktData", 17, NEUTRAL, "233,456", False, True, []],
        {**ID, **CONTRACT, **LEVEL_1, "delta_neutral": True, "delta_neutral_con_id": 9, "delta": 0.5,
         "delta_neutral_price": 101.25}),
    "cancel_market_data": (["cancelMktData", 17], ID),
    "req_market_data_type": (["reqMarketDataType", 3], {"data_type": 3}),
    "req_tick_by_tick": (["reqTickByTickData", 17, ES, "BidAsk", 100, True],
                         {**ID, **CONTRACT, "tick_kind": "BidAsk", "number_of_ticks": 100, "ignore_size": True}),
    "cancel_tick_by_tick": (["cancelTickByTickData", 17], ID),
    "req_market_depth": (["reqMktDepth", 17, ES, 20, True, []],
                         {**ID, **CONTRACT, "rows": 20, "smart": True, "options": ""}),
    "cancel_market_depth": (["cancelMktDepth", 17, True], {**ID, "smart": True}),
    "req_depth_exchanges": (["reqMktDepthExchanges"], {}),
    "req_real_time_bars": (["reqRealTimeBars", 17, ES, 5, "BID", True, OPTIONS],
                           {**ID, **CONTRACT, "bar_size_s": 5, "what": "BID", "regular_hours": True,
                            "options": "XYZ=1;"}),
    "cancel_real_time_bars": (["cancelRealTimeBars", 17], ID),
    "req_smart_components": (["reqSmartComponents", 17, "9c0001"], {**ID, "bbo_exchange": "9c0001"}),
    "req_market_rule": (["reqMarketRule", 26], {"rule_id": 26}),
    "req_historical_data": (
        ["reqHistoricalData", 17, EXPIRED, "20260105-14:30:00", "1 D", "1 min", "MIDPOINT", 1, 2, False, OPTIONS],
        {**ID, **CONTRACT, **BARS}),
    "req_historical_data 2": (
        ["reqHistoricalData", 17, {**BAG, "includeExpired": True}, "20260105-14:30:00", "1 D", "1 min", "MIDPOINT", 1,
         2, False, OPTIONS], {**ID, **CONTRACT, **BARS, **LEGS}),
    "cancel_historical_data": (["cancelHistoricalData", 17], ID),
    "req_historical_ticks": (
        ["reqHistoricalTicks", 17, EXPIRED, "20260105-14:30:00", "", 1000, "BID_ASK", 1, False, OPTIONS],
        {**ID, **CONTRACT, "include_expired": True, "start": "20260105-14:30:00", "end": "", "number_of_ticks": 1000,
         "what": "BID_ASK", "regular_hours": True, "ignore_size": False, "options": "XYZ=1;"}),
    "req_head_timestamp": (
        ["reqHeadTimeStamp", 17, EXPIRED, "TRADES", 0, 2],
        {**ID, **CONTRACT, "include_expired": True, "regular_hours": False, "what": "TRADES", "date_format": 2}),
    "cancel_head_timestamp": (["cancelHeadTimeStamp", 17], ID),
    "req_histogram": (["reqHistogramData", 17, EXPIRED, False, "3 days"],
                      {**ID, **CONTRACT, "include_expired": True, "regular_hours": False, "period": "3 days"}),
    "cancel_histogram": (["cancelHistogramData", 17], ID),
    "req_contract_details": (
        ["reqContractDetails", 17, {**EXPIRED, "secIdType": "ISIN", "secId": "US0378331005"}],
        {**ID, **CONTRACT, "include_expired": True, "sec_id_type": "ISIN", "sec_id": "US0378331005", "issuer_id": ""}),
    "req_contract_details 2": (
        ["reqContractDetails", 17, {**EXPIRED, "issuerId": "e1"}],
        {**ID, **CONTRACT, "include_expired": True, "sec_id_type": "", "sec_id": "", "issuer_id": "e1"}),
    "req_matching_symbols": (["reqMatchingSymbols", 17, "APP"], {**ID, "pattern": "APP"}),
    "req_option_parameters": (
        ["reqSecDefOptParams", 17, "SPX", "CME", "IND", 416904],
        {**ID, "under_symbol": "SPX", "future_exchange": "CME", "under_sec_type": "IND", "under_con_id": 416904}),
    "cancel_fundamental_data": (["cancelFundamentalData", 17], ID),
    "start_api": (["startApi"], {"client_id": 7, "capabilities": ""}),
    "req_current_time": (["reqCurrentTime"], {}),
    "req_current_time_millis": (["reqCurrentTimeInMillis"], {}),
    "req_ids": (["reqIds", 1], {"count": 1}),
    "req_managed_accounts": (["reqManagedAccts"], {}),
    "set_log_level": (["setServerLogLevel", 5], {"level": 5}),
    "req_user_info": (["reqUserInfo", 17], ID),
    "req_open_orders": (["reqOpenOrders"], {}),
    "req_account_updates": (["reqAccountUpdates", True, "DU1"], {"subscribe": True, "account": "DU1"}),
    "req_auto_open_orders": (["reqAutoOpenOrders", True], {"bind": True}),
    "req_all_open_orders": (["reqAllOpenOrders"], {}),
    "req_positions": (["reqPositions"], {}),
    "req_account_summary": (["reqAccountSummary", 17, "All", "NetLiquidation"],
                            {**ID, "group": "All", "tags": "NetLiquidation"}),
    "cancel_account_summary": (["cancelAccountSummary", 17], ID),
    "cancel_positions": (["cancelPositions"], {}),
    "req_positions_multi": (["reqPositionsMulti", 17, "DU1", "Core"], {**ID, "account": "DU1", "model_code": "Core"}),
    "cancel_positions_multi": (["cancelPositionsMulti", 17], ID),
    "req_account_updates_multi": (["reqAccountUpdatesMulti", 17, "DU1", "Core", True],
                                  {**ID, "account": "DU1", "model_code": "Core", "ledger": True}),
    "cancel_account_updates_multi": (["cancelAccountUpdatesMulti", 17], ID),
    "req_completed_orders": (["reqCompletedOrders", True], {"api_only": True}),
    "req_executions": (["reqExecutions", 17, FILTER], {**ID, **FILTERED}),
    "req_executions 2": (
        ["reqExecutions", 17, {**FILTER, "lastNDays": 4, "specificDates": [20260102, 20260105]}],
        {**ID, **FILTERED, "last_days": 4, "dates": [{"date": 20260102}, {"date": 20260105}]}),
    "req_news_bulletins": (["reqNewsBulletins", True], {"all_messages": True}),
    "cancel_news_bulletins": (["cancelNewsBulletins"], {}),
    "req_financial_advisor": (["requestFA", 3], {"data_type": 3}),
    "replace_financial_advisor": (["replaceFA", 17, 3, "<x/>"], {**ID, "data_type": 3, "xml": "<x/>"}),
    "req_scanner_subscription": (
        ["reqScannerSubscription", 17, SCAN, OPTIONS, [{**OPTIONS[0], "value": "2"}]],
        {**ID, "rows": 20, "instrument": "STK", "location": "STK.US", "scan": "HOT", "above_price": 1.5,
         "below_price": 2.5, "above_volume": 300, "market_cap_above": 4.5, "market_cap_below": 5.5,
         "moody_rating_above": "Aa", "moody_rating_below": "Ba", "sp_rating_above": "AA", "sp_rating_below": "BB",
         "maturity_date_above": "20270101", "maturity_date_below": "20280101", "coupon_rate_above": 6.5,
         "coupon_rate_below": 7.5, "exclude_convertible": True, "average_option_volume_above": 800,
         "settings": "Annual,true", "stock_type": "ETF", "filter_options": "XYZ=2;", "options": "XYZ=1;"}),
    "cancel_scanner_subscription": (["cancelScannerSubscription", 17], ID),
    "req_scanner_parameters": (["reqScannerParameters"], {}),
    "req_implied_volatility": (
        ["calculateImpliedVolatility", 17, ES, 10.5, 5010.25, []],
        {**ID, **CONTRACT, "option_price": 10.5, "underlying_price": 5010.25, "options": ""}),
    "req_option_price": (["calculateOptionPrice", 17, ES, 0.25, 5010.25, []],
                         {**ID, **CONTRACT, "volatility": 0.25, "underlying_price": 5010.25, "options": ""}),
    "cancel_implied_volatility": (["cancelCalculateImpliedVolatility", 17], ID),
    "cancel_option_price": (["cancelCalculateOptionPrice", 17], ID),
    "verify": (["verifyRequest", "me", "1.0"], {"api_name": "me", "api_version": "1.0"}),
    "verify_message": (["verifyMessage", "data"], {"api_data": "data"}),
    "req_display_groups": (["queryDisplayGroups", 17], ID),
    "subscribe_display_group": (["subscribeToGroupEvents", 17, 4], {**ID, "group": 4}),
    "update_display_group": (["updateDisplayGroup", 17, "8314@SMART"], {**ID, "contract_info": "8314@SMART"}),
    "unsubscribe_display_group": (["unsubscribeFromGroupEvents", 17], ID),
    "verify_and_authorize": (["verifyAndAuthRequest", "me", "1.0", "key"],
                             {"api_name": "me", "api_version": "1.0", "opaque_key": "key"}),
    "verify_and_authorize_message": (["verifyAndAuthMessage", "data", "yes"], {"api_data": "data", "response": "yes"}),
    "req_soft_dollar_tiers": (["reqSoftDollarTiers", 17], ID),
    "req_family_codes": (["reqFamilyCodes"], {}),
    "req_news_article": (["reqNewsArticle", 17, "BRFG", "BRFG$1", OPTIONS],
                         {**ID, "provider": "BRFG", "article_id": "BRFG$1", "options": "XYZ=1;"}),
    "req_news_providers": (["reqNewsProviders"], {}),
    "req_historical_news": (
        ["reqHistoricalNews", 17, 8314, "BRFG+DJ", "2026-01-01", "2026-01-02", 10, []],
        {**ID, "con_id": 8314, "providers": "BRFG+DJ", "start": "2026-01-01", "end": "2026-01-02", "count": 10,
         "options": ""}),
    "req_pnl": (["reqPnL", 17, "DU1", "Core"], {**ID, "account": "DU1", "model_code": "Core"}),
    "cancel_pnl": (["cancelPnL", 17], ID),
    "req_pnl_single": (["reqPnLSingle", 17, "DU1", "Core", 8314],
                       {**ID, "account": "DU1", "model_code": "Core", "con_id": 8314}),
    "cancel_pnl_single": (["cancelPnLSingle", 17], ID),
    "req_event_calendar_meta": (["reqWshMetaData", 17], ID),
    "cancel_event_calendar_meta": (["cancelWshMetaData", 17], ID),
    "req_event_calendar": (
        ["reqWshEventData", 17, EVENTS],
        {**ID, "con_id": 8314, "filter": "{}", "fill_watchlist": True, "fill_portfolio": False,
         "fill_competitors": True, "start_date": "20260101", "end_date": "20260201", "limit": 50}),
    "req_event_calendar 2": (
        ["reqWshEventData", 17, EVENTS_OF_OLD],
        {**ID, "con_id": 8314, "filter": "", "fill_watchlist": False, "fill_portfolio": False,
         "fill_competitors": False, "start_date": "", "end_date": "", "limit": None}),
    "cancel_event_calendar": (["cancelWshEventData", 17], ID),
    "cancel_order": (["cancelOrder", 17, {"a": "OrderCancel"}], {**CANCELLED, "order_id": 17}),
    "cancel_order 2": (
        ["cancelOrder", 17, {**CANCEL, "manualOrderCancelTime": "20260105-14:30:00"}],
        {**CANCELLED, **TAGS, "order_id": 17, "manual_order_cancel_time": "20260105-14:30:00"}),
    "cancel_all_orders": (["reqGlobalCancel", {"a": "OrderCancel"}], CANCELLED),
    "cancel_all_orders 2": (["reqGlobalCancel", CANCEL], TAGS),
    "exercise_options": (
        ["exerciseOptions", 17, ES, 2, 3, "DU1", 1, "", "", False],
        {**ID, **ANSWERED_CONTRACT, **EXERCISE, "manual_order_time": "", "customer_account": "",
         "professional_customer": False}),
    "exercise_options 2": (
        ["exerciseOptions", 17, ES, 2, 3, "DU1", 1, "20260105-14:30:00", "C", True],
        {**ID, **ANSWERED_CONTRACT, **EXERCISE, "manual_order_time": "20260105-14:30:00", "customer_account": "C",
         "professional_customer": True}),
}  # fmt: skip
# What only the older of the clients has.
GONE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "req_fundamental_data": (
        ["reqFundamentalData", 17, ES, "ReportSnapshot", []],
        {**ID, **{name: CONTRACT[name] for name in ("con_id", "symbol", "sec_type", "exchange", "primary_exchange",
                                                    "currency", "local_symbol")},
         "report_type": "ReportSnapshot", "options": ""}),
    "cancel_all_orders 3": (["reqGlobalCancel"], CANCELLED),
}  # fmt: skip
# Here the older client counts its options before it names them, as no other does: one word more, which says none.
COUNTED = {"nautilus": frozenset({"req_fundamental_data", "req_implied_volatility", "req_option_price"})}
LACKING = {  # what a client has no call for, or one that fails
    "newest": {*GONE, "cancel_fundamental_data"},
    "nautilus": {"req_current_time_millis", "req_executions 2", "req_event_calendar", "req_event_calendar 2",
                 "cancel_all_orders", "cancel_all_orders 2"}}
CALLS_OF = {client: {name: call for name, call in {**CALLS, **GONE}.items() if name not in lacking}
            for client, lacking in LACKING.items()}  # fmt: skip


def test_every_request_is_tried() -> None:
    """Orders and what is said of them have tests of their own, in test_official_orders.py."""
    tried = {name.partition(" ")[0] for name in {**CALLS, **GONE}}
    assert tried == {message.name for message in REQUESTS} - {"place_order"}


@cache
def sent_by(client: str) -> dict[str, dict[str, str | None]]:
    """What a client sends for each call at each server version it speaks, as hexadecimal payloads."""
    asked = {"versions": list(VERSIONS), "calls": {name: call for name, (call, _) in CALLS_OF[client].items()}}
    told: dict[str, dict[str, str | None]] = json.loads(
        run(CLIENTS[client], PROGRAMS / "encode.py", stdin=json.dumps(asked)))
    return told


@EACH_CLIENT
def test_what_official_clients_send_is_read_as_it_was_meant(client: str) -> None:
    wrong, read = [], set()
    for version, payloads in sent_by(client).items():
        codec = request_codec(int(version))
        for call, payload in payloads.items():
            if payload is None:
                continue  # the client itself refuses to send this at this version
            name, meant = call.partition(" ")[0], CALLS_OF[client][call][1]
            decoded = codec.decode(bytes.fromhex(payload))
            counted = name in COUNTED.get(client, ())
            there = {field: value for field, value in (meant | ({"options": "0"} if counted else {})).items()
                     if field in decoded.values}  # fmt: skip
            if (decoded.name, decoded.values, decoded.extra) != (name, there, counted):
                wrong.append((version, call, decoded, decoded.extra))
            read.add(call)
    assert wrong == []
    assert read == CALLS_OF[client].keys(), "some request was never sent"


# Answers

# Our name -> the name under which official clients hand the value over, where it is not the same word.
ALIASES = {
    "request_id": "reqId tickerId", "under_con_id": "underlyingConId", "rule_id": "marketRuleId",
    "provider": "providerCode", "extra": "extraData", "conditions": "specialConditions", "con_id": "conId",
    "price": "midPoint", "bid_price": "priceBid", "ask_price": "priceAsk", "bid_size": "sizeBid", "ask_size": "sizeAsk",
    "implied_futures_price": "totalDividends", "price_based": "tickAttrib", "implied_volatility": "impliedVol",
    "option_price": "optPrice", "dividend_value": "pvDividend", "underlying_price": "undPrice",
    "data_type": "marketDataType faData", "text": "value", "time_ms": "timeStamp errorTime timeInMillis",
    "smart": "isSmartDepth", "listing_exchange": "listingExch", "aggregated_group": "aggGroup", "bit": "bitNumber",
    "letter": "exchangeLetter", "open": "open_", "trade_count": "count barCount", "bar_date": "date",
    "start": "startDateTime startDateStr", "end": "endDateTime endDateStr", "date": "refDate expirations",
    "timestamp": "headTimestamp", "code": "errorCode familyCodeStr", "message": "errorString newsMessage",
    "order_reject_json": "advancedOrderRejectJson", "accounts": "accountsList", "bulletin_id": "msgId",
    "bulletin_type": "msgType", "exchange": "originExch", "puttable": "putable", "description": "descAppend",
    "sec_type": "derivativeSecTypes", "strike": "strikes", "xml": "data cxml", "value": "val",
    "account": "accountName accountID acctNumber", "time": "timeStamp", "average_fill_price": "avgFillPrice",
    "permanent_id": "permId reqId", "client_id": "apiClientId", "order_id": "apiOrderId",
    "market_cap_price": "mktCapPrice", "daily": "dailyPnL",
    "unrealized": "unrealizedPnL unrealizedPNL",
    "realized": "realizedPnL realizedPNL", "position": "pos", "last_trade_date": "lastTradeDateOrContractMonth",
    "last_trade_date_only": "lastTradeDate", "legs": "legsStr", "successful": "isSuccessful", "reason": "errorText",
    "title": "displayName name", "more": "hasMore", "kind": "tickType", "id": "id_",
    "execution_id": "execId", "execution_exchange": "exchange", "average_price": "avgPrice",
    "cumulative_quantity": "cumQty", "order_reference": "orderRef", "commission": "commissionAndFees",
    "yield": "yield_", "average_cost": "avgCost",
}  # fmt: skip
# What they keep to themselves, or hand over as several truths: sizes of other messages, masks, words of enumerations.
UNHEARD = {
    ("tick_price", "size"), ("tick_price", "mask"), ("tick_by_tick", "mask"), ("historical_quotes", "mask"),
    ("historical_trades", "mask"), ("historical_midpoints", "unused"), ("bond_details", "size_multiplier"),
    ("contract_details", "size_multiplier"), ("contract_details", "size_min_tick"),
    ("contract_details", "fund_distribution_policy"), ("contract_details", "fund_asset_type"),
}  # fmt: skip
UNKNOWN = {"newest": ("fundamental_data",), "nautilus": ("historical_data_end", "current_time_millis")}
NOT_PLAIN = ("tick_by_tick", "contract_details", "open_order", "completed_order")
# Fields whose values decide what follows, or that clients take apart.
GIVEN: list[tuple[str, dict[str, Any]]] = [
    *((message.name, {}) for message in ANSWERS if message.name not in NOT_PLAIN),
    *(("tick_by_tick", {"kind": kind}) for kind in (1, 2, 3, 4)),
    *(("contract_details", {"sec_type": sec_type}) for sec_type in ("STK", "FUND")),
]
WHOLE = ("ev_multiplier",)  # a number that some clients read without decimals


def filled(elements: tuple[Element, ...], given: dict[str, Any], numbers: Iterator[int]) -> dict[str, Any]:
    """Return values for all fields, each of them a value that occurs once."""
    values: dict[str, Any] = {}
    for element in elements:
        if isinstance(element, Repeat):
            values[element.name] = [filled(element.elements, {}, numbers) for _ in range(2)]
        elif not isinstance(element, Field):
            if element.holds(values):
                values |= filled(element.elements, given, numbers)
        elif element.name in given or element.name in WHOLE:
            values[element.name] = given.get(element.name) or next(numbers)
        elif element.name != VERSION_FIELD:
            number = next(numbers)
            values[element.name] = {Kind.BOOL: True, Kind.FLOAT: number + 0.5, Kind.TEXT: f"t{number}",
                                    Kind.ESCAPED: f"t{number}"}.get(element.kind, number)  # fmt: skip
    return values


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value with the name under which it is handed over."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value


@cache
def answered() -> list[tuple[int, str, dict[str, Any], str]]:
    """Every answer at every server version: version, name, values, and the payload as hexadecimal."""
    frames = []
    for version in VERSIONS:
        codec = answer_codec(version)
        for name, given in GIVEN:
            values = filled(codec.by_name[name].at(version), given, count(1001))
            frames.append((version, name, values, codec.encode(name, values).hex()))
    return frames


def is_heard(theirs: list[tuple[str, Any]], name: str, value: Any) -> bool:
    words = {word.replace("_", "").lower() for word in (name, *ALIASES.get(name, "").split())}
    return any((found == value or str(found) == str(value)) and called.replace("_", "").lower() in words
               for called, found in theirs)  # fmt: skip


@EACH_CLIENT
def test_what_the_gateway_sends_is_heard_by_official_clients_as_it_was_meant(client: str) -> None:
    frames = [(version, payload) for version, _, _, payload in answered()]
    told = json.loads(run(CLIENTS[client], PROGRAMS / "decode.py", stdin=json.dumps(frames)))
    wrong, heard = set(), set()
    for (version, name, values, _), calls in zip(answered(), told, strict=True):
        if calls is None or name in UNKNOWN[client]:
            continue  # beyond the versions it speaks
        heard.add(name)
        theirs = list(leaves(calls))
        unheard = UNHEARD if values.get("kind") in (None, 1, 2) else {*UNHEARD, (name, "kind")}
        wrong |= {(version, name, field, value) for field, value in leaves(values)
                  if (name, field) not in unheard and not is_heard(theirs, field, value)}  # fmt: skip
    assert wrong == set()
    assert heard == {name for name, _ in GIVEN if name not in UNKNOWN[client]}
