"""A holding: so much of an instrument at a price, held or only supposed."""

from decimal import Decimal
from typing import NamedTuple

from capture.gateway.broker.security import Security


class Holding(NamedTuple):
    """So much of an instrument, held or supposed, at a price; below zero is short."""

    security: Security
    quantity: Decimal
    price: Decimal

    @property
    def worth(self) -> Decimal:
        """What it is worth; of futures, what it stands for."""
        return self.quantity * self.price * self.security.multiplier
