"""SQL over a lake: views of its files, and of what is still only on the tape."""

from .answer import Answer, QueryError
from .lake import Lake, open_lake
from .statement import NotOneQueryError

__all__ = ["Answer", "Lake", "NotOneQueryError", "QueryError", "open_lake"]
