"""Margin: what an account must have for what it holds, one underlying after the other; the figures are data."""

from .holding import Holding
from .rates import RATES, Rates
from .requirement import Requirement, group_of, group_requirement

__all__ = ["RATES", "Holding", "Rates", "Requirement", "group_of", "group_requirement"]
