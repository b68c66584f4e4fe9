"""Files that a user gives to the gateway for its paper account: what is held at the start, and what orders cost."""

from .fee_file import load_fees
from .given_file import GivenFileError
from .positions_file import PositionRow, load_positions

__all__ = ["GivenFileError", "PositionRow", "load_fees", "load_positions"]
