"""Replay: rows of several tables as one stream of events in recorded order, at any speed (D97)."""

from .records import Record, record_class
from .replay import Replay
from .stretch import Stretch, wide_schema

__all__ = ["Record", "Replay", "Stretch", "record_class", "wide_schema"]
