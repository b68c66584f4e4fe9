"""The fields by which messages name an instrument: whole in requests, without the primary exchange in answers."""

from dataclasses import replace

from .message import Field, Kind, Repeat, When, floats, ints, texts

CONTRACT = (
    Field("con_id", Kind.INT),
    *texts("symbol", "sec_type", "last_trade_date"),
    Field("strike", Kind.FLOAT),
    *texts("right", "multiplier", "exchange", "primary_exchange", "currency", "local_symbol", "trading_class"),
)
LEGS = When(
    "sec_type",
    ("BAG",),
    (Repeat("legs", (*ints("con_id", "ratio"), *texts("action", "exchange"))),),
)
DELTA_NEUTRAL = (
    Field("delta_neutral", Kind.BOOL),
    When("delta_neutral", (True,), (Field("delta_neutral_con_id", Kind.INT), *floats("delta", "delta_neutral_price"))),
)


def contract_without(name: str) -> tuple[Field, ...]:
    """Return the fields of a contract as answers have it: one of its exchanges is left out, no strike is 0."""
    fields = (field for field in CONTRACT if field.name != name)
    return tuple(replace(field, none="0") if field.name == "strike" else field for field in fields)


ANSWERED_CONTRACT = contract_without("primary_exchange")
