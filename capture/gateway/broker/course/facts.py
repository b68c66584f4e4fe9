"""What a broker asks about instruments and its account besides quotes and trades: told by whoever knows them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

Of = Callable[[int, int], float | None]  # contract id, moment -> the figure then, None where nobody knows


@dataclass(frozen=True, slots=True)
class Facts:
    """Callables for what the market said elsewhere.

    `knows` whether there is an instrument of a contract id; `volume` traded of it today; `previous_close` of it, before
    today; `official_close` is the last price of its regular session, which decides what becomes of its options;
    `position` is what the account holds of it, and
    `cushion` of the account in percent at a moment: its excess liquidity of its net liquidation.
    """

    knows: Callable[[int], bool] = lambda con_id: True
    volume: Of = lambda con_id, at_us: None
    previous_close: Of = lambda con_id, at_us: None
    official_close: Of = lambda con_id, at_us: None
    position: Callable[[int], Decimal] = lambda con_id: Decimal(0)
    cushion: Callable[[int], float | None] = lambda at_us: None
