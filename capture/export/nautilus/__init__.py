"""Catalogs of nautilus_trader, written without it."""

from .catalog import LEAVES_OUT, TAKES, open_writer, rows
from .decimals import agree

__all__ = ["LEAVES_OUT", "TAKES", "agree", "open_writer", "rows"]
