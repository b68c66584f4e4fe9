"""Which of the values that IB sends of an account are shown first, in their order."""

FIGURES = ("NetLiquidation", "TotalCashValue", "GrossPositionValue", "InitMarginReq", "MaintMarginReq",
           "AvailableFunds", "ExcessLiquidity", "Cushion", "BuyingPower", "RealizedPnL", "UnrealizedPnL",
           "CashBalance")  # fmt: skip
