"""All that margin is reckoned with on one day: figures, groups of symbols and rows of SPAN, a user's own first."""

from dataclasses import dataclass
from datetime import date

from .margin_figures import MarginFigures, figures_on
from .margin_file import OwnFigures
from .risk_groups import RiskGroups
from .span_figures import SpanFigures, span_figures_on


@dataclass(frozen=True)
class MarginParameters:
    """What holds on a day: for portfolio margin `figures` and `groups`, for futures `span`."""

    figures: MarginFigures
    groups: RiskGroups
    span: SpanFigures


def parameters_on(day: date, own: OwnFigures | None = None) -> MarginParameters:
    """Return what held on a day, with what a user's file says before it."""
    given = own or OwnFigures()
    span = span_figures_on(day, given.ranges, given.month_spreads, given.commodity_spreads)
    return MarginParameters(figures_on(day, given.figures), RiskGroups(given.classes), span)
