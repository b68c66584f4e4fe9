"""Account tables: values, positions, profits, orders, executions and commissions, as IB pushes them."""

from dataclasses import replace

from .columns import PLAIN, flag, integer, number, text, time
from .table import PLACE, SYSTEM_SORT_KEY, Subject, Table

MONEY = "the row's currency"
BASE = "account's base currency"
PRICE = "instrument's price units"
SIZE = "instrument's size units"
ABSENT = "IB sent none"
NO_OPTION = "no option"
NOT_ASKED = "it came without a request"

# Whose rows these are, and what they answer to. Account numbers are personal: what is made of these tables leaves them
# out unless they are named.
OWNER = (
    replace(text("account", "IB's account name, or its alias where accounts are masked", ABSENT), personal=True),
    text("model_code", "model within the account", ABSENT),
)
PROVENANCE = (
    text("stream", "the account stream it belongs to: values, positions, pnl, orders, executions"),
    integer("request_id", "IB request id; of requests without one, minus the number of their message", null=NOT_ASKED),
)
CONTRACT = (
    integer("instrument_id", "IB's contract id (conId)", null=ABSENT, bits=64),
    text("symbol", "IB's local symbol; the symbol where IB sends no local one", ABSENT),
    text("ib_symbol", "IB's symbol: the root of futures and options", ABSENT),
    text("security_type", "STK, FUT, OPT, CASH, IND, CRYPTO, BOND, FUND, CFD, CMDTY, FOP, WAR, BAG, …", ABSENT),
    text("last_trade_date", "last trading date or contract month, as sent", ABSENT),
    number("strike", "strike price", PRICE, NO_OPTION),
    text("right", "C or P", NO_OPTION),
    text("multiplier", "contract multiplier, as sent", ABSENT),
    text("exchange", "exchange of the contract; of the portfolio its primary exchange", ABSENT),
    text("currency", "currency of the price", ABSENT),
    text("trading_class", "trading class", ABSENT),
)

ACCOUNT_VALUES = Table(
    "account_values",
    "Every account value as sent: cash, net liquidation, margin and the like, by key, segment and currency.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        text("key", "IB's key as sent, such as NetLiquidation or EquityWithLoanValue-S"),
        text("tag", "the key without its segment"),
        text("segment", "S securities, C commodities, P crypto", "the total, or a key without segments"),
        text("currency", "currency of the value, BASE for the sum in base currency", "a text, or a value without a unit"),
        text("value", "the value as sent", "IB sent none", encoding=PLAIN),
        number("number", "the value as a number", MONEY, "it is none"),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "account", "key", "currency", "value"),
    state_key=("account", "model_code", "key", "currency"),
)

PORTFOLIO = Table(
    "portfolio",
    "What an account holds as its updates tell it: position, market price and value, cost and profit.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        *CONTRACT,
        number("position", "quantity held, below 0 short; 0 once it is closed", SIZE),
        number("market_price", "IB's mark", PRICE),
        number("market_value", "position at that mark", MONEY),
        number("average_cost", "cost of one share or contract with commission; of derivatives times the multiplier", MONEY),
        number("unrealized", "unrealized profit", MONEY),
        number("realized", "profit realized today", MONEY),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "account", "symbol", "position", "market_price", "market_value", "unrealized"),
    state_key=("account", "model_code"),
)

POSITIONS = Table(
    "positions",
    "Every position as sent: all of an account when they are asked for, then each that changes.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        *CONTRACT,
        number("position", "quantity held, below 0 short; 0 once it is closed", SIZE),
        number("average_cost", "cost of one share or contract with commission; of derivatives times the multiplier", MONEY),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "account", "symbol", "security_type", "position", "average_cost"),
    state_key=("account", "model_code"),
)

PNL = Table(
    "pnl",
    "Profit and loss of accounts, and of single positions, about once a second.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        integer("instrument_id", "IB's contract id (conId)", null="of the whole account", bits=64),
        text("symbol", "IB's local symbol", "of the whole account"),
        number("position", "quantity held", SIZE, "of the whole account"),
        number("daily", "profit of the day", BASE),
        number("unrealized", "unrealized profit", BASE),
        number("realized", "profit realized today", BASE),
        number("market_value", "market value of the position", BASE, "of the whole account, or IB sent none"),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "account", "symbol", "position", "daily", "unrealized", "realized"),
    state_key=("account", "model_code"),
)

_OTHER = "the message does not say it"
ORDERS = Table(
    "orders",
    "Everything IB says of an order, a row per message: the order with its state, its status, its end, its binding.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        text("message", "open_order, order_status, completed_order or order_bound"),
        integer("permanent_id", "IB's id of the order for good (permId): the order's key",
                null="IB has not given it one yet", bits=64),
        integer("order_id", "id that the client gave it; of completed orders and those made by hand 0 or below",
                null=_OTHER),
        integer("client_id", "API client that placed it", null=_OTHER),
        integer("parent_id", "order id of the parent", null="it has none, or the message does not say it"),
        *CONTRACT,
        text("action", "BUY or SELL", _OTHER),
        number("total_quantity", "quantity ordered", SIZE, _OTHER),
        number("cash_quantity", "amount ordered", MONEY, "the order is of a quantity, or the message does not say it"),
        text("order_type", "IB's order type: LMT, MKT, STP, …", _OTHER),
        number("limit_price", "limit", PRICE, "it has none, or the message does not say it"),
        number("auxiliary_price", "stop price, trailing amount or offset, by the order's type", PRICE,
               "it has none, or the message does not say it"),
        number("trail_stop_price", "stop price of a trailing order", PRICE, "it has none, or the message does not say it"),
        number("trailing_percent", "trailing distance", "percent", "it has none, or the message does not say it"),
        text("time_in_force", "DAY, GTC, IOC, …", _OTHER),
        text("good_till_date", "end of a GTD order, as sent", "it has none, or the message does not say it"),
        flag("outside_regular_hours", "may fill outside regular hours", _OTHER),
        text("oca_group", "group of orders of which one cancels all", "it is in none, or the message does not say it"),
        text("order_reference", "the client's reference", ABSENT),
        text("status", "IB's status, as sent", "order_bound"),
        number("filled", "quantity filled", SIZE, _OTHER),
        number("remaining", "quantity that is not filled", SIZE, _OTHER),
        number("average_fill_price", "average price of its fills", PRICE, "nothing is filled, or the message does not say it"),
        number("last_fill_price", "price of its last fill", PRICE, "nothing is filled, or the message does not say it"),
        text("why_held", "why it is held, such as locate", ABSENT),
        text("warning_text", "IB's warning", ABSENT, encoding=PLAIN),
        text("reject_reason", "why IB rejects it", ABSENT, encoding=PLAIN),
        text("completed_status", "completed_order: how it ended, in words", ABSENT),
        text("completed_time", "completed_order: when it ended, as sent", ABSENT, encoding=PLAIN),
        time("ts_event", "when it ended", "it is open, or the time cannot be read"),
        replace(text("rest", "every other field that has a value, as a JSON object", "there is none", encoding=PLAIN),
                personal=True),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "symbol", "action", "total_quantity", "order_type", "limit_price", "status", "filled", "remaining"),
)

EXECUTIONS = Table(
    "executions",
    "Executions as sent, live and when asked for: the same one may come again; `fills` has each once.",
    (
        *PLACE,
        *OWNER,
        *PROVENANCE,
        text("execution_id", "IB's id of the execution"),
        text("execution_family", "the id without its last part: a correction has the same, and replaces it"),
        integer("revision", "the id's last part: 1, of a correction 2 and so on", null="the id has another form"),
        integer("permanent_id", "IB's id of the order for good (permId)", null=ABSENT, bits=64),
        integer("order_id", "id that the client gave the order", null=ABSENT),
        integer("client_id", "API client that placed the order", null=ABSENT),
        *CONTRACT,
        text("side", "BOT or SLD"),
        number("shares", "quantity of this fill", SIZE),
        number("price", "price of this fill", PRICE),
        number("cumulative_quantity", "quantity filled of the order, with this", SIZE),
        number("average_price", "average price of the order's fills, with this", PRICE),
        text("execution_exchange", "where it was filled", ABSENT),
        text("time", "IB's time, as sent", encoding=PLAIN),
        time("ts_event", "IB's time", "it cannot be read: its zone is not known"),
        integer("last_liquidity", "1 added, 2 removed, 3 routed out", null="IB sent none, or 0"),
        integer("liquidation", "1: IB liquidated the position", null=ABSENT),
        text("order_reference", "the client's reference", ABSENT),
        text("economic_value_rule", "economic value rule", ABSENT),
        number("economic_value_multiplier", "economic value multiplier", "ratio", ABSENT),
        flag("pending_price_revision", "the price may be revised later", "before server version 178"),
        replace(text("submitter", "who submitted the order", ABSENT), personal=True),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "symbol", "side", "shares", "price", "execution_exchange", "order_reference"),
)

COMMISSIONS = Table(
    "commissions",
    "Commission reports as sent, each of an execution.",
    (
        *PLACE,
        text("stream", "executions"),
        text("execution_id", "IB's id of the execution"),
        text("currency", "currency of the commission", ABSENT),
        number("commission", "commission, below 0 a rebate", MONEY, "it is not known yet: IB sent none, or -1"),
        number("commission_sent", "the number as sent", MONEY, "IB sent none"),
        number("realized", "profit realized by the execution", MONEY, "it closed nothing"),
        number("bond_yield", "yield of a bond", "percent", ABSENT),
        integer("yield_redemption_date", "date that the yield is to, YYYYMMDD", null=ABSENT),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.ACCOUNT,
    shown=("ts", "execution_id", "commission", "currency", "realized"),
)
