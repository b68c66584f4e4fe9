"""Two other clients as oracles: for the same bytes ib_async and IB's own ibapi see what our decoder sees.

Each client is met at the server version
it negotiates: 178 for ib_async, 157 for ibapi (whole sizes only).
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import ib_async.decoder
import ibapi.decoder
import ibapi.wrapper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.wire.messages.answers import ANSWERS
from capture.wire.messages.message import Element, Field, Kind, Repeat
from capture.wire.text.codec import answer_codec

VERSIONS = {"ib_async": 178, "ibapi": 157}
Calls = list[tuple[str, list[Any]]]


class IbAsyncWrapper:
    """Takes down every call of ib_async's decoder."""

    defaultTimezone = None  # noqa: N815  (ib_async's name)
    ib = SimpleNamespace(TimezoneTWS="")  # in which execution times are read

    def __init__(self) -> None:
        self.calls: Calls = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.calls.append((name, list(args)))


def _noting(name: str) -> Callable[..., None]:
    # The annotations of the wrapped method are what ibapi's decoder converts by.
    original = getattr(ibapi.wrapper.EWrapper, name)

    def note(self: Any, *args: Any) -> None:
        self.calls.append((name, list(args)))

    note.__wrapped__ = original  # type: ignore[attr-defined]  # how inspect.signature finds the parameters
    return note


_CALLBACKS = [name for name in vars(ibapi.wrapper.EWrapper) if not name.startswith("_") and name not in ("logAnswer",)]
IbapiWrapper = type(
    "IbapiWrapper",
    (ibapi.wrapper.EWrapper,),
    {"__init__": lambda self: setattr(self, "calls", []), **{name: _noting(name) for name in _CALLBACKS}},
)


def heard(client: str, payload: bytes) -> Calls:
    """Return the calls that the client's decoder makes for a payload."""
    wrapper = IbAsyncWrapper() if client == "ib_async" else IbapiWrapper()
    if client == "ib_async":
        ib_async.decoder.Decoder(cast(Any, wrapper), VERSIONS[client]).interpret(  # type: ignore[no-untyped-call]  # untyped
            payload.decode(errors="backslashreplace").split("\0")[:-1]
        )
    else:
        decoder = ibapi.decoder.Decoder(wrapper, VERSIONS[client])
        decoder.interpret(payload.split(b"\0")[:-1])
    return wrapper.calls


NUMBERS = st.decimals(-10_000, 10_000, places=4).map(float)
BY_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT: st.integers(0, 2**31 - 2),
    Kind.LONG: st.integers(1, 2**31),
    Kind.BOOL: st.booleans(),
    Kind.FLOAT: NUMBERS,
    Kind.DECIMAL: st.integers(-(2**31), 2**31 - 2),
    Kind.TEXT: st.text("ABC xyz019;:=.-", max_size=8),
    Kind.ESCAPED: st.text("ABC xyz019;:=.-", max_size=8),
}


@st.composite
def answers(draw: st.DrawFn, /, name: str, version: int, **given_values: Any) -> dict[str, Any]:
    """Return random values of every field that the message has in this version."""

    def fill(elements: tuple[Element, ...], values: dict[str, Any]) -> dict[str, Any]:
        for element in elements:
            if isinstance(element, Field):
                values[element.name] = (
                    given_values[element.name] if element.name in given_values else draw(BY_KIND[element.kind])
                )
            elif isinstance(element, Repeat):
                values[element.name] = [fill(element.elements, {}) for _ in range(draw(st.integers(0, 3)))]
            elif element.holds(values):
                fill(element.elements, values)
        return values

    message = next(message for message in ANSWERS if message.name == name)
    return fill(tuple(e for e in message.at(version) if getattr(e, "name", "") != "message_version"), {})


def plain(value: Any) -> Any:
    """Return a client's value as plain numbers and texts; attributes of ticks as their truths."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {name: plain(item) for name, item in vars(value).items()}
    return value


def both(client: str, name: str, data: st.DataObject, **given_values: Any) -> tuple[dict[str, Any], Calls]:
    """Return the values our codec reads out of a random frame, and what the client makes of the same bytes."""
    codec = answer_codec(VERSIONS[client])
    payload = codec.encode(name, data.draw(answers(name, VERSIONS[client], **given_values)))
    return codec.decode(payload).values, heard(client, payload)


CLIENTS = pytest.mark.parametrize("client", VERSIONS)
GIVEN = given(data=st.data())
FEW = settings(deadline=None, max_examples=15)

# Messages whose fields each client hands over one by one and in order: message, callback.
IN_ORDER = {
    "tick_size": "tickSize",
    "tick_generic": "tickGeneric",
    "tick_string": "tickString",
    "market_depth": "updateMktDepth",
    "market_depth_l2": "updateMktDepthL2",
    "next_valid_id": "nextValidId",
    "managed_accounts": "managedAccounts",
    "current_time": "currentTime",
    "contract_details_end": "contractDetailsEnd",
    "snapshot_end": "tickSnapshotEnd",
    "market_data_type": "marketDataType",
    "tick_request_parameters": "tickReqParams",
    "head_timestamp": "headTimestamp",
    "reroute_market_data": "rerouteMktDataReq",
    "reroute_market_depth": "rerouteMktDepthReq",
    "tick_efp": "tickEFP",
    "news_bulletin": "updateNewsBulletin",
    "fundamental_data": "fundamentalData",
    "tick_news": "tickNews",
    "option_parameters_end": "securityDefinitionOptionParameterEnd",
    "account_value": "updateAccountValue",
    "account_summary": "accountSummary",
    "account_summary_end": "accountSummaryEnd",
    "account_download_end": "accountDownloadEnd",
    "order_status": "orderStatus",
    "order_bound": "orderBound",
    "pnl": "pnl",
    "pnl_single": "pnlSingle",
}


@CLIENTS
@pytest.mark.parametrize("name", IN_ORDER)
@GIVEN
@FEW
def test_fields_in_order(client: str, name: str, data: st.DataObject) -> None:
    values, ((called, args),) = both(client, name, data)
    assert (called, args) == (IN_ORDER[name], list(values.values()))


@CLIENTS
@GIVEN
@FEW
def test_real_time_bars(client: str, data: st.DataObject) -> None:
    values, ((called, args),) = both(client, "real_time_bar", data)
    assert (called.lower(), args) == ("realtimebar", list(values.values()))


@CLIENTS
@GIVEN
@FEW
def test_price_ticks(client: str, data: st.DataObject) -> None:
    values, calls = both(
        client,
        "tick_price",
        data,
        tick_type=data.draw(st.sampled_from([1, 2, 4, 6, 66])),
        mask=data.draw(st.integers(0, 7)),
    )
    common = [values["request_id"], values["tick_type"], values["price"]]
    if client == "ib_async":
        assert calls == [("priceSizeTick", [*common, values["size"]])]
        return
    (_, args), *sizes = calls
    assert args[:3] == common
    assert plain(args[3]) == {
        "canAutoExecute": bool(values["mask"] & 1),
        "pastLimit": bool(values["mask"] & 2),
        "preOpen": bool(values["mask"] & 4),
    }
    paired = {1: 0, 2: 3, 4: 5, 66: 69}.get(values["tick_type"])
    assert sizes == ([] if paired is None else [("tickSize", [values["request_id"], paired, values["size"]])])


@CLIENTS
@GIVEN
@FEW
def test_option_computations(client: str, data: st.DataObject) -> None:
    values, ((_, args),) = both(client, "tick_option", data)
    if client == "ibapi":  # turns IB's markers into None itself, as our rows do
        absent = dict.fromkeys(("option_price", "dividend_value", "underlying_price"), -1) | dict.fromkeys(
            ("delta", "gamma", "vega", "theta"), -2
        )
        values = {name: None if value == absent.get(name, "") else value for name, value in values.items()}
        if values["implied_volatility"] < 0:
            values["implied_volatility"] = None
    assert args == list(values.values())


@CLIENTS
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@GIVEN
@FEW
def test_tick_by_tick(client: str, kind: int, data: st.DataObject) -> None:
    mask = data.draw(st.integers(0, 3))
    values, ((_, args),) = both(client, "tick_by_tick", data, kind=kind, mask=mask)
    flags = (bool(mask & 1), bool(mask & 2))
    expected = [value for name, value in values.items() if name not in ("mask", "kind")]
    if kind == 3:
        assert plain(args) == [*expected, {"bidPastLow": flags[0], "askPastHigh": flags[1]}]
    elif kind == 4:
        assert args == expected
    else:
        request_id, time, price, size, exchange, conditions = expected
        assert plain(args) == [
            request_id,
            kind,
            time,
            price,
            size,
            {"pastLimit": flags[0], "unreported": flags[1]},
            exchange,
            conditions,
        ]


HISTORY = {
    "historical_midpoints": {"price": "price", "size": "size"},
    "historical_quotes": {
        "priceBid": "bid_price",
        "priceAsk": "ask_price",
        "sizeBid": "bid_size",
        "sizeAsk": "ask_size",
    },
    "historical_trades": {"price": "price", "size": "size", "exchange": "exchange", "specialConditions": "conditions"},
}
FLAGS = {"historical_quotes": ("askPastHigh", "bidPastLow"), "historical_trades": ("pastLimit", "unreported")}


@CLIENTS
@pytest.mark.parametrize("name", HISTORY)
@GIVEN
@FEW
def test_historical_ticks(client: str, name: str, data: st.DataObject) -> None:
    values, ((_, (request_id, ticks, done)),) = both(client, name, data, mask=data.draw(st.integers(0, 3)))
    assert (request_id, done, len(ticks)) == (values["request_id"], values["done"], len(values["ticks"]))
    for theirs, ours in zip(ticks, values["ticks"], strict=True):
        time = theirs.time if client == "ibapi" else theirs.time.timestamp()
        assert time == ours["time"]
        assert {their: getattr(theirs, their) for their in HISTORY[name]} == {
            their: ours[our] for their, our in HISTORY[name].items()
        }
        if name in FLAGS:
            attributes = theirs.tickAttribBidAsk if name == "historical_quotes" else theirs.tickAttribLast
            assert [getattr(attributes, flag) for flag in FLAGS[name]] == [
                bool(ours["mask"] & 1),
                bool(ours["mask"] & 2),
            ]


BAR = {
    "date": "bar_date",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "average": "wap",
    "barCount": "trade_count",
}


@CLIENTS
@GIVEN
@FEW
def test_historical_bars_and_their_updates(client: str, data: st.DataObject) -> None:
    values, calls = both(client, "historical_data", data)
    *bars, (_, end) = calls
    assert end == [values["request_id"], values["start"], values["end"]]
    update, ((_, (request_id, bar)),) = both(client, "historical_data_update", data)
    assert request_id == update["request_id"]
    for theirs, ours in zip([args[1] for _, args in bars] + [bar], [*values["bars"], update], strict=True):
        assert {their: getattr(theirs, their) for their in BAR} == {their: ours[our] for their, our in BAR.items()}


DETAILS = {
    "marketName": "market_name",
    "minTick": "min_tick",
    "orderTypes": "order_types",
    "validExchanges": "valid_exchanges",
    "priceMagnifier": "price_magnifier",
    "underConId": "under_con_id",
    "longName": "long_name",
    "contractMonth": "contract_month",
    "industry": "industry",
    "category": "category",
    "subcategory": "subcategory",
    "timeZoneId": "time_zone_id",
    "tradingHours": "trading_hours",
    "liquidHours": "liquid_hours",
    "evRule": "ev_rule",
    "evMultiplier": "ev_multiplier",
    "aggGroup": "agg_group",
    "underSymbol": "under_symbol",
    "underSecType": "under_sec_type",
    "marketRuleIds": "market_rule_ids",
    "realExpirationDate": "real_expiration_date",
    "stockType": "stock_type",
}
CONTRACT = {
    "conId": "con_id",
    "symbol": "symbol",
    "secType": "sec_type",
    "lastTradeDateOrContractMonth": "last_trade_date",
    "strike": "strike",
    "right": "right",
    "exchange": "exchange",
    "currency": "currency",
    "localSymbol": "local_symbol",
    "tradingClass": "trading_class",
    "multiplier": "multiplier",
    "primaryExchange": "primary_exchange",
}
SIZES = {"minSize": "min_size", "sizeIncrement": "size_increment", "suggestedSizeIncrement": "suggested_size_increment"}


@CLIENTS
@GIVEN
@FEW
def test_contract_details(client: str, data: st.DataObject) -> None:
    values, ((_, (request_id, details)),) = both(
        client,
        "contract_details",
        data,
        last_trade_date="20260320",
        ev_multiplier=data.draw(st.integers(0, 9)),
        sec_type="FUT",
    )
    assert request_id == values["request_id"]
    names = DETAILS | (SIZES if client == "ib_async" else {})
    assert {their: getattr(details, their) for their in names} == {their: values[our] for their, our in names.items()}
    assert {their: getattr(details.contract, their) for their in CONTRACT} == {
        their: values[our] for their, our in CONTRACT.items()
    }
    ids = [(pair.tag, pair.value) for pair in details.secIdList or []]
    assert ids == [(pair["tag"], pair["value"]) for pair in values["sec_ids"]]


@CLIENTS
@GIVEN
@FEW
def test_lists(client: str, data: st.DataObject) -> None:
    rule, ((_, (rule_id, increments)),) = both(client, "market_rule", data)
    assert (rule_id, [(step.lowEdge, step.increment) for step in increments]) == (
        rule["rule_id"],
        [(step["low_edge"], step["increment"]) for step in rule["increments"]],
    )
    exchanges, ((_, (descriptions,)),) = both(client, "depth_exchanges", data)
    assert [list(plain(item).values()) for item in descriptions] == [
        list(item.values()) for item in exchanges["exchanges"]
    ]
    options, ((_, args),) = both(client, "option_parameters", data)
    assert list(map(str, args[:5])) == list(map(str, options.values()))[:5]  # ib_async leaves the contract id a text
    assert sorted(args[5]) == sorted(
        {item["date"] for item in options["expirations"]}
        if client == "ibapi"
        else [item["date"] for item in options["expirations"]]
    )
    assert set(args[6]) == {item["strike"] for item in options["strikes"]}


@CLIENTS
@pytest.mark.parametrize("message", ["no permission", "Gr\u00f6\u00dfe", "a\nb"])
@GIVEN
@FEW
def test_errors(client: str, message: str, data: st.DataObject) -> None:
    text = message if client == "ibapi" or message.isascii() else "plain"  # ib_async leaves escapes as they are
    values, ((called, args),) = both(client, "error", data, request_id=-1, message=text)
    assert called == "error"
    assert args == [*values.values(), *([""] if client == "ib_async" and len(values) == 3 else [])]
    assert values["message"] == text


EXECUTION = {
    "execution_id": "execId", "account": "acctNumber", "execution_exchange": "exchange", "side": "side",
    "shares": "shares", "price": "price", "permanent_id": "permId", "client_id": "clientId", "order_id": "orderId",
    "liquidation": "liquidation", "cumulative_quantity": "cumQty", "average_price": "avgPrice",
    "order_reference": "orderRef", "ev_rule": "evRule", "ev_multiplier": "evMultiplier", "model_code": "modelCode",
    "last_liquidity": "lastLiquidity"}  # fmt: skip
COMMISSION = {
    "execution_id": "execId", "commission": "commission", "currency": "currency", "realized": "realizedPNL",
    "yield": "yield_", "yield_redemption_date": "yieldRedemptionDate"}  # fmt: skip
# Message -> callback, and in which order it hands over; "contract" stands for the fields of one.
HANDED = {
    "position": ("position", ["account", "contract", "position", "average_cost"]),
    "position_multi": (
        "positionMulti", ["request_id", "account", "model_code", "contract", "position", "average_cost"]),
    "portfolio_value": (
        "updatePortfolio", ["contract", "position", "market_price", "market_value", "average_cost", "unrealized",
                            "realized", "account"]),
}  # fmt: skip


def told(names: dict[str, str], theirs: Any, values: dict[str, Any]) -> None:
    """Compare an object's attributes with the values by our names."""
    there = {ours: their for ours, their in names.items() if ours in values}
    assert {ours: getattr(theirs, their) for ours, their in there.items()} == {ours: values[ours] for ours in there}


@CLIENTS
@GIVEN
@FEW
def test_executions_and_commissions(client: str, data: st.DataObject) -> None:
    values, ((called, args),) = both(client, "execution_details", data, time="20260105  09:30:00")
    assert (called, args[0]) == ("execDetails", values["request_id"])
    told(CONTRACT, args[1], values)
    told(EXECUTION, args[2], values)
    values, ((called, args),) = both(client, "commission_report", data)
    assert called == "commissionReport"
    told(COMMISSION, args[0], values)


@CLIENTS
@pytest.mark.parametrize("name", HANDED)
@GIVEN
@FEW
def test_positions(client: str, name: str, data: st.DataObject) -> None:
    values, ((called, args),) = both(client, name, data)
    expected, order = HANDED[name]
    assert called == expected
    told(CONTRACT, args[order.index("contract")], values)
    rest = [arg for arg, given_name in zip(args, order, strict=True) if given_name != "contract"]
    assert rest == [values[given_name] for given_name in order if given_name != "contract"]
