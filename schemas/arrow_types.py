"""Arrow's types by the words that columns name them with: apart, as a recorder knows its tables without Arrow."""

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")  # D8

ARROW_TYPES = {
    "text": pa.string(), "bytes": pa.binary(), "flag": pa.bool_(), "number": pa.float64(), "time": TIMESTAMP,
    "int8": pa.int8(), "int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64(),
}  # fmt: skip
