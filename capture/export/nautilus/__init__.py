"""Catalogs of nautilus_trader, written without it."""

from .catalog import LEAVES_OUT, TAKES, open_writer, rows

__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
