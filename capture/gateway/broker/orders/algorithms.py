"""IB's algorithms, which here work as the plain orders that they are given with."""

ALGORITHMS = frozenset({  # in capitals, as clients write them in many ways
    "ADAPTIVE", "AD", "ARRIVALPX", "BALANCEIMPACTRISK", "CLOSEPX", "DARKICE", "MINIMPACT", "PCTVOL",
    "PCTVOLPX", "PCTVOLSZ", "PCTVOLTM", "TWAP", "VWAP"})  # fmt: skip
