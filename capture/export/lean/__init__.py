"""Data folders of LEAN, QuantConnect's engine."""

from .folder import LEAVES_OUT, TAKES, open_writer, rows

__all__ = ["LEAVES_OUT", "TAKES", "open_writer", "rows"]
