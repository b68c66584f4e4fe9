"""What `capture.risk.valuation` says of units, as SQL: made of the same tables, so that both give the same money."""

from capture.risk.valuation import KINDS, PARTS_OF_CURRENCIES

_DERIVATIVES = ("FUT", "CONTFUT", "OPT", "FOP", "WAR", "IOPT")  # whose multiplier nobody may guess


def _of_kinds() -> str:
    parts = " ".join(f"when '{kind}' then {part}" for kind, (part, _) in KINDS.items())
    return f"case security_type {parts} end"


def _of_currency(place: int) -> str:
    return " ".join(f"when '{word}' then {parts[place]!r}" for word, parts in PARTS_OF_CURRENCIES.items())


_MULTIPLIER = f"""coalesce(try_cast(nullif(multiplier, '') as double),
    case when security_type not in {_DERIVATIVES} then 1.0 end)"""

# Name and parameters -> expression: scalar macros. A price times `unit_value` is the money of one unit of position, in
# `money_currency`; null for kinds that nobody knows, and derivatives without a multiplier.
MONEY = {
    "money_currency(currency)": f"case currency {_of_currency(0)} else currency end",
    "unit_value(security_type, multiplier, price_magnifier, currency)":
        f"{_MULTIPLIER} * {_of_kinds()} / greatest(1, coalesce(price_magnifier, 1),"
        f" case currency {_of_currency(1)} else 1 end)",
    # Sums of it are exact: floats are not, and a sum of many is then another by the order in which it is made.
    "money(amount)": "cast(round(amount, 8) as decimal(38, 8))",
}  # fmt: skip
