"""Fees: what orders cost, by a schedule that is data."""

from .fees import NO_FEES, Fees, OrderFees

__all__ = ["NO_FEES", "Fees", "OrderFees"]
