"""Answers about accounts, positions and profits, which a gateway sends; server versions 157 to 200 (text protocol)."""

from .contract_fields import ANSWERED_CONTRACT, contract_without
from .message import MAXIMUM, Field, Kind, Message, floats, texts

# fmt: off  (a table)
_ID = Field("request_id", Kind.INT)
_POSITION = Field("position", Kind.DECIMAL)
_PROFITS = tuple(Field(name, Kind.FLOAT, none=MAXIMUM[Kind.FLOAT]) for name in ("daily", "unrealized", "realized"))
_AVERAGE_COST = Field("average_cost", Kind.FLOAT)  # of one share or contract, its multiplier included

ACCOUNT_ANSWERS = (
    Message(6, "account_value", texts("key", "value", "currency", "account"), version=2),
    Message(7, "portfolio_value", (
        *contract_without("exchange"), _POSITION, *floats("market_price", "market_value", "average_cost", "unrealized",
        "realized"), Field("account", Kind.TEXT)), version=8),
    Message(8, "account_update_time", texts("time"), version=1),
    Message(54, "account_download_end", texts("account"), version=1),
    Message(61, "position", (
        Field("account", Kind.TEXT), *ANSWERED_CONTRACT, _POSITION, _AVERAGE_COST), version=3),
    Message(62, "positions_end", (), version=1),
    Message(63, "account_summary", (_ID, *texts("account", "tag", "value", "currency")), version=1),
    Message(64, "account_summary_end", (_ID,), version=1),
    Message(71, "position_multi", (
        _ID, Field("account", Kind.TEXT), *ANSWERED_CONTRACT, _POSITION, _AVERAGE_COST, Field("model_code", Kind.TEXT)),
        version=1),
    Message(72, "positions_multi_end", (_ID,), version=1),
    Message(73, "account_update_multi", (
        _ID, *texts("account", "model_code", "key", "value", "currency")), version=1),
    Message(74, "account_update_multi_end", (_ID,), version=1),
    Message(94, "pnl", (_ID, *_PROFITS)),
    Message(95, "pnl_single", (_ID, _POSITION, *_PROFITS, Field("value", Kind.FLOAT))),
)
