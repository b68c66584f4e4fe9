"""Databento's DBN files."""

from .file import LEAVES_OUT, TAKES, open_writer, rows

__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
