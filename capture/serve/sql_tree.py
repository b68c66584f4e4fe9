"""What the SQL page begins with: tables with columns and units, research functions, and recipes to go on from."""

from typing import Any

from capture.functions import FUNCTIONS
from capture.query.tables_named import named_tables
from capture.schemas import Table

from .sql_child import open_tables

RECIPES = (
    ("Rows and time of each stream", """select symbol, stream, count(*) as rows, min(ts) as first_ts, max(ts) as last_ts
from trades group by all order by all"""),
    ("Volume-weighted price of each symbol and day", """select date, symbol, sum(price * size) / sum(size) as vwap
from trades where stream = 'all_last' group by all order by all"""),
    ("Gaps as they stand", """select symbol, stream, state, from_ts, to_ts, reason, rows_restored
from gaps qualify row_number() over (partition by gap_id order by seq desc, row desc) = 1 order by from_ts"""),
    ("Average spread by minute", """select time_bucket(interval '1 minute', ts) as minute, symbol,
  avg(ask_price - bid_price) as spread
from quotes group by all order by all"""),
    ("Notices, by how often they came", """select kind, code, meaning, count(*) as times
from notices group by all order by times desc"""),
    ("What each instrument is", """select symbol, security_type, exchange, currency, min_tick, time_zone
from instruments qualify row_number() over (partition by instrument_id order by ts desc, seq desc) = 1
order by symbol"""),
)  # fmt: skip


def sql_start(*, accounts: bool) -> dict[str, Any]:
    """Return the tables that may be asked with their columns, the functions, and recipes."""
    tables = open_tables(accounts=accounts)
    functions = [one for one in FUNCTIONS.values() if all(table.name in tables for table in named_tables(one.name))]
    return {
        "tables": [_table(table) for table in tables.values()],
        "functions": [{"name": one.name, "meaning": one.meaning, "signature": one.signature,
                       "example": f"select * from {one.name}({one.example})"} for one in functions],
        "recipes": [{"title": title, "sql": sql} for title, sql in RECIPES],
    }


def _table(table: Table) -> dict[str, Any]:
    return {"name": table.name, "meaning": table.meaning, "subject": str(table.subject),
            "columns": [{"name": one.name, "type": str(one.type), "unit": one.unit, "meaning": one.meaning,
                         "null": one.null} for one in table.columns]}
