"""Files that a user gives to the gateway for its paper account: what is held at the start, and what orders cost."""

from .fee_file import load_fees
from .positions_file import PositionRow, load_positions
from .text_file import GivenFileError

__all__ = ["GivenFileError", "PositionRow", "load_fees", "load_positions"]
