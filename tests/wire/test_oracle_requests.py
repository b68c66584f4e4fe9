"""Two other clients as oracles: what ib_async and IB's own ibapi write, our request codec reads as it was meant."""

import struct
from collections.abc import Callable
from typing import Any

import ib_async
import ib_async.client
import ibapi.client
import ibapi.contract
import pytest

from capture.wire.text.codec import request_codec

VERSIONS = {"ib_async": 178, "ibapi": 157}  # what each negotiates
CLIENTS = pytest.mark.parametrize("client", VERSIONS)


class IbAsyncRequests(ib_async.client.Client):
    """Keeps what it would send."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]  # untyped
        self.sent: list[bytes] = []
        self._serverVersion = VERSIONS["ib_async"]

    def isConnected(self) -> bool:  # noqa: N802  (ib_async's name)
        return True

    def sendMsg(self, msg: str) -> None:  # noqa: N802  (ib_async's name)
        self.sent.append(msg.encode())


class IbapiConnection:
    """Keeps what ibapi sends, without its length."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def isConnected(self) -> bool:  # noqa: N802  (ibapi's name)
        return True

    def sendMsg(self, msg: bytes) -> None:  # noqa: N802  (ibapi's name)
        assert struct.unpack(">I", msg[:4])[0] == len(msg) - 4
        self.sent.append(msg[4:])


def asked(client: str, request: Callable[[Any], None]) -> tuple[str, dict[str, Any]]:
    """Return the one request that the client wrote, read by our codec."""
    if client == "ib_async":
        theirs: Any = IbAsyncRequests()
        sent = theirs.sent
    else:
        theirs = ibapi.client.EClient(None)
        theirs.conn, theirs.connState, theirs.serverVersion_ = (
            IbapiConnection(),
            ibapi.client.EClient.CONNECTED,
            VERSIONS[client],
        )
        theirs.clientId = 7
        sent = theirs.conn.sent
    request(theirs)
    (payload,) = sent
    decoded = request_codec(VERSIONS[client]).decode(payload)
    assert decoded.extra == 0
    return decoded.name, decoded.values


def contract_of(client: str) -> Any:
    contract = ib_async.Contract() if client == "ib_async" else ibapi.contract.Contract()
    given_values = ["FUT", 495512563, "ES", "20260320", 5000.5, "C", "50", "CME", "GLOBEX", "USD", "ESH6", "ES"]
    names = [
        "secType",
        "conId",
        "symbol",
        "lastTradeDateOrContractMonth",
        "strike",
        "right",
        "multiplier",
        "exchange",
        "primaryExchange",
        "currency",
        "localSymbol",
        "tradingClass",
    ]
    for name, value in zip(names, given_values, strict=True):
        setattr(contract, name, value)
    return contract


ES = {
    "con_id": 495512563,
    "symbol": "ES",
    "sec_type": "FUT",
    "last_trade_date": "20260320",
    "strike": 5000.5,
    "right": "C",
    "multiplier": "50",
    "exchange": "CME",
    "primary_exchange": "GLOBEX",
    "currency": "USD",
    "local_symbol": "ESH6",
    "trading_class": "ES",
}
NO_EXPIRED = {"include_expired": False}

# What is called on a client (c: client, k: contract), the message it must be, and its values.
CALLS: list[tuple[Callable[[Any, Any], None], str, dict[str, Any]]] = [
    (
        lambda c, k: c.reqMktData(7, k, "233,456", False, False, []),
        "req_market_data",
        {
            **ES,
            "delta_neutral": False,
            "generic_ticks": "233,456",
            "snapshot": False,
            "regulatory_snapshot": False,
            "options": "",
        },
    ),
    (lambda c, k: c.cancelMktData(7), "cancel_market_data", {}),
    (
        lambda c, k: c.reqTickByTickData(7, k, "BidAsk", 100, True),
        "req_tick_by_tick",
        {**ES, "tick_kind": "BidAsk", "number_of_ticks": 100, "ignore_size": True},
    ),
    (lambda c, k: c.cancelTickByTickData(7), "cancel_tick_by_tick", {}),
    (
        lambda c, k: c.reqMktDepth(7, k, 20, True, []),
        "req_market_depth",
        {**ES, "rows": 20, "smart": True, "options": ""},
    ),
    (lambda c, k: c.cancelMktDepth(7, True), "cancel_market_depth", {"smart": True}),
    (
        lambda c, k: c.reqRealTimeBars(7, k, 5, "TRADES", True, []),
        "req_real_time_bars",
        {**ES, "bar_size_s": 5, "what": "TRADES", "regular_hours": True, "options": ""},
    ),
    (lambda c, k: c.cancelRealTimeBars(7), "cancel_real_time_bars", {}),
    (
        lambda c, k: c.reqHistoricalData(7, k, "", "1 D", "1 min", "MIDPOINT", 1, 2, True, []),
        "req_historical_data",
        {
            **ES,
            **NO_EXPIRED,
            "end": "",
            "bar_size": "1 min",
            "duration": "1 D",
            "regular_hours": True,
            "what": "MIDPOINT",
            "date_format": 2,
            "keep_up_to_date": True,
            "options": "",
        },
    ),
    (lambda c, k: c.cancelHistoricalData(7), "cancel_historical_data", {}),
    (
        lambda c, k: c.reqHistoricalTicks(7, k, "20260105-14:30:00", "", 1000, "BID_ASK", 0, True, []),
        "req_historical_ticks",
        {
            **ES,
            **NO_EXPIRED,
            "start": "20260105-14:30:00",
            "end": "",
            "number_of_ticks": 1000,
            "what": "BID_ASK",
            "regular_hours": False,
            "ignore_size": True,
            "options": "",
        },
    ),
    (
        lambda c, k: c.reqHeadTimeStamp(7, k, "TRADES", 1, 2),
        "req_head_timestamp",
        {**ES, **NO_EXPIRED, "regular_hours": True, "what": "TRADES", "date_format": 2},
    ),
    (lambda c, k: c.cancelHeadTimeStamp(7), "cancel_head_timestamp", {}),
    (
        lambda c, k: c.reqHistogramData(7, k, True, "3 days"),
        "req_histogram",
        {**ES, **NO_EXPIRED, "regular_hours": True, "period": "3 days"},
    ),
    (lambda c, k: c.cancelHistogramData(7), "cancel_histogram", {}),
    (
        lambda c, k: c.reqContractDetails(7, k),
        "req_contract_details",
        {**ES, **NO_EXPIRED, "sec_id_type": "", "sec_id": ""},
    ),
    (lambda c, k: c.reqMatchingSymbols(7, "APP"), "req_matching_symbols", {"pattern": "APP"}),
    (
        lambda c, k: c.reqSecDefOptParams(7, "SPX", "", "IND", 416904),
        "req_option_parameters",
        {"under_symbol": "SPX", "future_exchange": "", "under_sec_type": "IND", "under_con_id": 416904},
    ),
    (lambda c, k: c.reqSmartComponents(7, "9c0001"), "req_smart_components", {"bbo_exchange": "9c0001"}),
    (lambda c, k: c.cancelFundamentalData(7), "cancel_fundamental_data", {}),
    (
        lambda c, k: c.reqAccountSummary(7, "All", "NetLiquidation"),
        "req_account_summary",
        {"group": "All", "tags": "NetLiquidation"},
    ),
]
EXERCISE = {"exercise_action": 2, "exercise_quantity": 3, "account": "DU1", "override": True}
CALLS += [
    (
        lambda c, k: c.exerciseOptions(7, k, 2, 3, "DU1", 1),
        "exercise_options",
        {**{name: value for name, value in ES.items() if name != "primary_exchange"}, **EXERCISE},
    ),
    (lambda c, k: c.reqPnL(7, "DU1", "Core"), "req_pnl", {"account": "DU1", "model_code": "Core"}),
    (
        lambda c, k: c.reqPnLSingle(7, "DU1", "Core", 8314),
        "req_pnl_single",
        {"account": "DU1", "model_code": "Core", "con_id": 8314},
    ),
]
WITHOUT_ID: list[tuple[Callable[[Any], None], str, dict[str, Any]]] = [
    (lambda c: c.startApi(), "start_api", {"client_id": 7, "capabilities": ""}),
    (lambda c: c.reqCurrentTime(), "req_current_time", {}),
    (lambda c: c.reqMarketDataType(3), "req_market_data_type", {"data_type": 3}),
    (lambda c: c.reqMktDepthExchanges(), "req_depth_exchanges", {}),
    (lambda c: c.reqMarketRule(26), "req_market_rule", {"rule_id": 26}),
    (lambda c: c.reqIds(1), "req_ids", {"count": 1}),
    (lambda c: c.reqManagedAccts(), "req_managed_accounts", {}),
    (lambda c: c.setServerLogLevel(5), "set_log_level", {"level": 5}),
    (lambda c: c.reqOpenOrders(), "req_open_orders", {}),
    (lambda c: c.reqAllOpenOrders(), "req_all_open_orders", {}),
    (lambda c: c.reqAutoOpenOrders(True), "req_auto_open_orders", {"bind": True}),
    (lambda c: c.reqAccountUpdates(True, "DU1"), "req_account_updates", {"subscribe": True, "account": "DU1"}),
    (lambda c: c.reqPositions(), "req_positions", {}),
    (lambda c: c.cancelPositions(), "cancel_positions", {}),
    (lambda c: c.reqGlobalCancel(), "cancel_all_orders", {}),
    (lambda c: c.reqCompletedOrders(False), "req_completed_orders", {"api_only": False}),
]


@CLIENTS
@pytest.mark.parametrize(("call", "name", "values"), CALLS, ids=[name for _, name, _ in CALLS])
def test_requests_are_read_as_they_were_meant(client: str, call: Any, name: str, values: dict[str, Any]) -> None:
    read, read_values = asked(client, lambda theirs: call(theirs, contract_of(client)))
    issuer = {"issuer_id": ""} if name == "req_contract_details" and client == "ib_async" else {}
    assert (read, read_values) == (name, {"request_id": 7, **values, **issuer})


@CLIENTS
@pytest.mark.parametrize(("call", "name", "values"), WITHOUT_ID, ids=[name for _, name, _ in WITHOUT_ID])
def test_requests_without_an_id_are_read_as_they_were_meant(
    client: str, call: Any, name: str, values: dict[str, Any]
) -> None:
    def request(theirs: Any) -> None:
        theirs.clientId = 7
        call(theirs)

    assert asked(client, request) == (name, values)


@CLIENTS
def test_a_cancellation_is_read_as_it_was_meant(client: str) -> None:
    time = {"manual_order_cancel_time": ""} if client == "ib_async" else {}
    assert asked(client, lambda theirs: theirs.cancelOrder(17)) == ("cancel_order", {"order_id": 17, **time})
