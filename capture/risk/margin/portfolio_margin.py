"""Portfolio margin, estimated: TIMS as FINRA 4210(g) has it, and the broker's published additions to it.

What is held on one underlying is moved to ten prices, and volatility stays. Gains offset losses in full within a class
group, in part between class groups of a product group and between product groups of a portfolio group, and not at all
beyond. The largest loss is required, and no less than a minimum for each option. The broker also shifts volatility, and
asks for no less than what concentrated positions and a single stock would lose far out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from capture.risk.holding import Holding
from capture.risk.pricing.market import Market
from capture.risk.revaluation import ON_FUTURES, Unpriced

from .class_margin import RULE, SHIFTED, ClassMargin, class_margins
from .concentration import Company, Floor, concentration, single_stock
from .margin_figures import MarginFigures
from .margin_parameters import MarginParameters
from .offsets import Part, gather

ESTIMATE = "an estimate by published rules: the broker has figures and charges of its own that it does not publish"
MARGINED = ("STK", "OPT", "WAR", "IOPT")
NO_POSITION = ("BALANCE", "CASH")  # balances of cash and pairs of them: a debt is in the account's worth
SCAN, CONCENTRATION, SINGLE_STOCK = "scan", "concentration", "single stock"


@dataclass(frozen=True, slots=True)
class GroupMargin:
    """What a product or portfolio group requires, and how much less that is than its parts require alone."""

    name: str
    parts: tuple[str, ...]
    share: float  # of gains that offset losses
    worst_point: int | None  # from 1, lowest move first; None where nothing is lost
    loss: float
    minimum: float
    requirement: float
    saved: float


@dataclass(frozen=True, slots=True)
class PortfolioMargin:
    """What holdings require, estimated, in the base currency, and what that is made of.

    `regulatory` is TIMS alone, `scanned` the same with volatility shifted, and `maintenance` the most of `scanned` and
    the two floors; `bound_by` says which of them. `initial` is required to open. What is `unpriced` is in none of
    these, and futures and options on them are not either: those are `by_span`.
    """

    currency: str
    classes: tuple[ClassMargin, ...]
    products: tuple[GroupMargin, ...]
    portfolios: tuple[GroupMargin, ...]
    regulatory: float
    scanned: float
    concentration: Floor
    single_stock: Floor
    maintenance: float
    initial: float
    bound_by: str
    unpriced: tuple[Unpriced, ...]
    by_span: tuple[Holding, ...]
    note: str = ESTIMATE

    def table(self) -> pa.Table:
        """Return a row for each class group, in the columns of `CLASS_SCHEMA`."""
        return pa.Table.from_pylist([_row(one) for one in self.classes], CLASS_SCHEMA)

    def group_table(self) -> pa.Table:
        """Return a row for each product and portfolio group, in the columns of `GROUP_SCHEMA`."""
        rows = [{"level": level} | {name: getattr(one, name) for name in GROUP_SCHEMA.names[1:]}
                for level, groups in (("product", self.products), ("portfolio", self.portfolios))
                for one in groups]  # fmt: skip
        return pa.Table.from_pylist(rows, GROUP_SCHEMA)

    def total_table(self) -> pa.Table:
        """Return one row with the sums and what they lack, in the columns of `TOTAL_SCHEMA`."""
        row = {
            "currency": self.currency, "regulatory": self.regulatory, "scanned": self.scanned,
            "concentration": self.concentration.amount, "concentration_names": self.concentration.names,
            "single_stock": self.single_stock.amount, "single_stock_names": self.single_stock.names,
            "maintenance": self.maintenance, "initial": self.initial, "bound_by": self.bound_by,
            "unpriced": len(self.unpriced), "by_span": len(self.by_span), "note": self.note}  # fmt: skip
        return pa.Table.from_pylist([row], TOTAL_SCHEMA)


# Amounts are in the base currency; losses and requirements are of the class group by itself, and not below 0.
CLASS_SCHEMA = pa.schema([
    *((name, pa.string()) for name in ("class_group", "product_group", "portfolio_group", "kind")),
    ("holdings", pa.int64()), ("lacking", pa.int64()), ("moves", pa.list_(pa.float64())),
    ("changes", pa.list_(pa.float64())), ("worst_move", pa.float64()),
    *((name, pa.float64()) for name in ("loss", "minimum", "requirement", "shifted_loss", "far_loss", "rest_loss",
                                        "single_loss", "initial_share"))])  # fmt: skip
GROUP_SCHEMA = pa.schema([
    ("level", pa.string()), ("name", pa.string()), ("parts", pa.list_(pa.string())), ("share", pa.float64()),
    ("worst_point", pa.int64()), ("loss", pa.float64()), ("minimum", pa.float64()), ("requirement", pa.float64()),
    ("saved", pa.float64())])  # fmt: skip
TOTAL_SCHEMA = pa.schema([
    ("currency", pa.string()), ("regulatory", pa.float64()), ("scanned", pa.float64()),
    ("concentration", pa.float64()), ("concentration_names", pa.list_(pa.string())), ("single_stock", pa.float64()),
    ("single_stock_names", pa.list_(pa.string())), ("maintenance", pa.float64()), ("initial", pa.float64()),
    ("bound_by", pa.string()), ("unpriced", pa.int64()), ("by_span", pa.int64()), ("note", pa.string())])  # fmt: skip


def portfolio_margin(
    holdings: Sequence[Holding],
    parameters: MarginParameters,
    market: Market,
    companies: Mapping[str, Company] | None = None,
) -> PortfolioMargin:
    """Return what holdings require by portfolio margin; `companies` are issuers by class group."""
    held = [holding for holding in holdings if holding.position and holding.security_type not in NO_POSITION]
    margined = [holding for holding in held if holding.security_type in MARGINED]
    figures = parameters.figures
    classes, unpriced = class_margins(margined, parameters, market, companies or {})
    products, portfolios = _rolled_up(classes, figures, RULE)
    scanned = sum(part.requirement for part in _rolled_up(classes, figures, SHIFTED)[1])
    losses = [one.losses for one in classes]
    floors = {CONCENTRATION: concentration(losses, figures), SINGLE_STOCK: single_stock(losses)}
    amounts = {SCAN: scanned} | {name: floor.amount for name, floor in floors.items()}
    bound_by = max(amounts, key=lambda name: amounts[name])
    return PortfolioMargin(
        market.base_currency, classes, *_groups(classes, products, portfolios, figures),
        sum(part.requirement for part in portfolios), scanned, floors[CONCENTRATION], floors[SINGLE_STOCK],
        amounts[bound_by], amounts[bound_by] * _initial_share(classes), bound_by, (*unpriced, *_without_rule(held)),
        tuple(holding for holding in held if holding.security_type in ON_FUTURES))  # fmt: skip


def _rolled_up(
    classes: Sequence[ClassMargin], figures: MarginFigures, scenarios: slice
) -> tuple[list[Part], list[Part]]:
    """Return product groups and portfolio groups; what is in none is one by itself."""
    product_of, portfolio_of = _memberships(classes)
    products = gather([one.part(scenarios) for one in classes], product_of, _shares(classes, figures))
    return products, gather(products, portfolio_of, dict.fromkeys(portfolio_of.values(), figures["offsets.portfolio"]))


def _memberships(classes: Sequence[ClassMargin]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the product group of each class group, and the portfolio group of each product group."""
    places = [one.place for one in classes]
    return ({place.class_group: place.product for place in places},
            {place.product: place.portfolio for place in places if place.product})  # fmt: skip


def _shares(classes: Sequence[ClassMargin], figures: MarginFigures) -> dict[str, float]:
    return {one.place.product: figures[f"offsets.product.{one.place.kind}"] for one in classes if one.place.product}


def _groups(
    classes: Sequence[ClassMargin], products: Sequence[Part], portfolios: Sequence[Part], figures: MarginFigures
) -> tuple[tuple[GroupMargin, ...], tuple[GroupMargin, ...]]:
    """Return the product and portfolio groups that there are, with what they save."""
    product_of, portfolio_of = _memberships(classes)
    shares, share = _shares(classes, figures), figures["offsets.portfolio"]
    return (
        tuple(_group(whole, [one.part() for one in classes if product_of[one.name] == whole.name], shares[whole.name])
              for whole in products if whole.name in shares),
        tuple(_group(whole, [one for one in products if portfolio_of.get(one.name) == whole.name], share)
              for whole in portfolios if whole.name in portfolio_of.values()),
    )  # fmt: skip


def _group(whole: Part, parts: Sequence[Part], share: float) -> GroupMargin:
    point = whole.worst_point
    alone = sum(part.requirement for part in parts)
    return GroupMargin(whole.name, tuple(part.name for part in parts), share, None if point is None else point + 1,
                       whole.loss, whole.minimum, whole.requirement, alone - whole.requirement)  # fmt: skip


def _initial_share(classes: Sequence[ClassMargin]) -> float:
    """Return what is required to open for each of what is required to hold, by what class groups require alone."""
    weights = [one.part().requirement for one in classes]
    weighted = sum(weight * one.initial_share for weight, one in zip(weights, classes, strict=True))
    return weighted / sum(weights) if sum(weights) else 1.0


def _without_rule(held: Sequence[Holding]) -> list[Unpriced]:
    return [Unpriced(holding, f"portfolio margin has no rule for {holding.security_type}")
            for holding in held if holding.security_type not in (*MARGINED, *ON_FUTURES)]  # fmt: skip


def _row(one: ClassMargin) -> dict[str, object]:
    part, losses = one.part(), one.losses
    return {
        "class_group": one.name, "product_group": one.place.product, "portfolio_group": one.place.portfolio,
        "kind": one.place.kind, "holdings": one.holdings, "lacking": one.lacking, "moves": one.moves,
        "changes": part.changes, "worst_move": one.worst_move, "loss": part.loss, "minimum": part.minimum,
        "requirement": part.requirement, "shifted_loss": one.part(SHIFTED).loss, "far_loss": losses.far,
        "rest_loss": losses.rest, "single_loss": losses.single, "initial_share": one.initial_share}  # fmt: skip
