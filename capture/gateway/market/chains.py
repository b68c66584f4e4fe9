"""Options on stocks, funds and an index: every Friday's chain, each contract worked out from its contract id (D104)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from .universe import LISTED, Instrument

RIGHTS = "CP"
FIRST_FRIDAY = date(2020, 1, 3)
FIRST_CON_ID = 700_000_001
WEEKS, STRIKES = 4_096, 64  # numbers set aside for each underlying
REACH = 20  # strikes of a chain below its middle, and above
WEEKLY_WEEKS, MONTHLY_WEEKS = 8, 56  # how far ahead Fridays are listed: all of them, and third ones of a month
KNOWN = 4_096


@dataclass(frozen=True)
class Chain:
    """The options on an instrument: the step between strikes, and the trading class of those that end on a Friday
    which is not the third of a month, where that is another one."""

    under_con_id: int
    step: float
    weekly_class: str = ""

    @property
    def underlying(self) -> Instrument:
        """What the options are on."""
        return LISTED[self.under_con_id]

    def strike(self, place: int) -> float:
        """Return a strike by its place in the chain."""
        middle = round(self.underlying.asset.price * self.underlying.factor / self.step)
        return (middle - REACH + place) * self.step


CHAINS = (  # a new one goes last: contract ids follow from the places
    Chain(265598, 5.0),  # AAPL
    Chain(756733, 5.0),  # SPY
    Chain(272093, 5.0),  # MSFT
    Chain(4815747, 2.5),  # NVDA
    Chain(76792991, 5.0),  # TSLA
    Chain(3691937, 5.0),  # AMZN
    Chain(8314, 5.0),  # IBM
    Chain(9599491, 0.5),  # F
    Chain(270639, 0.5),  # INTC
    Chain(4391, 2.5),  # AMD
    Chain(320227571, 5.0),  # QQQ
    Chain(15547841, 1.0),  # TLT
    Chain(416904, 25.0, "SPXW"),  # SPX
)
UNDERLYINGS = frozenset(chain.under_con_id for chain in CHAINS)


def con_id_of(chain: int, week: int, strike: int, right: int) -> int:
    """Return the contract id of an option by the places of its terms."""
    return FIRST_CON_ID + ((chain * WEEKS + week) * STRIKES + strike) * len(RIGHTS) + right


@lru_cache(KNOWN)
def option(con_id: int) -> Instrument | None:
    """Return the option of a contract id, None for an id that is none."""
    rest, right = divmod(con_id - FIRST_CON_ID, len(RIGHTS))
    rest, strike = divmod(rest, STRIKES)
    place, week = divmod(rest, WEEKS)
    if not 0 <= place < len(CHAINS) or strike > 2 * REACH:
        return None
    chain, on = CHAINS[place], FIRST_FRIDAY + timedelta(weeks=week)
    under = chain.underlying
    trading_class = under.symbol if is_monthly(on) or not chain.weekly_class else chain.weekly_class
    price = chain.strike(strike)
    return Instrument(
        con_id, under.symbol, "OPT", "SMART", "USD", "index option" if under.sec_type == "IND" else "option",
        under.asset_name, 100, 1.0, 0.05, under.long_name,
        f"{trading_class:<6}{on:%y%m%d}{RIGHTS[right]}{round(price * 1000):08d}", trading_class, factor=under.factor,
        last_trade_date=f"{on:%Y%m%d}", strike=price, right=RIGHTS[right], multiplier="100",
        under_con_id=under.con_id, industry=under.industry,
    )  # fmt: skip


def is_monthly(friday: date) -> bool:
    """Return whether a Friday is the third of its month."""
    return 15 <= friday.day <= 21


def listed(symbol: str, last_trade_date: str, strike: float, right: str, epoch_s: int) -> Iterator[Instrument]:
    """Yield the options that trade at a moment; an empty symbol or right, and a strike of 0, are any.

    A last trade date that is named whole is found at any moment; the beginning of one only where it is listed.
    """
    for place, chain in enumerate(CHAINS):
        if symbol and symbol != chain.underlying.symbol:
            continue
        for week in _weeks(last_trade_date, epoch_s):
            for number in range(2 * REACH + 1):
                if strike and strike != chain.strike(number):
                    continue
                for side, letter in enumerate(RIGHTS):
                    if right in ("", letter):
                        found = option(con_id_of(place, week, number, side))
                        assert found is not None
                        yield found


def named(local_symbol: str) -> Instrument | None:
    """Return the option of a local symbol, such as AAPL  261218C00230000; None for a text that is none."""
    try:
        on = datetime.strptime(local_symbol[6:12], "%y%m%d").date()
        price = int(local_symbol[13:]) / 1000
    except ValueError:
        return None
    symbols = {chain.weekly_class or chain.underlying.symbol: chain.underlying.symbol for chain in CHAINS}
    trading_class = local_symbol[:6].strip()
    symbol = symbols.get(trading_class, trading_class)
    found = listed(symbol, f"{on:%Y%m%d}", price, local_symbol[12:13], 0) if symbol and price else iter(())
    return next((one for one in found if one.local_symbol == local_symbol), None)


def _weeks(last_trade_date: str, epoch_s: int) -> list[int]:
    """Return the numbers of the Fridays that a last trade date, whole, in part or empty, may mean at a moment."""
    if len(last_trade_date) == 8:
        days = (_date(last_trade_date) - FIRST_FRIDAY).days
        return [days // 7] if days >= 0 and days % 7 == 0 and days // 7 < WEEKS else []
    today = datetime.fromtimestamp(epoch_s, UTC).date()
    first = -((FIRST_FRIDAY - today).days // 7)  # of the Fridays from today on
    fridays = [(week, FIRST_FRIDAY + timedelta(weeks=week)) for week in range(max(first, 0), first + MONTHLY_WEEKS)]
    return [week for week, on in fridays if (is_monthly(on) or week < first + WEEKLY_WEEKS)
            and f"{on:%Y%m%d}".startswith(last_trade_date)]  # fmt: skip


def _date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return date.min  # no Friday of any chain
