"""Rows as a Databento user would keep them: DBN files, compressed with zstd by Databento's own encoder.

    python dbn.py FOLDER       reads FOLDER/<table>.parquet, prints {table: {form: bytes}}

One file a day holds all instruments in order of arrival; a second is sorted by instrument, which compresses better.
Quotes are `mbp-1` records, trades `trades`, depth operations `mbo`, the smallest schema that has one record per
operation. What DBN has no field for (IB's flags, conditions, streams, recorder) is left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Columns = dict[str, Any]
PRICE_UNITS = 1_000_000_000  # DBN's prices count billionths
SIZE_UNITS = 10_000  # DBN's sizes are whole numbers; coins are traded by the ten-thousandth
RECORDS = {"quotes": (dbn.MBP1Msg, dbn.Schema.MBP_1, dbn.RType.MBP_1),
           "trades": (dbn.TradeMsg, dbn.Schema.TRADES, dbn.RType.MBP_0),
           "depth": (dbn.MBOMsg, dbn.Schema.MBO, dbn.RType.MBO)}


def column(rows: pa.Table, name: str) -> Any:
    """Return a column as numpy."""
    return rows[name].combine_chunks().to_numpy(zero_copy_only=False)


def price(rows: pa.Table, name: str) -> Any:
    """Return prices as DBN counts them."""
    values = column(rows, name)
    return np.where(np.isnan(values), dbn.UNDEF_PRICE, np.rint(np.nan_to_num(values) * PRICE_UNITS).astype(np.int64))


def size(rows: pa.Table, name: str) -> Any:
    """Return sizes as whole numbers: those of coins, which come in fractions, in smaller units."""
    values = column(rows, name)
    coins = np.isin(column(rows, "symbol").astype(str), ("BTC.USD", "ETH.USD"))
    return np.rint(values * np.where(coins, SIZE_UNITS, 1))


def words(rows: pa.Table, name: str, letters: dict[str, bytes]) -> Any:
    """Return a column of words as DBN's letters."""
    return np.array([letters[word] for word in column(rows, name)], "S1")


def quotes(rows: pa.Table) -> Columns:
    """Return the fields of `mbp-1` records: what changed is not known, only the book after it."""
    return {"price": dbn.UNDEF_PRICE, "action": b"M", "side": b"N",
            "bid_px_00": price(rows, "bid_price"), "ask_px_00": price(rows, "ask_price"),
            "bid_sz_00": size(rows, "bid_size"), "ask_sz_00": size(rows, "ask_size")}


def trades(rows: pa.Table) -> Columns:
    """Return the fields of `trades` records; the exchange as the publisher."""
    publishers = rows["exchange"].combine_chunks().dictionary_encode().indices.to_numpy()
    return {"price": price(rows, "price"), "size": size(rows, "size"), "action": b"T", "side": b"N",
            "publisher_id": publishers + 1}


def depth(rows: pa.Table) -> Columns:
    """Return the fields of `mbo` records: the position as the order's number, the exchange as the publisher."""
    publishers = rows["market_maker"].combine_chunks().dictionary_encode().indices.fill_null(0).to_numpy()
    return {"price": price(rows, "price"), "size": size(rows, "size"), "order_id": column(rows, "position"),
            "action": words(rows, "operation", {"insert": b"A", "update": b"M", "delete": b"C", "reset": b"R"}),
            "side": words(rows, "side", {"bid": b"B", "ask": b"A"}), "publisher_id": publishers + 1}


FIELDS = {"quotes": quotes, "trades": trades, "depth": depth}


def records(table: str, rows: pa.Table) -> Any:
    """Return rows as DBN records: a numpy array of Databento's layout."""
    message, _, rtype = RECORDS[table]
    made = np.zeros(len(rows), np.dtype(message._dtypes))
    assert made.itemsize == message.size_hint
    received_ns = column(rows, "ts").astype("datetime64[us]").astype(np.int64) * 1_000
    event_ns = (column(rows, "ts_event").astype("datetime64[us]").astype(np.int64) * 1_000
                if "ts_event" in rows.column_names else received_ns)
    common = {"length": message.size_hint // 4, "rtype": int(rtype), "publisher_id": 1, "flags": 128,
              "instrument_id": column(rows, "instrument_id"), "ts_event": event_ns, "ts_recv": received_ns,
              "sequence": column(rows, "seq")}
    for name, values in {**common, **FIELDS[table](rows)}.items():
        made[name] = values
    return made


def write(table: str, rows: pa.Table, path: Path) -> int:
    """Write a DBN file, check that it decompresses to all records, and return its size in bytes."""
    begin_ns, end_ns = (int(column(rows, "ts")[place].astype("datetime64[ns]").astype(int)) for place in (0, -1))
    symbols = sorted(set(rows["symbol"].to_pylist()))
    metadata = dbn.Metadata(dataset="GLBX.MDP3", start=min(begin_ns, end_ns), end=max(begin_ns, end_ns),
                            stype_in=dbn.SType.RAW_SYMBOL, stype_out=dbn.SType.INSTRUMENT_ID,
                            schema=RECORDS[table][1], symbols=symbols, partial=[], not_found=[], mappings=[])
    head = metadata.encode()
    body = records(table, rows)
    with path.open("wb") as file:
        encoder = dbn.Transcoder(file, dbn.Encoding.DBN, dbn.Compression.ZSTD)
        encoder.write(head)
        for piece in np.array_split(body, len(body) // 100_000 + 1):
            encoder.write(piece.tobytes())
        encoder.finish()
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as file:
        assert file.read()[-body.nbytes :] == body.tobytes(), "the file does not hold the records"
    return path.stat().st_size


def main() -> None:
    """Write each table twice and print the sizes."""
    folder = Path(sys.argv[1])
    found: dict[str, dict[str, int]] = {}
    for table in RECORDS:
        rows = pq.read_table(folder / f"{table}.parquet")
        ordered = rows.sort_by([("symbol", "ascending"), ("seq", "ascending")])
        found[table] = {"DBN, zstd, as arrived": write(table, rows, folder / f"{table}.dbn.zst"),
                        "DBN, zstd, by instrument": write(table, ordered, folder / f"{table}.sorted.dbn.zst")}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
