"""What grows with the dates of a lake: no question opens files of dates that it does not need, whatever there is."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import capture
from bench.dates import FIRST_DAY, SYMBOLS, write_lake
from capture.lake.digest import keep
from capture.lake.layout import Layout
from capture.query.sizes import sizes
from capture.schemas import EVERY_TABLE, TABLES
from tests.opened import Opened, opened

FEW, MANY = 10, 40
DAY, NEXT = FIRST_DAY + timedelta(days=4), FIRST_DAY + timedelta(days=6)
Lakes = dict[int, Layout]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    found = {}
    for count in (FEW, MANY):
        found[count] = Layout(tmp_path_factory.mktemp("dates") / str(count))
        write_lake(found[count].root, count)
        keep(found[count])
    return found


def asked(layout: Layout, question: Callable[[capture.Lake], Any]) -> Opened:
    with capture.open_lake(layout.root) as lake, opened(layout.root) as found:
        question(lake)
    return found


def of(table: str, found: Opened) -> dict[str, int]:
    """Return how often files of a table were opened, by date and name."""
    return {f"{path.parent.name}/{path.name}": count for path, count in found.files.items()
            if path.parent.parent.name == table}


def in_sql(table: str, lake: capture.Lake) -> None:
    lake.sql(f"select count(*), max(symbol) from {table} where date = '{DAY}'").rows()


OF_ONE_DATE: dict[str, Callable[[capture.Lake], Any]] = {
    "rows": lambda lake: lake.trades("AAPL", DAY, NEXT).rows(),
    **{f"sql, {table}": partial(in_sql, table) for table in ("trades", "gaps", "instruments", "subscriptions")},
    "replay": lambda lake: list(lake.replay("AAPL", DAY, NEXT, tables=["trades"], state=False).batches()),
    "names": lambda lake: lake.check(list(SYMBOLS)),
}
OF_ALL_DATES: dict[str, Callable[[capture.Lake], Any]] = {
    "tables": lambda lake: lake.tables(),
    "coverage": lambda lake: lake.coverage(),
    "coverage of one": lambda lake: lake.coverage(["AAPL"]),
    "gaps": lambda lake: lake.gaps("AAPL").rows(),
    "contract details": lambda lake: lake.sql("select * from instruments").rows(),
    "what was asked for": lambda lake: lake.sql("select * from subscriptions").rows(),
}
QUESTIONS = OF_ONE_DATE | OF_ALL_DATES


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_opens_as_many_files_of_many_dates_as_of_few(lakes: Lakes, name: str) -> None:
    few, many = (asked(lakes[count], QUESTIONS[name]) for count in (FEW, MANY))
    assert few.files
    assert len(many.files) == len(few.files), sorted(map(str, many.files.keys()))
    assert len(many.folders) == len(few.folders), "folders of dates are listed one by one"


def test_an_export_of_a_date_opens_no_rows_of_another(lakes: Lakes, tmp_path: Path) -> None:
    def export(lake: capture.Lake) -> None:
        lake.export("trades", tmp_path / str(len(list(tmp_path.iterdir()))), start=DAY, end=NEXT, format="parquet",
                    by=["date"])

    few, many = (asked(lakes[count], export) for count in (FEW, MANY))
    for table in ("trades", "instruments", "subscriptions", "gaps"):
        far = [name for name in of(table, many) if name > f"date={DAY + timedelta(days=20)}"]
        # Of the last date, which is not sealed, nothing is kept.
        assert {name[:15] for name in far} <= {f"date={FIRST_DAY + timedelta(days=MANY - 1)}"}, table
    assert len(of("trades", many)) == len(of("trades", few))


def test_a_count_of_all_looks_into_each_file_once(lakes: Lakes) -> None:
    found = of("trades", asked(lakes[MANY], lambda lake: lake.sql("select count(*) from trades").rows()))
    assert len(found) >= MANY
    # Two threads of DuckDB may meet at a file, and each opens it then.
    assert max(times for name, times in found.items() if "empty" not in name) <= 2


def test_coverage_of_which_nothing_is_kept_reads_each_row_once(lakes: Lakes) -> None:
    layout = lakes[FEW]
    layout.digest("trades").unlink()
    found = asked(layout, lambda lake: lake.coverage(["AAPL"]))
    keep(layout)
    files = {name: times for name, times in of("trades", found).items() if "empty" not in name}
    assert len(files) == FEW
    assert max(files.values()) <= 2, "each of two threads may open it"


def test_tables_says_the_same_whether_anything_is_kept_or_not(lakes: Lakes) -> None:
    layout = lakes[FEW]
    with capture.open_lake(layout.root) as lake:
        kept = lake.tables()
        counts = {table: lake.sql(f'select count(*), min(date), max(date) from "{table}"').rows()[0]
                  for table in EVERY_TABLE}
    assert {one["table"]: (one["rows"], one["first_date"], one["last_date"]) for one in kept} == counts
    on_disk = sizes(layout)["tables"]
    for table in TABLES:
        layout.kept(table).unlink(missing_ok=True)
    with capture.open_lake(layout.root) as lake:
        assert lake.tables() == kept
    assert sizes(layout)["tables"] == on_disk
    keep(layout)
