"""Exports: rows of a lake in the form that the next tool wants, with a manifest that says how whole they are (D108)."""

from capture.query import AskedError

from .export import Exported, export
from .formats import FORMATS, Format
from .stage import ExistsError

__all__ = ["FORMATS", "AskedError", "ExistsError", "Exported", "Format", "export"]
