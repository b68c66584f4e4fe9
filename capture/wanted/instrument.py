"""Which instrument is meant: a word, or a table of contract fields, to the contract that IB is asked for."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple


class InstrumentError(ValueError):
    """An instrument's word or table names no contract; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract by the fields IB knows it by; an empty one does not narrow the search. `con_id` 0 means none."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    last_trade_date: str = ""
    strike: float | None = None
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    def values(self) -> dict[str, Any]:
        """Return the fields as a request takes them.

        With a contract id the date is left out: IB writes it in several zones, and refuses one that it takes for
        another (code 478).
        """
        return asdict(self) | ({"last_trade_date": ""} if self.con_id else {})


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the user asked for: the word, and the contract it stands for."""

    word: str
    contract: Contract


class Form(NamedTuple):
    """One form of an instrument's word: an example, its meaning, a pattern whose groups are contract fields."""

    example: str
    meaning: str
    pattern: str
    fixed: dict[str, str]


_SYMBOL = r"(?P<symbol>[A-Z0-9][A-Z0-9 .+_-]*)"
_AT = r"@(?P<exchange>[A-Z0-9.]+)"
_IN = r"(?::(?P<currency>[A-Z]{3}))?"
_PAIR = r"(?P<symbol>[A-Z0-9]{2,10})\.(?P<currency>[A-Z]{3})"
_EXPIRY = r":(?P<last_trade_date>\d{6}|\d{8})"
_STRIKE = r":(?P<strike>\d+(?:\.\d+)?):(?P<right>[CP])"
_US = {"exchange": "SMART", "currency": "USD"}

# The first form that fits decides. A group that is absent leaves the value in `fixed`, or the field empty.
# fmt: off  (a table: one form a few lines)
FORMS = (
    Form("conid:265598", "any contract by IB's contract id, @EXCHANGE if not SMART's choice",
         rf"conid:(?P<con_id>[1-9]\d*)(?:{_AT})?", {}),
    Form("EUR.USD", "a currency pair (CASH, IDEALPRO)",
         r"(?:CASH:)?(?P<symbol>[A-Z]{3})\.(?P<currency>[A-Z]{3})", {"sec_type": "CASH", "exchange": "IDEALPRO"}),
    Form("ESZ6", "a future by its local symbol",
         r"(?P<local_symbol>[A-Z0-9]{1,4}[FGHJKMNQUVXZ]\d{1,2})", {"sec_type": "FUT"}),
    Form("AAPL, AAPL@NASDAQ", "a US stock, routed by SMART, its primary exchange after @",
         r"(?P<symbol>[A-Z]+(?: [A-Z]+)?)(?:@(?P<primary_exchange>[A-Z0-9.]+))?", {"sec_type": "STK", **_US}),
    Form("STK:SAP@IBIS:EUR", "a stock with primary exchange and currency",
         rf"STK:{_SYMBOL}(?:@(?P<primary_exchange>[A-Z0-9.]+))?{_IN}", {"sec_type": "STK", **_US}),
    Form("FUT:ES@CME:202612", "a future by root, exchange and month or date",
         rf"FUT:{_SYMBOL}{_AT}{_EXPIRY}{_IN}", {"sec_type": "FUT"}),
    Form("OPT:AAPL:20261218:250:C", "an option by underlying, expiry, strike and C or P; @EXCHANGE after the symbol",
         rf"OPT:{_SYMBOL}(?:{_AT})?{_EXPIRY}{_STRIKE}{_IN}", {"sec_type": "OPT", **_US}),
    Form("FOP:ES@CME:20261218:6000:C", "an option on a future",
         rf"FOP:{_SYMBOL}{_AT}{_EXPIRY}{_STRIKE}{_IN}", {"sec_type": "FOP"}),
    Form("CRYPTO:BTC.USD@PAXOS", "a crypto pair", rf"CRYPTO:{_PAIR}(?:{_AT})?",
         {"sec_type": "CRYPTO", "exchange": "PAXOS"}),
    Form("IND:SPX@CBOE", "an index", rf"IND:{_SYMBOL}{_AT}{_IN}", {"sec_type": "IND"}),
    Form("CFD:IBUS500", "a CFD", rf"CFD:{_SYMBOL}(?:{_AT})?{_IN}", {"sec_type": "CFD", **_US}),
    Form("CMDTY:XAUUSD", "a spot commodity", rf"CMDTY:{_SYMBOL}(?:{_AT})?{_IN}", {"sec_type": "CMDTY", **_US}),
)
# fmt: on

MOST_ID = 2**31 - 1  # 32 bits on the wire
_CONVERT = {"con_id": int, "strike": float}


def grammar() -> str:
    """Return the accepted forms, one per line, for help and error texts."""
    width = max(len(form.example) for form in FORMS)
    return "\n".join(f"{form.example:{width}}  {form.meaning}" for form in FORMS)


_ALLOWED = f"allowed are:\n{grammar()}\nor a table of contract fields"


def parse_instrument(given: str | Mapping[str, Any]) -> Instrument:
    """Return the instrument that a word or a table of contract fields names. Raises InstrumentError."""
    if not isinstance(given, str):
        return _from_table(given)
    word = given.strip()
    contract = _from_word(word)
    if contract is not None:
        _check_date(given, contract.last_trade_date)
        return Instrument(word, contract)
    # IB writes classes of shares with a blank: BRK B.
    near = next((near for near in (word.upper(), word.upper().replace(".", " ")) if _from_word(near)), None)
    hint = f"; did you mean {near!r}?" if near else ""
    raise InstrumentError(f"{given!r} names no instrument{hint}\n{_ALLOWED}")


def _from_word(word: str) -> Contract | None:
    for form in FORMS:
        if match := re.fullmatch(form.pattern, word, re.ASCII):
            found = {name: _CONVERT.get(name, str)(text) for name, text in match.groupdict().items() if text}
            _check_id(found.get("con_id", 0))
            return Contract(**{**form.fixed, **found})
    return None


def _check_id(con_id: int) -> None:
    if not 0 <= con_id <= MOST_ID:
        raise InstrumentError(f"{con_id} is no contract id: IB's are whole numbers up to {MOST_ID}")


def _from_table(given: Mapping[str, Any]) -> Instrument:
    types = {field.name: field.type for field in fields(Contract)}
    if unknown := given.keys() - types.keys():
        raise InstrumentError(f"a contract has no field {', '.join(sorted(unknown))}; it has {', '.join(types)}")
    for name, value in given.items():
        _check_type(name, value, types[name])
    contract = Contract(**given)
    _check_id(contract.con_id)
    _check_date(given, contract.last_trade_date)
    if not contract.con_id and not (contract.sec_type and (contract.symbol or contract.local_symbol)):
        raise InstrumentError("a contract needs con_id, or sec_type with symbol or local_symbol")
    return Instrument(" ".join(f"{name}={value}" for name, value in given.items()), contract)


def _check_date(given: object, text: str) -> None:
    """Refuse a date of expiry that no calendar has; what follows a date, such as a time, is IB's to read."""
    digits = re.match(r"\d*", text)
    form = {0: "", 6: "%Y%m", 8: "%Y%m%d"}.get(len(digits[0]) if digits else 0)
    try:
        if text and not form:
            raise ValueError
        if digits and form:
            datetime.strptime(digits[0], form)
    except ValueError:
        raise InstrumentError(f"{given!r}: {text} is no month or date of expiry: write 202612 or 20261218") from None


def _check_type(name: str, value: Any, wanted: Any) -> None:
    """Refuse a value of the wrong type; text must be printable ASCII, TWS takes nothing else (code 579)."""
    if isinstance(value, bool) or not isinstance(value, int | float if name == "strike" else wanted):
        words = {"con_id": "a whole number", "strike": "a number"}.get(name, "text in quotes")
        raise InstrumentError(f"the contract field {name} takes {words}, not {value!r}")
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise InstrumentError(f"the contract field {name} holds characters that are not printable ASCII: {value!r}")
