"""Reference tables: what IB says about instruments."""

from dataclasses import replace

from .columns import PLAIN, Column, flag, integer, number, text, time
from .table import PLACE, Subject, Table

ABSENT = "IB sent none"
NOT_BOND = "not a bond"
NOT_FUND = "not a fund"


def _long(name: str, meaning: str, null: str = ABSENT) -> Column:
    return text(name, meaning, null, encoding=PLAIN)


def _new(column: Column, since: int) -> Column:
    return replace(column, since=since)


INSTRUMENTS = Table(
    "instruments",
    "Contract details as IB sent them, one row per answer; the newest row of an instrument_id is the current one.",
    (
        *PLACE,
        integer("instrument_id", "IB's contract id (conId)", bits=64),
        text("symbol", "IB's local symbol; the symbol where IB sends no local one; of bonds, which share those, the CUSIP "
             "or else the description"),
        text("ib_symbol", "IB's symbol: the root of futures and options (AAPL, ES, EUR)"),
        text("security_type", "STK, FUT, OPT, CASH, IND, CRYPTO, BOND, FUND, CFD, CMDTY, FOP, WAR, BAG, …"),
        text("last_trade_date", "last trading date of the exchange, or contract month; that of IB's text where its zone "
             "or the exchange's is not known", ABSENT),
        text("last_trade_time", "time of day of the last trade, in the same zone", ABSENT),
        number("strike", "strike price", "instrument's price units", "no option"),
        text("right", "C or P", "no option"),
        text("multiplier", "contract multiplier, as sent", ABSENT),
        text("exchange", "exchange of the contract", ABSENT),
        text("primary_exchange", "primary listing exchange", ABSENT),
        text("currency", "currency of the price", ABSENT),
        text("trading_class", "trading class", ABSENT),
        text("market_name", "market name", ABSENT),
        number("min_tick", "smallest price step", "instrument's price units", ABSENT),
        integer("price_magnifier", "prices are divided by this to give the currency unit", null=ABSENT),
        _long("order_types", "order types the contract takes, comma separated"),
        _long("valid_exchanges", "exchanges the contract trades on, comma separated"),
        _long("market_rule_ids", "price step rules, one id per valid exchange, comma separated"),
        integer("underlying_id", "contract id of the underlying", null=ABSENT, bits=64),
        text("underlying_symbol", "symbol of the underlying", ABSENT),
        text("underlying_security_type", "security type of the underlying", ABSENT),
        _long("long_name", "full name"),
        text("contract_month", "contract month, YYYYMM", ABSENT),
        text("industry", "industry", ABSENT),
        text("category", "category", ABSENT),
        text("subcategory", "subcategory", ABSENT),
        text("time_zone", "time zone that trading_hours are in", ABSENT),
        _long("trading_hours", "sessions as sent: YYYYMMDD:HHMM-YYYYMMDD:HHMM;YYYYMMDD:CLOSED"),
        _long("liquid_hours", "regular sessions, in the same form"),
        text("economic_value_rule", "economic value rule", ABSENT),
        number("economic_value_multiplier", "economic value multiplier", "ratio", ABSENT),
        _long("security_ids", "other identifiers (ISIN, CUSIP, …) as a JSON object", "never"),
        integer("aggregated_group", "group of exchanges that share smart routing", null=ABSENT),
        text("real_expiration_date", "real expiration date", ABSENT),
        text("stock_type", "COMMON, ETF, ADR, …", ABSENT),
        number("min_size", "smallest order size", "instrument's size units", ABSENT),
        number("size_increment", "size step", "instrument's size units", ABSENT),
        number("suggested_size_increment", "suggested size step", "instrument's size units", ABSENT),
        _long("ineligibility_reasons", "why the contract cannot be traded, as a JSON object of id and text", "never"),
        text("cusip", "CUSIP", NOT_BOND),
        number("coupon", "coupon rate", "percent", NOT_BOND),
        text("maturity", "maturity date, as sent", NOT_BOND),
        text("issue_date", "issue date", NOT_BOND),
        text("ratings", "ratings", NOT_BOND),
        text("bond_type", "bond type", NOT_BOND),
        text("coupon_type", "coupon type", NOT_BOND),
        flag("convertible", "can be converted into stock", NOT_BOND),
        flag("callable", "can be called by the issuer", NOT_BOND),
        flag("puttable", "can be sold back to the issuer", NOT_BOND),
        text("description", "description appended to the name", NOT_BOND),
        text("next_option_date", "date of the next embedded option", NOT_BOND),
        text("next_option_type", "type of the next embedded option", NOT_BOND),
        flag("next_option_partial", "the next embedded option is partial", NOT_BOND),
        _long("notes", "notes", NOT_BOND),
        _long("fund", "the fund fields as a JSON object", NOT_FUND),
        _new(text("last_trade", "last trading date as sent, with the time and the zone that IB wrote it in: the "
                  "operator's, the instrument's or UTC", ABSENT), 2),
        _new(time("last_trade_ts", "moment of the last trade", "IB sent no time of day, or in a zone that is not known"), 2),
        _new(text("iana_time_zone", "time_zone by its name in the tz database, which other tools know",
                  "IB sent none, or one that is not known"), 2),
    ),
    ("instrument_id", "ts", "seq", "row"),
    version=2,
    subject=Subject.REFERENCE,
    shown=("ts", "instrument_id", "symbol", "security_type", "exchange", "currency", "long_name"),
    kept_for_ever=True,
)
