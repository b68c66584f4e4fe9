"""What a broker asks about instruments and its account besides quotes and trades: told by whoever knows them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from capture.gateway.broker.security import Security

Of = Callable[[int, int], float | None]  # contract id, moment -> the figure then, None where nobody knows


@dataclass(frozen=True, slots=True)
class Facts:
    """Callables for what the market said elsewhere.

    `knows` whether there is an instrument of a contract id; `security` is what is to be known of one that changes
    hands, None for one that cannot, as an index; `price` of it now, `volume` of today, `previous_close` before today.
    `official_close` is the last price of its regular session that ends at a moment, and `official_open` the first of
    the one that has just begun. `position` is what the account holds of it, and `cushion` of the account in percent:
    its excess liquidity of its net liquidation.
    """

    knows: Callable[[int, int], bool] = lambda con_id, at_us: True
    security: Callable[[int], Security | None] = lambda con_id: None
    price: Of = lambda con_id, at_us: None
    volume: Of = lambda con_id, at_us: None
    previous_close: Of = lambda con_id, at_us: None
    official_close: Of = lambda con_id, at_us: None
    official_open: Of = lambda con_id, at_us: None
    position: Callable[[int], Decimal] = lambda con_id: Decimal(0)
    cushion: Callable[[int], float | None] = lambda at_us: None
