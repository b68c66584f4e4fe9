"""SQL over a lake: views of its files, and of what is still only on the tape."""

from .answer import Answer, AskedError, QueryError
from .known import UnknownNameWarning
from .lake import Lake, open_lake
from .statement import NotOneQueryError

__all__ = ["Answer", "AskedError", "Lake", "NotOneQueryError", "QueryError", "UnknownNameWarning", "open_lake"]
