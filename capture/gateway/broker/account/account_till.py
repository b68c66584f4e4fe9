"""The till of an account: fills are charged and booked there, and orders weighed against what it can bear."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.fees import Fees
from capture.gateway.broker.fees.fees import NO_FEES, OrderFees
from capture.gateway.broker.fill import Fill
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.till import Booked, Terms

from .account import Account
from .means import LEAST_EQUITY, NO_RATE, NO_SHORTS, TOO_LITTLE, Means, what_if
from .position import Position
from .reserved import Deal

TEXTS = {  # by the reason; {equity} is what is there now with loan value, {needed} what margin would be
    TOO_LITTLE: "We are unable to accept your order. Your Available Funds are insufficient for the change in margin. "
                "Equity with Loan Value [{equity} {currency}] must exceed the new total Initial Margin of "
                "[{needed} {currency}]",
    NO_SHORTS: "This account may not sell short, nor borrow.",
    LEAST_EQUITY: "A margin account needs at least 2,000 USD of equity for this order.",
    NO_RATE: "The exchange rate of {security_currency} is not known here, so that its margin cannot be reckoned.",
}  # fmt: skip
MARGINS = ("initial_margin", "maintenance_margin", "equity_with_loan")


NO_FEE = Decimal(0)


class AccountTill:
    """Books fills in an account by a schedule of fees; what working orders would take is reserved."""

    def __init__(self, account: Account, fees: Fees) -> None:
        self.account = account
        self.fees = fees
        self.means = Means(account, fees)
        self._paid: dict[tuple[int, int], OrderFees] = {}  # by permanent id and contract id

    def book(self, fill: Fill) -> Booked:
        """Charge a fill and book it."""
        key = fill.permanent_id, fill.security.con_id
        fee, self._paid[key] = self.fees.charge(fill, self._paid.get(key, NO_FEES))
        return Booked(fee, self.account.book(fill, fee).realised)

    def charged_before(self, fill: Fill) -> None:
        """Count a fill of before a restart towards the fees of its order and the volume of its month."""
        key = fill.permanent_id, fill.security.con_id
        self._paid[key] = self.fees.charge(fill, self._paid.get(key, NO_FEES))[1]

    def correct(self, execution_id: str, fill: Fill) -> Booked:
        """Book a fill in the place of an earlier one, for the same fee."""
        old = self.account.ledger.executions.get(execution_id)
        fee = Decimal(0) if old is None else old.fee
        return Booked(fee, self.account.ledger.correct(execution_id, fill, fee).realised)

    def bust(self, execution_id: str) -> None:
        """Take a fill back, and pay its fee back."""
        self.account.ledger.bust(execution_id)

    def settle(self, fill: Fill) -> Booked:
        """Book what follows of an expiry or an exercise; what a future has won by then is cash."""
        booked = self.account.book(fill, NO_FEE)
        if fill.security.is_future:
            self.account.ledger.settle_future(fill.security.con_id, fill.price, fill.at_us)
        return Booked(NO_FEE, booked.realised)

    def held(self, con_id: int) -> Position | None:
        """Return what the account holds of an instrument."""
        return self.account.ledger.positions.get(con_id)

    def refusal(self, order: Order, at_us: int, terms: Terms | None = None) -> str | None:
        """Return why the account cannot bear an order, or its change, beside those that work; else reserve for it."""
        terms = terms or _terms(order)
        if self._bears(order, terms):
            return None
        verdict = self.means.ask(order.permanent_id, self._legs(order, terms), at_us, order.oca_group)
        if verdict.enough or verdict.before is None:
            return None
        return TEXTS[verdict.reason].format(
            equity=f"{verdict.before.equity:.2f}", needed=f"{verdict.after.initial:.2f}",
            currency=self.account.ledger.base_currency, security_currency=order.security.currency)  # fmt: skip

    def changed(self, order: Order, at_us: int) -> None:
        """Reserve for what is left of an order: nothing once it is done."""
        if order.is_done:
            self.means.release(order.permanent_id)
            for key in [key for key in self._paid if key[0] == order.permanent_id]:
                del self._paid[key]
        elif not self._bears(order, terms := _terms(order)):
            self.means.reserve(order.permanent_id, self._legs(order, terms), at_us, order.oca_group)

    def estimate(self, order: Order, at_us: int) -> dict[str, Any]:
        """Return what an order would need, by the names of the fields of an open order: priced as it would fill now."""
        legs = self._legs(order, _terms(order))
        stands = [leg._replace(price=self._price(leg.security.con_id) or leg.price) for leg in legs]
        found = what_if(self.account, self.fees, stands, at_us)
        answer: dict[str, Any] = {"commission": found.commission, "margin_currency": self.account.ledger.base_currency,
                                  "commission_currency": self.account.ledger.base_currency}  # fmt: skip
        for when, amounts in (("before", found.before), ("change", found.change), ("after", found.after)):
            answer |= {f"{name}_{when}": amount for name, amount in zip(MARGINS, amounts, strict=True)}
        return answer

    def _bears(self, order: Order, terms: Terms) -> bool:
        """Return whether what is reserved for an order is just what it needs."""
        quantity = order.side * terms.remaining
        return not order.legs and self.means.bears(order.permanent_id, order.security, quantity, order.oca_group)

    def _legs(self, order: Order, terms: Terms) -> Sequence[Deal]:
        """Return what is left to trade of an order, at its limit, or at the price that stands."""
        if order.legs:
            wanted = order.side * terms.remaining
            return [Deal(leg.security, wanted * leg.side * leg.ratio, self._price(leg.security.con_id))
                    for leg in order.legs]  # fmt: skip
        return [Deal(order.security, order.side * terms.remaining, self._limit(order, terms))]

    def _limit(self, order: Order, terms: Terms) -> Decimal:
        stands = self._price(order.security.con_id)
        limit = terms.values["limit_price" if terms.type.limit != "none" else "auxiliary_price"]
        if not limit or terms.type.trigger == "trail":
            return stands
        return max(exact(limit), stands) if order.side < 0 or not stands else exact(limit)

    def _price(self, con_id: int) -> Decimal:
        return self.account.known_price(con_id) or Decimal(0)


def _terms(order: Order) -> Terms:
    return Terms(order.type, order.values, order.remaining)
