"""nautilus_trader's numbers: whole numbers of 10⁻¹⁶ in 16 bytes, little-endian.

That is what its builds for Linux and macOS read; those for Windows have 8 bytes, and cannot read such files.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.export.job import Job
from capture.replay.row_filter import Wanted
from capture.schemas import TABLES

NUMBER = pa.binary(16)
_LARGEST = 17_014_118_346_046.0  # of prices; sizes may be twice that
_RAW_DECIMALS = 16
_MOST_UNITS = 2.0**62
# What needs more is no price or size that was sent, but the last bits of a calculation.
_MOST_DECIMALS = 9
# The same, as a share, of bars: sums of sizes, and halves of sums of prices.
CALCULATED = 1e-13

Floats = npt.NDArray[np.float64]

# Columns by whose values an instrument's decimals are found, by table: prices, sizes.
_MEASURED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "trades": (("price",), ("size",)),
    "quotes": (("bid_price", "ask_price"), ("bid_size", "ask_size")),
    "depth": (("price",), ("size",)),
    "bars": (("open", "high", "low", "close"), ("volume",)),
}


def numbers(values: Floats, decimals: int, tolerance: float = 0.0) -> tuple[pa.FixedSizeBinaryArray, int]:
    """Return numbers of at most `largest` with so many decimals, and how many of them were rounded.

    A float counts as a decimal number if that reads as the same float; `tolerance` is how much it may differ, as a
    share of it.
    """
    units = np.rint(values * 10.0**decimals)
    rounded = int(np.count_nonzero(np.abs(units / 10.0**decimals - values) > tolerance * np.abs(values)))
    # Arrow's decimals lie in memory as these numbers do.
    factor = pa.scalar(Decimal(10 ** (_RAW_DECIMALS - decimals)), pa.decimal128(17, 0))
    raw = pc.multiply(pa.array(units.astype(np.int64)).cast(pa.decimal128(19, 0)), factor)
    return pa.FixedSizeBinaryArray.from_buffers(NUMBER, len(raw), [None, raw.buffers()[1]]), rounded


def largest(decimals: int) -> float:
    """Return the largest number that can be held with so many decimals."""
    return min(_LARGEST, _MOST_UNITS / 10.0**decimals)


def decimals_of(step: float | None) -> int:
    """Return how many decimals a step of prices or sizes has, at most 9; 0 for none."""
    return min(len(f"{step or 0:.10f}".partition(".")[2].rstrip("0")), _MOST_DECIMALS)


def measured(job: Job) -> dict[int, tuple[int, int]]:
    """Return how many decimals prices and sizes need, by contract id.

    All tables count that hold prices somebody offered or paid, whichever is exported: nautilus_trader's backtest wants
    an instrument and all its data to have the same. That is a question over the whole range, some 0.1 s for a million
    rows. Midpoints, which may need one more, do not count, nor does what is no decimal number.
    """
    found: dict[int, tuple[int, int]] = {}
    for name, columns in _MEASURED.items():
        table = TABLES[name]
        where = Wanted((table,), None, job.instruments, None, None, job.start, job.end).where(
            table, job.start, job.end)
        prices, sizes = (f"max(greatest({', '.join(map(_decimals_sql, some))}))" for some in columns)
        of_prices = "" if name != "bars" else " and what in ('TRADES', 'BID', 'ASK')"
        for instrument_id, price, size in job.lake.sql(
                f"select instrument_id, {prices}, {sizes} from {name} "
                f"where instrument_id is not null and {where}{of_prices} group by all").rows():
            known = found.get(instrument_id, (0, 0))
            found[instrument_id] = max(known[0], price), max(known[1], size)
    return found


def _decimals_sql(column: str) -> str:
    cases = " ".join(f"when round({column} * 1e{n}) / 1e{n} = {column} then {n}" for n in range(_MOST_DECIMALS + 1))
    return f'case when "{column}" is null then 0 {cases} else 0 end'
