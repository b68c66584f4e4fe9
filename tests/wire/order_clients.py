"""Other clients' objects of our values of an order, and our names of what they hear: for tests of orders."""

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ib_async
import ib_async.client
import ib_async.contract
import ib_async.decoder
import ib_async.order

from capture.wire.messages.message import MAXIMUM, Kind
from capture.wire.messages.order_fields import IB_NAMES

CONTRACT_NAMES = {
    "con_id": "conId", "symbol": "symbol", "sec_type": "secType", "last_trade_date": "lastTradeDateOrContractMonth",
    "strike": "strike", "right": "right", "multiplier": "multiplier", "exchange": "exchange",
    "primary_exchange": "primaryExchange", "currency": "currency", "local_symbol": "localSymbol",
    "trading_class": "tradingClass", "sec_id_type": "secIdType", "sec_id": "secId"}  # fmt: skip
LEG_NAMES = {
    "con_id": "conId", "ratio": "ratio", "action": "action", "exchange": "exchange", "open_close": "openClose",
    "short_sale_slot": "shortSaleSlot", "designated_location": "designatedLocation",
    "exempt_code": "exemptCode"}  # fmt: skip
CONDITION_NAMES = {
    "is_more": "isMore", "price": "price", "con_id": "conId", "exchange": "exchange", "trigger_method": "triggerMethod",
    "time": "time", "percent": "percent", "sec_type": "secType", "symbol": "symbol", "volume": "volume",
    "change_percent": "changePercent"}  # fmt: skip
CONDITION_CLASSES = {1: "PriceCondition", 3: "TimeCondition", 4: "MarginCondition", 5: "ExecutionCondition",
                     6: "VolumeCondition", 7: "PercentChangeCondition"}  # fmt: skip
TIER = {"soft_dollar_name": "name", "soft_dollar_value": "val"}
DELTA_NEUTRAL = {"delta_neutral_contract_con_id": "conId", "delta_neutral_contract_delta": "delta",
                 "delta_neutral_contract_price": "price"}  # fmt: skip
UNSET = (None, "", 0, False, 2147483647, 9223372036854775807, 1.7976931348623157e308, -(2.0**63), 2.0**127)

ID = 17
Spec = dict[str, Any]  # an object: its class under "a", and its attributes


def specs(order: dict[str, Any]) -> tuple[Spec, Spec]:
    """Return a contract and an order in IB's words, of an order in ours."""
    contract: Spec = {"a": "Contract", **_named(CONTRACT_NAMES, order)}
    names = {ours: theirs for ours, theirs in IB_NAMES.items() if ours not in {*TIER, "order_id"}}
    theirs: Spec = {"a": "Order", **_named(names, order)}
    if "legs" in order:
        contract["comboLegs"] = [{"a": "ComboLeg", **_named(LEG_NAMES, leg)} for leg in order["legs"]]
        theirs["orderComboLegs"] = [{"a": "OrderComboLeg", **{name: price for name, price in leg.items() if price}}
                                    for leg in order["leg_prices"]]  # fmt: skip
    for ours, their in (("combo_parameters", "smartComboRoutingParams"), ("algo_parameters", "algoParams")):
        if ours in order:
            theirs[their] = [{"a": "TagValue", **tag} for tag in order[ours]]
    if "miscellaneous_options" in order:
        pairs = [pair.partition("=")[::2] for pair in order["miscellaneous_options"].split(";")[:-1]]
        theirs["orderMiscOptions"] = [{"a": "TagValue", "tag": tag, "value": value} for tag, value in pairs]
    if order.get("delta_neutral_contract"):
        contract["deltaNeutralContract"] = {"a": "DeltaNeutralContract", **_named(DELTA_NEUTRAL, order)}
    if tier := _named(TIER, order):
        theirs["softDollarTier"] = {"a": "SoftDollarTier", **tier}
    if "conditions" in order:
        theirs["conditions"] = [
            {"a": CONDITION_CLASSES[one["kind"]], "isConjunctionConnection": one["connector"] == "a",
             **_named(CONDITION_NAMES, one)} for one in order["conditions"]]  # fmt: skip
    return contract, theirs


def _named(names: dict[str, str], values: dict[str, Any]) -> Spec:
    return {names[name]: value for name, value in values.items() if name in names}


# ib_async, which is no subclass of IB's


class IbAsyncClient(ib_async.client.Client):
    """Keeps what it would send."""

    def __init__(self, version: int) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]  # untyped
        self.sent: list[bytes] = []
        self._serverVersion = version

    def isConnected(self) -> bool:  # noqa: N802  (ib_async's name)
        return True

    def sendMsg(self, msg: str) -> None:  # noqa: N802  (ib_async's name)
        self.sent.append(msg.encode())


def ib_async_object(spec: Any) -> Any:
    """Return ib_async's object of a description in IB's words."""
    if isinstance(spec, list):
        return [ib_async_object(one) for one in spec]
    if not isinstance(spec, dict):
        return spec
    made = {name: ib_async_object(value) for name, value in spec.items() if name != "a"}
    if spec["a"].endswith("Condition"):
        made = {{"exchange": "exch", "isConjunctionConnection": "conjunction"}.get(name, name): value
                for name, value in made.items()}  # fmt: skip
        made["conjunction"] = "a" if made["conjunction"] else "o"
    if spec["a"] == "TagValue":
        return ib_async.contract.TagValue(**made)
    of = next(getattr(module, spec["a"]) for module in (ib_async.order, ib_async.contract, ib_async.objects)
              if hasattr(module, spec["a"]))  # fmt: skip
    known = {field.name for field in dataclasses.fields(of)}
    return of(**{name: value for name, value in made.items() if name in known})


class IbAsyncListener:
    """Takes down every call of ib_async's decoder."""

    defaultTimezone = None  # noqa: N815  (ib_async's name)

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append([plain(one) for one in args])


def ib_async_sends(version: int, contract: Spec, order: Spec) -> bytes:
    """Return what ib_async sends for an order."""
    client = IbAsyncClient(version)
    client.placeOrder(ID, ib_async_object(contract), ib_async_object(order))  # type: ignore[no-untyped-call]  # untyped
    (payload,) = client.sent
    return payload


def ib_async_hears(version: int, payload: bytes) -> dict[str, Any]:
    """Return what ib_async tells its user of an order, by our names."""
    listener: Any = IbAsyncListener()
    decoder: Any = ib_async.decoder.Decoder(listener, version)
    decoder.interpret(payload.decode().split("\0")[:-1])
    ((*_, contract, order, state),) = listener.calls
    return hears_of(contract, order, state)


def plain(value: Any) -> Any:
    """Return a client's value as plain numbers, texts, lists and dicts."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


# What a client hears, by our names

OTHER_NAMES = {
    "commission": "commissionAndFees", "minCommission": "minCommissionAndFees", "maxCommission": "maxCommissionAndFees",
    "commissionCurrency": "commissionAndFeesCurrency"}  # fmt: skip
ALLOCATION_NAMES = {
    "account": "account", "position": "position", "position_desired": "positionDesired",
    "position_after": "positionAfter", "desired_quantity": "desiredAllocQty", "allowed_quantity": "allowedAllocQty",
    "is_monetary": "isMonetary"}  # fmt: skip


def hears_of(contract: Spec, order: Spec, state: Spec) -> dict[str, Any]:
    """Return what a client tells its user of an order, by our names; what is missing has no value."""
    return dict(_heard(contract, order, state))


def _heard(contract: Spec, order: Spec, state: Spec) -> Iterator[tuple[str, Any]]:
    for ours, theirs in CONTRACT_NAMES.items():
        yield ours, contract.get(theirs)
    flat = {**order, **state}
    for ours, theirs in IB_NAMES.items():
        if theirs in flat or OTHER_NAMES.get(theirs) in flat:
            yield ours, flat.get(theirs, flat.get(OTHER_NAMES.get(theirs, "")))
    yield "legs_description", contract.get("comboLegsDescrip")
    yield "legs", [_ours(LEG_NAMES, leg) for leg in contract.get("comboLegs") or []]
    yield "leg_prices", [{"price": leg.get("price")} for leg in order.get("orderComboLegs") or []]
    for ours, theirs in (("combo_parameters", "smartComboRoutingParams"), ("algo_parameters", "algoParams")):
        yield ours, [_tag(tag) for tag in order.get(theirs) or []]
    neutral = contract.get("deltaNeutralContract")
    yield "delta_neutral_contract", bool(neutral)
    yield from _ours(DELTA_NEUTRAL, neutral or {}).items()
    yield from _ours({**TIER, "soft_dollar_title": "displayName"}, order["softDollarTier"]).items()
    yield "conditions", [_condition(one) for one in order.get("conditions") or []]
    yield "allocations", [_ours(ALLOCATION_NAMES, one) for one in state.get("orderAllocations") or []]


def _ours(names: dict[str, str], theirs: Spec) -> Spec:
    return {ours: theirs[their] for ours, their in names.items() if their in theirs}


def _tag(tag: Any) -> Spec:
    tag, value = tag if isinstance(tag, list) else (tag["tag"], tag.get("value", ""))
    return {"tag": tag, "value": value}


def _condition(theirs: Spec) -> Spec:
    conjunction = theirs.get("isConjunctionConnection", theirs.get("conjunction") == "a")
    names = {**CONDITION_NAMES, **({"exchange": "exch"} if "exch" in theirs else {})}
    return {"kind": theirs["condType"], "connector": "a" if conjunction else "o", **_ours(names, theirs)}


def is_same(ours: Any, theirs: Any) -> bool:
    """Return whether a client's value is ours: a number as a number, no value in whatever form."""
    if isinstance(theirs, list):
        return len(ours or ()) == len(theirs) and all(map(_is_same_row, ours or (), theirs))
    if ours in UNSET or ours == []:
        return theirs in UNSET or theirs == MAXIMUM[Kind.FLOAT]
    if isinstance(ours, str):
        return bool(ours == theirs)
    return theirs not in (None, "") and float(ours) == float(theirs)


def _is_same_row(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return ours.keys() >= theirs.keys() and all(is_same(value, theirs.get(name)) for name, value in ours.items())
