"""The conditions of an order, kind by kind: what must be true before it is sent, or for it to be cancelled.

`connector` is `a` (and) or `o` (or), and joins a condition to the next one.
"""

from .message import SOMETHING, Element, Field, Kind, Repeat, When, texts
from .order_fields import empty

# fmt: off  (a table)
PRICE, TIME, MARGIN, EXECUTION, VOLUME, PERCENT_CHANGE = 1, 3, 4, 5, 6, 7  # there is no 2

_IS_MORE = Field("is_more", Kind.BOOL)
_INSTRUMENT = (Field("con_id", Kind.INT), Field("exchange", Kind.TEXT))
_FORMS: dict[int, tuple[Field, ...]] = {
    PRICE: (_IS_MORE, Field("price", Kind.FLOAT), *_INSTRUMENT, Field("trigger_method", Kind.INT)),
    TIME: (_IS_MORE, Field("time", Kind.TEXT)),
    MARGIN: (_IS_MORE, Field("percent", Kind.INT)),
    EXECUTION: texts("sec_type", "exchange", "symbol"),
    VOLUME: (_IS_MORE, Field("volume", Kind.INT), *_INSTRUMENT),
    PERCENT_CHANGE: (_IS_MORE, Field("change_percent", Kind.FLOAT), *_INSTRUMENT),
}

CONDITIONS: tuple[Element, ...] = (
    Repeat("conditions", (
        Field("kind", Kind.INT, allowed=tuple(_FORMS)), Field("connector", Kind.TEXT),
        *(When("kind", (kind,), fields) for kind, fields in _FORMS.items()))),
    When("conditions", SOMETHING, empty("conditions_ignore_regular_hours conditions_cancel_order")),
)
