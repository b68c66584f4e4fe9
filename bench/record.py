"""The recorder of the ingest benchmark: the product's own, with its settings given on the command line.

    python -m bench.record PORT DATA ROLL_INTERVAL_S
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from capture.recorder.recorder import Recorder
from capture.wanted.settings import RecordBlock, Settings

from .messages import INSTRUMENTS

STOCK = {"sec_type": "STK", "exchange": "SMART", "currency": "USD"}
CONTRACTS: list[str | dict[str, Any]] = [{"symbol": f"S{number}", **STOCK} for number in range(INSTRUMENTS)]
STREAMS = ["trades", "quotes", "smart_depth:10", "ticks", "bars"]


def main() -> None:
    """Record until told to stop."""
    settings = Settings(
        port=int(sys.argv[1]), data=Path(sys.argv[2]), roll_interval_s=float(sys.argv[3]), requests_per_second=1_000,
        market_data_lines=0, record=[RecordBlock(instruments=CONTRACTS, streams=STREAMS)])
    sys.exit(asyncio.run(Recorder(settings, say=lambda level, text: None).run()))


if __name__ == "__main__":
    main()
