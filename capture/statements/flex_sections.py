"""Which elements of a Flex query are rows of which table, and which of their attributes are which columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from capture.schemas import (
    STATEMENT_ACTIONS,
    STATEMENT_CASH,
    STATEMENT_POSITIONS,
    STATEMENT_TRADES,
    STATEMENT_VALUES,
    Table,
)

ACCOUNT = "accountId"
# Who holds an account, and accounts of others: left out where accounts are masked.
PERSONAL = frozenset({"acctAlias", "accountName", "account", "clientReference", "company", "traderID"})

# Attributes that IB is known to send beside those of columns: they are kept in `rest`, and are no news.
KNOWN = PERSONAL | {
    ACCOUNT, "levelOfDetail", "subCategory", "securityID", "securityIDType", "cusip", "sedol", "figi", "issuer",
    "issuerCountryCode", "listingExchange", "underlyingSecurityID", "underlyingListingExchange",
    "principalAdjustFactor", "serialNumber", "deliveryType", "commodityType", "fineness", "weight", "tradeTime",
    "dateTime", "date", "tradeMoney", "netCashInBase", "closePrice", "mtmPnl", "origTradePrice", "origTradeDate",
    "origOrderID", "relatedTradeID", "relatedTransactionID", "openDateTime", "capitalGainsPnl", "orderTime",
    "changeInPrice", "changeInQuantity", "fxPnl", "clearingFirmID", "holdingPeriodDateTime", "brokerageOrderID",
    "volatilityOrderLink", "exchOrderId", "extExecID", "isAPIOrder", "orderType", "whenRealized", "whenReopened",
    "accruedInt", "rtn", "initialInvestment", "exDate", "availableForTradingDate", "amount", "settleDate",
    "deliveringBroker", "transferPrice", "positionAmountInBase", "pnlAmountInBase", "openPrice", "percentOfNAV",
    "originatingOrderID", "originatingTransactionID", "positionValueInBase", "unrealizedCapitalGainsPnl",
    "unrealizedlFxPnl", "vestingDate", "description", "currency", "fxRateToBase"}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """How rows of a table come about: from elements of a tag, of some level of detail.

    `columns` name the attribute of each column, `dates` those that say when it happened, the first that can be read
    counts. `key` are the columns that make a row the one it is, where all are known; else all that it says does.
    """

    table: Table
    tag: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    dates: tuple[str, ...] = ("dateTime", "tradeDate", "date")
    fixed: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """The type of each column of the table."""
        return {column.name: column.type for column in self.table.columns}

    @cached_property
    def known(self) -> frozenset[str]:
        """The attributes that IB is known to send."""
        return KNOWN.union(self.columns.values())


_COMMON = {"model_code": "model", "report_date": "reportDate"}
_CONTRACT = {
    "instrument_id": "conid", "symbol": "symbol", "description": "description", "security_type": "assetCategory",
    "underlying_id": "underlyingConid", "underlying_symbol": "underlyingSymbol", "multiplier": "multiplier",
    "strike": "strike", "expiry": "expiry", "right": "putCall", "isin": "isin", "currency": "currency",
    "rate_to_base": "fxRateToBase"}  # fmt: skip

SECTIONS = (
    Section(STATEMENT_TRADES, "Trade", _COMMON | _CONTRACT | {
        "trade_id": "tradeID", "transaction_id": "transactionID", "original_trade_id": "origTradeID",
        "original_transaction_id": "origTransactionID", "execution_id": "ibExecID", "order_id": "ibOrderID",
        "transaction_type": "transactionType", "side": "buySell", "open_close": "openCloseIndicator",
        "exchange": "exchange", "trade_date": "tradeDate", "settle_date": "settleDateTarget", "quantity": "quantity",
        "price": "tradePrice", "proceeds": "proceeds", "taxes": "taxes", "commission": "ibCommission",
        "commission_currency": "ibCommissionCurrency", "net_cash": "netCash", "cost": "cost",
        "realized": "fifoPnlRealized", "order_reference": "orderReference", "notes": "notes"},
        ("transaction_id",)),
    Section(STATEMENT_CASH, "CashTransaction", _COMMON | _CONTRACT | {
        "transaction_id": "transactionID", "action_id": "actionID", "trade_id": "tradeID", "type": "type",
        "settle_date": "settleDate", "amount": "amount", "notes": "code"},
        ("transaction_id",)),
    Section(STATEMENT_ACTIONS, "CorporateAction", _COMMON | _CONTRACT | {
        "action_id": "actionID", "transaction_id": "transactionID", "type": "type", "action_text": "actionDescription",
        "quantity": "quantity", "proceeds": "proceeds", "value": "value", "realized": "fifoPnlRealized",
        "notes": "code"},
        ("kind", "transaction_id"), fixed={"kind": "action"}),
    Section(STATEMENT_ACTIONS, "Transfer", _COMMON | _CONTRACT | {
        "transaction_id": "transactionID", "type": "type", "direction": "direction", "quantity": "quantity",
        "value": "positionAmount", "cash": "cashTransfer", "realized": "pnlAmount", "notes": "code"},
        ("kind", "transaction_id"), fixed={"kind": "transfer"}),
    Section(STATEMENT_POSITIONS, "OpenPosition", _COMMON | _CONTRACT | {
        "side": "side", "position": "position", "mark_price": "markPrice", "position_value": "positionValue",
        "cost_price": "costBasisPrice", "cost": "costBasisMoney", "unrealized": "fifoPnlUnrealized", "notes": "code"},
        ("report_date", "instrument_id"), dates=()),
)  # fmt: skip
OF_TAG = {section.tag: section for section in SECTIONS}

# Each of its attributes is a row: what an account is worth, part by part.
VALUES_TAG = "EquitySummaryByReportDateInBase"
VALUES = Section(STATEMENT_VALUES, VALUES_TAG, _COMMON | {"currency": "currency"}, ("report_date", "part"), dates=())

# Rows that are sums of others, or parts of them: counted, and no rows.
SUMS = frozenset({"SUMMARY", "ORDER", "SYMBOL_SUMMARY", "ASSET_SUMMARY", "CLOSED_LOT", "WASH_SALE", "LOT"})
SUMS_OF = {"OpenPosition": SUMS - {"SUMMARY"}}  # of which the sum over lots is the position
BASE_SUM = "BASE_SUMMARY"  # in place of a currency
