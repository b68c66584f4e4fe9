"""What ends by itself: options and futures that expire, those that are exercised before, and orders for them."""

from collections import defaultdict
from decimal import Decimal

from capture.gateway.broker.account.expiry import exercise, expire, intrinsic, settles_at_open
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.sessions import Sessions, regular_sessions
from capture.gateway.broker.executions import Executions
from capture.gateway.broker.fill import Fill
from capture.gateway.broker.orders.order_book import Orders
from capture.gateway.broker.security import Security
from capture.times import DAY_US, HOUR_US
from capture.wire.ib_times import parse_time_us

from .facts import Facts
from .timers import Timers

EXERCISE, LAPSE = 1, 2  # of a request
LAST_HOUR = "16:00:00"  # at which markets close where the hours of a last day are not known
ZONE = "US/Eastern"
FIRST_PRINTS_US = HOUR_US // 4  # after the open, within which opening prices are known
NOTHING = Decimal(0)


def processing(cause: str) -> tuple[int, str]:
    """Return IB's code and text for an exercise that cannot be."""
    return 322, f"Error processing request.-'bS' : cause - {cause}"


class Expiries:
    """Ends what expires, at its official price: options close at 0 and shares change hands at the strike.

    That price is the last of the regular session of the underlying's last day, or the first of it for classes that are
    settled at the open. Where nobody knows it a position stays as it is.
    """

    def __init__(self, orders: Orders, executions: Executions, timers: Timers, facts: Facts) -> None:
        self._orders = orders
        self._executions = executions
        self._timers = timers
        self._facts = facts
        self._watched: set[int] = set()
        self._lapsed: defaultdict[int, Decimal] = defaultdict(Decimal)  # by contract id

    def watch(self, security: Security, at_us: int) -> None:
        """End an instrument when its time comes; to be told of each that is held or ordered, once or more often."""
        if not security.last_trade_date or security.con_id in self._watched:
            return
        ends_us = ends_at_us(security)
        if ends_us is None:
            return
        self._watched.add(security.con_id)
        if settles_at_open(security):
            ends_us += FIRST_PRINTS_US
        decided_us = ends_us
        self._timers.at(max(ends_us, at_us), lambda at_us: self._end(security, decided_us, at_us))

    def is_over(self, security: Security, at_us: int) -> bool:
        """Return whether an instrument trades no more."""
        ends_us = ends_at_us(security) if security.last_trade_date else None
        return ends_us is not None and at_us >= ends_us

    def _end(self, security: Security, decided_us: int, at_us: int) -> None:
        for order in self._orders.at(security.con_id):
            self._executions.cancel(order, at_us, "Contract expired", "Expired")
        position = self._executions.till.held(security.con_id)
        if position is None or not position.quantity:
            return
        price = self._official_price(security, decided_us)
        if price is not None:
            self._executions.settle(self._fills(position, price, at_us), at_us)

    def _official_price(self, security: Security, at_us: int) -> Decimal | None:
        """Return the price that decides: of an option, that of its underlying."""
        of = security.under_con_id if security.is_option else security.con_id
        told = (self._facts.official_open if settles_at_open(security) else self._facts.official_close)(of, at_us)
        return None if told is None else exact(told)

    def _fills(self, position: Position, price: Decimal, at_us: int) -> list[Fill]:
        """Return what closes a position; what its holder lets lapse is worth nothing."""
        security = position.security
        underlying = self._facts.security(security.under_con_id) if security.is_option else None
        lapsed = min(self._lapsed.pop(security.con_id, NOTHING), max(position.quantity, NOTHING))
        kept = Position(security, position.quantity - lapsed)
        fills = expire(kept, price, underlying, at_us, self._executions.identities.execution_id())
        if lapsed:
            execution_id = self._executions.identities.execution_id()
            fills += expire(Position(security, lapsed), security.strike, None, at_us, execution_id)
        return fills

    # Requests

    def exercise(
        self, security: Security, exchange: str, action: int, quantity: int, override: bool, at_us: int
    ) -> tuple[int, str] | None:
        """Exercise options now, or note that they are to lapse; return IB's code and text where that cannot be.

        `override` exercises what is not in the money, and lets lapse what is.
        """
        position = self._executions.till.held(security.con_id)
        fault = self._fault(security, exchange, action, quantity, position)
        if fault is not None:
            return fault
        assert position is not None
        underlying = self._facts.security(security.under_con_id)
        price = self._facts.price(security.under_con_id, at_us)
        if not override and (price is None or (intrinsic(security, exact(price)) > 0) != (action == EXERCISE)):
            word = "Exercise ignored because option is not" if action == EXERCISE else "Lapse ignored because option is"
            return processing(f"{word} in-the-money.")
        if action == LAPSE:
            self._lapsed[security.con_id] += quantity
        elif underlying is None:
            return processing("The underlying of the option cannot be delivered here")
        else:
            execution_id = self._executions.identities.execution_id()
            self._executions.settle(exercise(position, Decimal(quantity), underlying, at_us, execution_id), at_us)
        return None

    def _fault(
        self, security: Security, exchange: str, action: int, quantity: int, position: Position | None
    ) -> tuple[int, str] | None:
        if exchange == "SMART":
            return processing("Options cannot be exercised at SMART: name the exchange they are listed at")
        if action not in (EXERCISE, LAPSE):
            return processing(f"Invalid exercise action {action}")
        free = (position.quantity if position else NOTHING) - self._lapsed[security.con_id]
        if not security.is_option or not 0 < quantity <= free:
            return processing("No unlapsed position exists in this option in account")
        return None


def ends_at_us(security: Security) -> int | None:
    """Return when an instrument has traded for the last time, None where its date is none.

    That is the end of its regular hours that day, as far as they are known: on the eve of a holiday, at noon. One that
    is settled at the open ends with that of the day on which it expires.
    """
    settles = security.details.get("real_expiration_date") if settles_at_open(security) else ""
    date, *_ = (settles or security.last_trade_date).split() or ("",)
    usual_us = parse_time_us(f"{date} {LAST_HOUR}", security.details.get("time_zone_id") or ZONE)
    if len(date) != 8 or usual_us is None:
        return None
    opens_us, closes_us = _of_day(regular_sessions(security), usual_us) or (usual_us - 13 * HOUR_US // 2, usual_us)
    return opens_us if settles_at_open(security) else closes_us


def _of_day(sessions: Sessions, usual_us: int) -> tuple[int, int] | None:
    """Return the session whose end is nearest to the usual hour of a day."""
    near = [span for span in sessions.spans if abs(span[1] - usual_us) < DAY_US // 2]
    return min(near, key=lambda span: abs(span[1] - usual_us), default=None)
