"""What could happen to accounts: exposure, stress, margin and value at risk of what they hold, as one asks for them."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from capture.query.account.account_questions import AccountQuestions
from capture.query.answer import Answer
from capture.query.selection import Moment, moment

if TYPE_CHECKING:
    # Late: most questions are of the market, and pricing takes its time to load.
    from capture.risk.margin.portfolio_margin import PortfolioMargin
    from capture.risk.margin.span_margin import SpanMargin
    from capture.risk.stress.grid import Grid
    from capture.risk.stress.repricing import Stress
    from capture.risk.stress.scenario import Scenario
    from capture.risk.tail.value_at_risk import ValueAtRisk

    from .portfolio import Portfolio

ASSUMED_INTEREST = 0.04  # a year, of currencies whose rate nobody gave
MARGINS_TOLD = ("FullInitMarginReq", "FullMaintMarginReq", "InitMarginReq", "MaintMarginReq")


@dataclass(frozen=True, slots=True)
class Margin:
    """Margin of what accounts hold: estimated, and beside it what IB says, in the base currency.

    `portfolio` is of stocks and options, `span` of futures and options on them; both are estimates. `told` has IB's
    figures by tag, None where it sent none, and `told_age_s` how old the oldest of these is.
    """

    at: datetime
    portfolio: "PortfolioMargin"
    span: "SpanMargin"
    told: dict[str, float | None]
    told_age_s: float | None

    @property
    def initial(self) -> float:
        """What is required to open, estimated."""
        return self.portfolio.initial + self.span.initial

    @property
    def maintenance(self) -> float:
        """What is required to hold, estimated."""
        return self.portfolio.maintenance + self.span.maintenance


class RiskQuestions(AccountQuestions):
    """Exposure, stress, margin and value at risk of what accounts hold, as of a moment (default: now).

    `interest` are rates by currency as fractions a year: 4 % where they are not given. `base_currency` is that of the
    account's values where it is not given. Where `held` is given, as `holdings` returned it, nothing is gathered anew,
    and what else says whose and as of when does not count. What has no price, definition or volatility is listed with
    the reason and counted, never left out unseen.
    """

    @abstractmethod
    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to an SQL query."""

    def holdings(
        self, at: Moment | None = None, *, accounts: str | Sequence[str] | None = None,
        interest: Mapping[str, float] | None = None, base_currency: str | None = None,
    ) -> "Portfolio":
        """Return what accounts hold, each position with its definition, price, volatility and IB's greeks."""
        from .portfolio import portfolio_at

        when = _now() if at is None else moment(at)
        return portfolio_at(self, when, accounts, interest=interest, base_currency=base_currency,
                            assumed_interest=ASSUMED_INTEREST)  # fmt: skip

    def exposure(
        self, by: str = "underlying", at: Moment | None = None, *, accounts: str | Sequence[str] | None = None,
        base_currency: str | None = None, interest: Mapping[str, float] | None = None, index: str | None = None,
        held: "Portfolio | None" = None,
    ) -> Answer:
        """Return exposure by sector, currency, class, underlying, expiry or account, the largest first.

        Options count by delta: IB's, else that of their price. `index` is the symbol of what betas are measured
        against, by recorded bars. See `capture.risk.exposure.exposure` for the columns.
        """
        from capture.risk.exposure import exposure

        from .unit_greeks import with_betas, with_greeks

        held = held or self.holdings(at, accounts=accounts, interest=interest, base_currency=base_currency)
        if index is not None:
            held = with_betas(held, self.sql, index)
        return _answer(exposure(held.holdings, with_greeks(held), held.market, by))

    def stress(
        self, at: Moment | None = None, *, moves: "Grid | Sequence[Scenario] | None" = None,
        accounts: str | Sequence[str] | None = None, base_currency: str | None = None,
        interest: Mapping[str, float] | None = None, index: str | None = None, method: str = "quick",
        held: "Portfolio | None" = None,
    ) -> "Stress":
        """Return what every holding gains at each point of a grid (by default 7 prices × 5 volatilities × 5 rates), or
        in each scenario.

        `index` is the symbol of what betas are measured against, for scenarios that name a beta. `method` is quick, or
        quantlib where that is installed.
        """
        from capture.risk.stress.grid import RISK_NAVIGATOR
        from capture.risk.stress.repricing import stress

        from .unit_greeks import with_betas

        held = held or self.holdings(at, accounts=accounts, interest=interest, base_currency=base_currency)
        if index is not None:
            held = with_betas(held, self.sql, index)
        return stress(held.holdings, RISK_NAVIGATOR if moves is None else moves, held.market, method)

    def margin(
        self, at: Moment | None = None, *, accounts: str | Sequence[str] | None = None,
        base_currency: str | None = None, interest: Mapping[str, float] | None = None, figures: Any = None,
    ) -> Margin:
        """Return margin estimated by TIMS and SPAN, beside what IB says.

        `figures` are a user's own, as `capture.risk.margin.margin_file` reads them.
        """
        from capture.risk.margin.margin_parameters import parameters_on
        from capture.risk.margin.portfolio_margin import portfolio_margin
        from capture.risk.margin.span_margin import span

        held = self.holdings(at, accounts=accounts, interest=interest, base_currency=base_currency)
        when = datetime.fromtimestamp(held.market.at_us / 1e6, UTC)
        parameters = parameters_on(when.date(), figures)
        told = [row for row in self.account_at(when, accounts=accounts).arrow().to_pylist()
                if row["tag"] in MARGINS_TOLD and row["segment"] is None]  # fmt: skip
        sums = {tag: _sum([row["number"] for row in told if row["tag"] == tag]) for tag in MARGINS_TOLD}
        return Margin(when, portfolio_margin(held.holdings, parameters, held.market),
                      span(held.holdings, parameters, held.market), sums,
                      max((row["age_s"] for row in told), default=None))  # fmt: skip

    def value_at_risk(
        self, at: Moment | None = None, *, accounts: str | Sequence[str] | None = None,
        base_currency: str | None = None, interest: Mapping[str, float] | None = None,
    ) -> "ValueAtRisk":
        """Return value at risk and expected shortfall over a day, by recorded bars, at 95, 99 and 99.5 %."""
        from capture.risk.tail.daily_returns import daily_returns
        from capture.risk.tail.value_at_risk import value_at_risk

        from .daily_closes import closes_by_name

        held = self.holdings(at, accounts=accounts, interest=interest, base_currency=base_currency)
        return value_at_risk(held.holdings, daily_returns(closes_by_name(self.sql, held)), held.market)


def _now() -> datetime:
    return datetime.now(UTC)


def _sum(numbers: list[float | None]) -> float | None:
    """Return the sum of an amount of several accounts; None where one is not known, or there is none."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known and len(known) == len(numbers) else None


def _answer(table: Any) -> Answer:
    import duckdb

    return Answer(duckdb.connect().from_arrow(table))
