"""Tables of IB's own statements: what a Flex query tells of trades, cash, corporate actions, positions and values.

They are made from the statements' files, not from a tape, and so have no place on one. Signs are as IB sends them.
"""

from dataclasses import replace

from .account import ABSENT, MONEY, NO_OPTION, OWNER, PRICE, SIZE
from .columns import PLAIN, Column, integer, number, text, time
from .table import Subject, Table

BASE_RATE = "base currency for one unit of the row's currency"
NONE_NAMED = "IB names none"

_WHEN = (
    time("ts", "when it happened, by IB; midnight UTC of its date where no time of day is known"),
    text("dated_by", "what ts is: time (IB's time of day), date (its date), report_date (it has no date of its own, or "
         "none that can be read), statement (nor that: the last date of the statement)"),
)
_OF_STATEMENT = (
    text("key", "what makes it the one it is: the same key in a statement that was generated later replaces it"),
    time("generated_ts", "when IB generated the statement", "it does not say"),
    text("statement", "SHA-256 of the statement's file"),
    text("report_date", "date on which IB reports it, YYYY-MM-DD", ABSENT),
)
_CONTRACT = (
    integer("instrument_id", "IB's contract id (conId)", null=NONE_NAMED, bits=64),
    text("symbol", "IB's symbol in statements: options by their OCC name", NONE_NAMED),
    text("description", "what IB calls it", NONE_NAMED),
    text("security_type", "IB's asset category: STK, OPT, FUT, FOP, CASH, BOND, BILL, FUND, CFD, WAR, CRYPTO, …",
         NONE_NAMED),
    integer("underlying_id", "contract id of the underlying", null=NONE_NAMED, bits=64),
    text("underlying_symbol", "symbol of the underlying", NONE_NAMED),
    number("multiplier", "contract multiplier", "contract sizes", NONE_NAMED),
    number("strike", "strike price", PRICE, NO_OPTION),
    text("expiry", "expiry, YYYY-MM-DD", "it has none"),
    text("right", "C or P", NO_OPTION),
    text("isin", "ISIN", NONE_NAMED),
    text("currency", "currency of the row's money", ABSENT),
    number("rate_to_base", "exchange rate of that day", BASE_RATE, ABSENT),
)
_NOTES = text("notes", "IB's codes as sent, separated by semicolons: A assigned, AFx automatic conversion, Ca cancelled, "
              "Co corrected, Ep expired, Ex exercised, O opens, C closes, P partial, …", ABSENT)
_REST = replace(text("rest", "every other attribute that has a value, as a JSON object; what is no number, or no date, "
                     "where there should be one, too", "there is none", encoding=PLAIN), personal=True)


def _table(name: str, meaning: str, columns: tuple[Column, ...], shown: tuple[str, ...]) -> Table:
    return Table(name, meaning, (*_WHEN, *OWNER, *_OF_STATEMENT, *columns, _REST), ("ts", "account", "key"),
                 Subject.ACCOUNT, shown)


STATEMENT_TRADES = _table(
    "statement_trades",
    "Trades as IB's statements book them, also those that it cancelled and booked again: `statement_fills` has what "
    "holds.",
    (
        *_CONTRACT,
        text("trade_id", "IB's id of the trade: the same for what was booked again", ABSENT),
        text("transaction_id", "IB's id of this booking", ABSENT),
        text("original_trade_id", "trade that this one cancels or corrects", "it is a trade of its own"),
        text("original_transaction_id", "booking that this one cancels or corrects", "it is a booking of its own"),
        text("execution_id", "IB's id of the execution (ibExecID), as executions have it", "it was no execution"),
        text("order_id", "IB's id of the order in statements", ABSENT),
        text("transaction_type", "ExchTrade, BookTrade, TradeCancel, TradeCorrect, …", ABSENT),
        text("side", "BUY or SELL, with (Ca.) where it is cancelled", ABSENT),
        text("open_close", "O opens, C closes, C;O both", ABSENT),
        text("exchange", "where it was filled", ABSENT),
        text("trade_date", "date of the trade, YYYY-MM-DD", ABSENT),
        text("settle_date", "date of settlement, YYYY-MM-DD", ABSENT),
        number("quantity", "quantity, below 0 sold", SIZE),
        number("price", "price; 0 where an option ends without value", PRICE),
        number("proceeds", "what it brought, below 0 paid; fees left out", MONEY),
        number("taxes", "taxes, below 0 paid", MONEY),
        number("commission", "commission, below 0 paid, above 0 a rebate", "commission_currency"),
        text("commission_currency", "currency of the commission", ABSENT),
        number("net_cash", "what it brought with taxes and commission", MONEY),
        number("cost", "cost basis of what it opened or closed", MONEY),
        number("realized", "profit that IB says it realized, first in, first out; 0 of an option that was assigned: its "
               "premium is in the cost of the shares", MONEY),
        text("order_reference", "the client's reference", ABSENT),
        _NOTES,
    ),
    ("ts", "symbol", "quantity", "price", "commission", "realized", "notes"),
)

STATEMENT_CASH = _table(
    "statement_cash",
    "Movements of cash as IB's statements have them: dividends, taxes, interest, fees, deposits, withdrawals.",
    (
        *_CONTRACT,
        text("transaction_id", "IB's id of this booking", ABSENT),
        text("action_id", "IB's id of the corporate action that it belongs to", ABSENT),
        text("trade_id", "IB's id of the trade that it belongs to", ABSENT),
        text("type", "IB's words for what it is, such as Dividends or Withholding Tax", ABSENT),
        text("settle_date", "date of settlement, YYYY-MM-DD", ABSENT),
        number("amount", "amount, below 0 paid: of a reversal too", MONEY),
        _NOTES,
    ),
    ("ts", "symbol", "type", "amount", "currency"),
)

STATEMENT_ACTIONS = _table(
    "statement_actions",
    "What moved positions other than trades, as IB's statements have it: corporate actions and transfers.",
    (
        *_CONTRACT,
        text("kind", "action (a corporate action) or transfer"),
        text("action_id", "IB's id of the corporate action: the same of all rows that belong to it", ABSENT),
        text("transaction_id", "IB's id of this booking", ABSENT),
        text("type", "of an action IB's letters: RS reverse split, FS forward split, SO spin-off, TC merger, …; of a "
             "transfer ACATS, FOP, INTERNAL, …", ABSENT),
        text("action_text", "IB's words for the action", ABSENT),
        text("direction", "of a transfer IN or OUT", "it is an action, or IB sent none"),
        number("quantity", "by how much the position changed", SIZE),
        number("proceeds", "cash that an action brought", MONEY),
        number("value", "value of what moved, at that day's price: no cost", MONEY),
        number("cash", "of a transfer the cash that came with it", MONEY),
        number("realized", "profit that IB says it realized", MONEY),
        _NOTES,
    ),
    ("ts", "kind", "type", "symbol", "quantity", "value"),
)

STATEMENT_POSITIONS = _table(
    "statement_positions",
    "Positions at the end of days as IB's statements have them.",
    (
        *_CONTRACT,
        text("side", "Long or Short", ABSENT),
        number("position", "quantity held, below 0 short", SIZE),
        number("mark_price", "IB's mark", PRICE),
        number("position_value", "value at that mark; of futures their notional, which is no part of what the account is "
               "worth", MONEY),
        number("cost_price", "cost of one unit", PRICE),
        number("cost", "cost of what is held", MONEY),
        number("unrealized", "unrealized profit, first in, first out", MONEY),
        _NOTES,
    ),
    ("ts", "symbol", "position", "mark_price", "position_value"),
)

STATEMENT_VALUES = _table(
    "statement_values",
    "What an account was worth at the end of days as IB's statements have it (net asset value), part by part.",
    (
        text("currency", "base currency of the account", ABSENT),
        text("part", "IB's name of the part, such as cash, stock, options, dividendAccruals; total is the sum, and "
             "…Long and …Short halves of a part"),
        number("amount", "value of the part", MONEY),
    ),
    ("ts", "account", "part", "amount", "currency"),
)
