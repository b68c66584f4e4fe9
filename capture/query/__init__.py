"""SQL over a lake: views of its files, and of what is still only on the tape."""

from .answer import Answer, AskedError, QueryError
from .known import UnknownNameWarning
from .lake_reader import LakeReader, open_reader
from .statement import NotOneQueryError

__all__ = ["Answer", "AskedError", "LakeReader", "NotOneQueryError", "QueryError", "UnknownNameWarning", "open_reader"]
