"""Reads IB's own statements, the XML of Flex queries: bytes in, rows out. It touches no file."""

from .flex_xml import StatementError
from .latest import Row, latest
from .statement_rows import Parsed, parse

__all__ = ["Parsed", "Row", "StatementError", "latest", "parse"]
