"""SQL over a lake: views of its files, and of what is still only on the tape."""

from .answer import Answer, QueryError
from .lake import Lake, open_lake

__all__ = ["Answer", "Lake", "QueryError", "open_lake"]
