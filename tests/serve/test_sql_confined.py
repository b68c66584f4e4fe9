"""Every way out of the SQL page that was tried with DuckDB, against each layer that has to hold it."""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from capture.serve.sandbox import landlock_version
from capture.serve.sql_desk import ENVIRONMENT
from capture.serve.sql_tree import sql_start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock"),
]
SECRET = "a-secret-of-somebody"

# What DuckDB reads where it is not bound; {out} is a folder beside the lake, {lake} the lake.
READS = {
    "a file": "select * from read_text('{out}/secret.csv')",
    "a file as CSV": "select * from read_csv('{out}/secret.csv', header=false)",
    "a file by its name": "select * from '{out}/secret.csv'",
    "a file as JSON": "select * from read_json('{out}/secret.csv', format='unstructured')",
    "a file as bytes": "select * from read_blob('{out}/secret.csv')",
    "a CSV's form": "select * from sniff_csv('{out}/secret.csv')",
    "another Parquet": "select * from read_parquet('{out}/other.parquet')",
    "another Parquet's footer": "select * from parquet_metadata('{out}/other.parquet')",
    "names of files": "select * from glob('{out}/*')",
    "a way up": "select * from read_text('{lake}/live/trades/../../../secret.csv')",
    "a link that leaves": "select * from read_text('{lake}/live/trades/leave.csv')",
    "a tape": "select * from read_blob('{lake}/tape/main/*')",
    "what a recorder says": "select * from read_text('{lake}/tape/main/status.json')",
    "tables of accounts": "select * from read_parquet('{lake}/live/orders/*/*.parquet')",
    "the environment": "select * from read_blob('/proc/self/environ')",
    "the passwords": "select * from read_text('/etc/passwd')",
    "another site": "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "secrets": "select * from duckdb_secrets()",
    "the temporary directory": "select * from read_text('.tmp/*')",
    "another database": "attach '{out}/other.duckdb' (read_only)",
    "a table by a query": "select * from query('select * from read_text(''{out}/secret.csv'')')",
    "a table by its name": "select * from query_table('{out}/secret.csv')",
}
# What changes something, or would.
WRITES = {
    "copy": "copy (select 1) to '{lake}/live/trades/new.csv'",
    "copy over a file of the lake": "copy (select 1 as a) to '{parquet}' (format parquet)",
    "copy within a with": "with x as (copy (select 1) to '{lake}/live/trades/new.csv') select * from x",
    "explain analyze copy": "explain analyze copy (select 1) to '{lake}/live/trades/new.csv'",
    "export": "export database '{lake}/live/trades/export'",
    "attach": "attach '{lake}/live/trades/new.duckdb' as other",
    "copy into the temporary directory": "copy (select 1) to '.tmp/new.csv'",
    "a secret": "create persistent secret other (type http)",
    "copy elsewhere": "copy (select 1) to '{out}/new.csv'",
    "a table": "create table other as select 1",
    "an extension": "install httpfs",
    "a library": "load '{out}/secret.csv'",
    "a setting": "set enable_external_access = true",
    "a setting back": "reset allowed_directories",
    "a pragma": "pragma enable_profiling='json'",
    "a profile to a file": "pragma profiling_output='{out}/new.csv'",
    "a log to files": "call enable_logging(storage='file', storage_path='{out}/log')",
    "a log within a select": "select * from enable_logging(storage='file', storage_path='{out}/log')",
    "a checkpoint": "call force_checkpoint()",
}
# What ends the SELECT around a question, or begins another statement.
WORDS = {
    "two": "select 1; copy (select 1) to '{out}/new.csv'",
    "a closed bracket": "select 1) to x; copy (select 1) to '{out}/new.csv'; select * from (select 1",
    "copy by a bracket": "select 1) ; copy (select 1",
    "an environment variable": "select getenv('HOME')",
    "our variables": "select * from tables",
    "nothing": "",
}


@pytest.fixture(scope="module")
def places(lake: Path) -> dict[str, str]:
    out = lake.parent
    (out / "secret.csv").write_text(SECRET)
    import duckdb

    duckdb.execute(f"copy (select '{SECRET}' as a) to '{out}/other.parquet' (format parquet)")
    (lake / "live" / "trades" / "leave.csv").symlink_to(out / "secret.csv")
    (lake / "live" / "orders" / "date=2026-11-18").mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"copy (select '{SECRET}' as a) to '{lake}/live/orders/date=2026-11-18/x.parquet' (format parquet)")
    parquet = next((lake / "archive" / "trades").glob("date=2026*/*.parquet"))
    return {"out": str(out), "lake": str(lake), "parquet": str(parquet)}


def tried(layers: str, places: dict[str, str], what: dict[str, str]) -> dict[str, str]:
    """Return what became of each try, in one process; nothing of the lake or beside it changes by it."""
    before = contents(Path(places["out"]))
    command = [sys.executable, "-m", "tests.serve.confined", layers, places["lake"]]
    ran = subprocess.run(command, input=json.dumps([filled(text, places) for text in what.values()]), env=ENVIRONMENT,
                         capture_output=True, text=True, timeout=300)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert contents(Path(places["out"])) == before
    return dict(zip(what, json.loads(ran.stdout), strict=True))


def filled(text: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", place)
    return text


def contents(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            for path in folder.rglob("*") if path.suffix != ".log"}  # fmt: skip


def free(found: dict[str, str]) -> dict[str, str]:
    return {name: said for name, said in found.items() if not said.startswith("refused: ")}


def test_through_all_layers_nothing_but_tables_is_read_and_nothing_written(places: dict[str, str]) -> None:
    found = tried("all", places, READS | WRITES | WORDS)
    assert free(found) == {}
    assert SECRET not in str(found)


def test_what_duckdb_says_of_itself_names_no_place_but_the_lake(places: dict[str, str]) -> None:
    """Texts of views and settings can be read."""
    found = tried("all", places, {
        "views": "select sql from duckdb_views() where not internal",
        "settings": "select value from duckdb_settings()",
        "databases": "select path from duckdb_databases()",
        "functions": "select macro_definition from duckdb_functions()",
    })  # fmt: skip
    assert free(found) == found
    paths = set(re.findall(r"(?<![\w.])/[\w.-]+(?:/[\w.-]+)+", str(found)))
    assert paths
    assert {path for path in paths if not path.startswith((places["lake"], "/dev/"))} == set()
    assert "/orders/" not in str(found)


def test_questions_are_answered_all_the_same(places: dict[str, str]) -> None:
    asked = {
        "rows": "select count(*) > 0 as n from trades", "function": "select count(*) from vwap('AAPL', null, null)",
        "explain": "explain select * from trades", "describe": "describe trades", "comment": "select 1 -- one",
        "open comment": "select 1 /*",
        "with": "with a as (from trades) from a", "views": "select count(*) from duckdb_views()"}  # fmt: skip
    found = tried("all", places, asked)
    assert free(found) == found
    assert '"rows":[[true]]' in found["rows"]


def test_every_recipe_and_function_of_the_page_is_answered(places: dict[str, str]) -> None:
    start = sql_start(accounts=False)
    asked = {one["title"]: one["sql"] for one in start["recipes"]}
    asked |= {one["name"]: one["example"] for one in start["functions"]}
    found = tried("all", places, asked)
    assert free(found) == found


def test_tables_of_accounts_are_not_there(places: dict[str, str]) -> None:
    found = tried("all", places, {name: f"select * from {name}" for name in ("orders", "executions", "undecoded")})
    assert free(found) == {}


def test_settings_alone_keep_a_question_from_other_files(places: dict[str, str]) -> None:
    """They do not keep it from writing into the folders that it may read: others do."""
    harmless = {"a link that leaves", "tables of accounts"}
    outside = ("copy elsewhere", "an extension", "a library", "a setting", "a setting back", "a profile to a file")
    found = tried("duckdb", places, READS | {name: WRITES[name] for name in outside})
    assert free(found).keys() <= harmless
    assert SECRET not in str({name: said for name, said in found.items() if name not in harmless})


def test_the_kernel_alone_keeps_duckdb_as_it_comes_from_other_files_and_from_writing(places: dict[str, str]) -> None:
    inside = {"names of files", "a table by its name", "the temporary directory", "secrets"}  # of these there are none
    found = tried("kernel", places, {name: f"sql:{text}" for name, text in (READS | WRITES).items()})
    assert SECRET not in str(found)
    left = {"a table", "a setting", "a setting back", "a pragma", "a profile to a file", "a log to files",
            "a checkpoint", "a log within a select"}  # fmt: skip
    assert free(found).keys() <= left | inside


def test_the_kernel_lets_the_process_neither_write_nor_speak_nor_run(places: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        connect = f"py:__import__('socket').create_connection(('127.0.0.1', {port}), 5)"
        found = tried("kernel", places, {
            "connect": connect, "listen": "py:__import__('socket').create_server(('127.0.0.1', 0))",
            "write": f"py:open('{places['lake']}/live/trades/new.csv', 'w')",
            "make a folder": f"py:__import__('os').mkdir('{places['lake']}/live/trades/new')",
            "remove": f"py:__import__('os').remove('{places['parquet']}')",
            "cut short": f"py:__import__('os').truncate('{places['parquet']}', 0)",
            "list": "py:__import__('os').listdir('/')",
            "environ": "py:open('/proc/self/environ').read()",
            "environ of others": f"py:open('/proc/{os.getpid()}/environ').read()",
            "run": "py:__import__('subprocess').run(['/bin/true'])",
            "signal": f"py:__import__('os').kill({os.getpid()}, 0)",
        })  # fmt: skip
    assert free(found) == {}


@pytest.mark.parametrize("query", ["select length(repeat('x', 3000000000)) as n",
                                   "select list(range) from range(1000000000)"])
def test_memory_ends_a_question_before_the_machine_notices(places: dict[str, str], query: str) -> None:
    assert free(tried("all", places, {"large": query})) == {}
