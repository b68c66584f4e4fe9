"""docs/margin-figures.md: what estimates of margin are reckoned with, from its tables."""

from capture.risk.margin.dated import Dated
from capture.risk.margin.margin_figures import FIGURES
from capture.risk.margin.risk_groups import CLASSES, LISTED_ON, PRODUCTS
from capture.risk.margin.risk_groups import SOURCE as GROUP_SOURCE
from capture.risk.margin.span_figures import COMMODITY_SPREADS, MONTH_SPREADS, SCAN_RANGES
from capture.risk.margin.span_scenarios import SCENARIOS

from .markdown import markdown, page

_DATED = ("since", "source", "certainty")


def margin_page() -> str:
    """Return the page of figures that margin is estimated with."""
    return page(
        "Figures of margin",
        ("capture/risk/margin/", "cli/generate/margin_page.py"),
        "What [risk.md](risk.md) estimates margin with. A figure holds from its date until a later row of the same "
        "key; before the first of them that one holds. Certainty: *rule* is the text of a regulator or exchange, "
        "*published* was said by the broker or clearing house or is on a page that lists their figures, *unverified* "
        "is recalled, rounded or nobody's word, *seen* was asked of the broker, *own* is the user's. Any of them can "
        "be replaced: `capture/risk/margin/margin_file.py` shows the file.",
        "## Portfolio margin",
        "Moves and shares are fractions, money is in US dollars.",
        markdown(("key", "value", *_DATED),
                 [(f"`{one.key}`", f"{one.value:g}", str(one.valid_from), one.source, one.certainty)
                  for one in FIGURES]),
        "## Groups",
        f"As of {LISTED_ON}, {GROUP_SOURCE}; unverified. What is not listed is a single stock (`equity`), alone in its "
        "class group. A star is leverage.",
        markdown(("product group", "kind", "portfolio group", "class groups and their symbols"),
                 [(one.name, f"`{one.kind}`", one.portfolio, _classes(one.name)) for one in PRODUCTS]),
        "## SPAN",
        "Price moves are in scan ranges, volatility goes up or down by its own.",
        markdown(("scenario", "price", "volatility", "what counts"),
                 [(str(number), f"{one.price:+.3g}", f"{one.volatility:+d}", f"{one.share:.0%}")
                  for number, one in enumerate(SCENARIOS, 1)]),
        markdown(("commodity", "symbols", "scan range of one", "multiplier", "volatility range",
                  "minimum of a short option", *_DATED),
                 [(one.commodity, " ".join(one.symbols), f"{one.price:,g} {one.currency}", f"{one.multiplier:,g}",
                   f"{one.volatility:.0%}", f"{one.short_option_minimum:g}", *_dated(one)) for one in SCAN_RANGES]),
        "Spreads between months of a commodity:",
        markdown(("commodity", "charge of one", *_DATED),
                 [(one.commodity, f"{one.charge:,g}", *_dated(one)) for one in MONTH_SPREADS]),
        "Spreads between commodities:",
        markdown(("futures", "share of the price risk saved", *_DATED),
                 [(", ".join(f"{leg.futures:+g} {leg.commodity}" for leg in one.legs), f"{one.credit:.0%}",
                   *_dated(one)) for one in COMMODITY_SPREADS]))  # fmt: skip


def _classes(product: str) -> str:
    return "; ".join(f"{name}: {symbols}" for name, of, symbols in CLASSES if of == product)


def _dated(row: Dated) -> tuple[str, str, str]:
    return str(row.valid_from), row.source, row.certainty
