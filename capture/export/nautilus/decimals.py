"""The decimals of a catalog: an instrument's definition and all its data say the same, whichever was exported when.

A backtest refuses data with other decimals than the definition has. Numbers are stored in units of 10⁻¹⁶, whatever
decimals a file says they have; so files that said fewer are written anew with the same rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from capture.lake.parquet_file import parquet_file, parquet_writer, write_rows

from .instruments import FOLDERS, WHOLE_SIZES

_PRICE, _SIZE = b"price_precision", b"size_precision"
_PRICE_TEXTS, _SIZE_TEXTS = ("price_increment", "strike_price"), ("size_increment",)


class Decimals(NamedTuple):
    """How many decimals prices and sizes have."""

    price: int
    size: int


def agree(stage: Path, catalog: Path) -> list[Path]:
    """Have all files of a stage, and of the catalog that they go to, say the same decimals: the most that one says.

    Changes files of the stage, and adds copies of those of the catalog that are to be replaced, whose paths it returns,
    relative to both. Definitions of stocks, futures and options have no decimals of sizes.
    """
    said = {root: dict(_said(root)) for root in (catalog, stage)}
    most: dict[str, Decimals] = defaultdict(lambda: Decimals(0, 0))
    for files in said.values():
        for ids in files.values():
            for identity, found in ids.items():
                most[identity] = Decimals(*map(max, most[identity], found))
    touched = {identity for ids in said[stage].values() for identity in ids}
    replaced = []
    for root, files in said.items():
        for path, ids in files.items():
            if touched.isdisjoint(ids) or all(most[identity] == found for identity, found in ids.items()):
                continue
            if root == stage or not (stage / path).exists():
                wanted = stage / path
                wanted.parent.mkdir(parents=True, exist_ok=True)
                if _written(root / path, wanted, most) and root != stage:
                    replaced.append(path)
    return replaced


def _said(root: Path) -> Iterator[tuple[Path, Mapping[str, Decimals]]]:
    """Yield the files below a folder, and which decimals of which instruments they say."""
    for path in sorted((root / "data").glob("*/*/*.parquet")):
        with suppress(OSError, ValueError, KeyError):  # of somebody else, or damaged
            yield path.relative_to(root), _definitions(path) if _is_definition(path) else _data(path)


def _is_definition(path: Path) -> bool:
    return path.parent.parent.name in FOLDERS.values()


def _data(path: Path) -> dict[str, Decimals]:
    with parquet_file(path) as file:
        said = file.schema_arrow.metadata or {}
    return {said[b"instrument_id"].decode(): Decimals(int(said[_PRICE]), int(said[_SIZE]))}


def _definitions(path: Path) -> dict[str, Decimals]:
    """Return what definitions say; those whose sizes can have no decimals say none."""
    with parquet_file(path) as file:
        rows = file.read().to_pylist()
    return {row["id"]: Decimals(row["price_precision"], row.get("size_precision") or 0) for row in rows}


def _written(source: Path, target: Path, most: Mapping[str, Decimals]) -> bool:
    """Write a file with the most decimals; return whether that makes a difference."""
    fresh = target.with_name(f".{target.name}.tmp")
    made = (_definitions_with if _is_definition(source) else _data_with)(source, fresh, most)
    if made:
        fresh.replace(target)
    return made


def _data_with(source: Path, target: Path, most: Mapping[str, Decimals]) -> bool:
    with parquet_file(source) as file:
        said = file.schema_arrow.metadata
        price, size = most[said[b"instrument_id"].decode()]
        schema = file.schema_arrow.with_metadata({**said, _PRICE: str(price).encode(), _SIZE: str(size).encode()})
        with parquet_writer(target, schema) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group).cast(schema))
    return True


def _definitions_with(source: Path, target: Path, most: Mapping[str, Decimals]) -> bool:
    with parquet_file(source) as file:
        rows, schema = file.read().to_pylist(), file.schema_arrow
    whole = (schema.metadata or {}).get(b"class", b"").decode() in WHOLE_SIZES
    changed = [_definition(row, most[row["id"]], whole) for row in rows]
    if changed == rows:
        return False
    write_rows(pa.Table.from_pylist(changed, schema), target)
    return True


def _definition(row: dict[str, Any], decimals: Decimals, whole: bool) -> dict[str, Any]:
    longer: dict[str, Any] = {"price_precision": decimals.price}
    longer |= {name: _padded(row[name], decimals.price) for name in _PRICE_TEXTS if row.get(name)}
    if not whole and "size_precision" in row:
        longer |= {name: _padded(row[name], decimals.size) for name in _SIZE_TEXTS if row.get(name)}
        longer["size_precision"] = decimals.size
    return row | longer


def _padded(number: str, decimals: int) -> str:
    """Return a decimal number as text with so many decimals, or as many more as it has."""
    whole, _, part = number.partition(".")
    return f"{whole}.{part.ljust(decimals, '0')}" if decimals else number
