"""Masked accounts are named on the tape alone; files that say something of accounts are their owner's."""

import time
from pathlib import Path

import pytest

import capture
from capture.account_alias import KEY, alias, masked, new_key
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.wire.text.framing import frame
from tests import conftest
from tests.conftest import ScriptedTape
from tests.lake.test_account_tables import CONTRACT

ACCOUNT, OTHER = "TEST1234", "TEST12345"  # the one is the beginning of the other
SECRET = "00112233445566778899aabbccddeeff"


def spoken(script: ScriptedTape) -> ScriptedTape:
    """Have every kind of row name an account: in its column, in a text, in a frame that cannot be read."""
    script.open().answer("managed_accounts", accounts=f"{ACCOUNT},{OTHER},")
    script.request("req_account_updates", subscribe=True, account=OTHER)
    script.answer("account_value", key="AccountCode", value=OTHER, currency="", account=OTHER)
    script.answer("position", account=ACCOUNT, position=1.0, average_cost=5.0, **CONTRACT)
    script.answer("error", request_id=-1, code=2100, message=f"updates of {ACCOUNT} ended", order_reject_json="",
                  time_ms=None)  # fmt: skip
    script.answer("open_order", order_id=1, account=ACCOUNT, clearing_account=OTHER, status="Submitted", **CONTRACT)
    script.receive(frame(f"61\x003\x00{ACCOUNT}\x00not a number\x00".encode()))
    unfinished = frame(f"61\x003\x00{ACCOUNT}\x007\x00".encode())[:-2]  # the session ends inside it
    return script.mark().receive(unfinished).close()


def texts_below(folder: Path) -> str:
    """Return all that is in a lake's rows, as text."""
    with capture.open_lake(folder) as lake:
        tables = [row["table"] for row in lake.tables()]
        return "\n".join(str(lake.sql(f'select * from "{table}"').rows()) for table in tables)


def test_a_masked_account_is_named_on_the_tape_alone(script: ScriptedTape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "SESSION", conftest.SESSION | {KEY: SECRET})
    spoken(script)
    fresh = texts_below(script.data)  # decoded by who asks
    list(Roller(Layout(script.data), "main").roll())
    rolled = texts_below(script.data)
    for found in (fresh, rolled):
        assert ACCOUNT not in found
        assert found.count(alias(ACCOUNT, SECRET)) >= 5 and found.count(alias(OTHER, SECRET)) >= 4
    named = {path.relative_to(script.data).parts[0] for path in script.data.rglob("*")
             if path.is_file() and ACCOUNT.encode() in path.read_bytes()}
    assert named == {"tape"}


def test_without_a_mask_rows_say_whose_they_are(script: ScriptedTape) -> None:
    spoken(script)
    assert ACCOUNT in texts_below(script.data)


def test_an_alias_stays_the_same_and_needs_its_key() -> None:
    assert alias(ACCOUNT, SECRET) == alias(ACCOUNT, SECRET) != alias(OTHER, SECRET)
    assert alias(ACCOUNT, SECRET) != alias(ACCOUNT, new_key())
    assert new_key() != new_key()


def test_the_longer_of_two_names_is_masked_first() -> None:
    row = masked({"text": f"{OTHER} and {ACCOUNT}", "number": 5, "none": None}, {ACCOUNT, OTHER}, SECRET)
    assert row == {"text": f"{alias(OTHER, SECRET)} and {alias(ACCOUNT, SECRET)}", "number": 5, "none": None}


def test_files_that_say_something_of_an_account_are_their_owners(script: ScriptedTape) -> None:
    spoken(script)
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast").trade(5, 1).mark()
    layout = Layout(script.data)
    list(Roller(layout, "main").roll())

    def modes(kind: str) -> dict[str, int]:
        """Return the strictest mode of each table's files."""
        found = [(path.stat().st_mode & 0o777, path.parts[-3]) for path in (script.data / kind).rglob("main.*.parquet")]
        return {table: mode for mode, table in sorted(found, reverse=True)}

    expected = {"positions": 0o600, "account_values": 0o600, "orders": 0o600, "subscriptions": 0o600,
                "trades": 0o644, "sessions": 0o644}  # fmt: skip
    assert expected.items() <= modes("live").items()
    prepare(layout)
    list(Sealer(layout, now_s=lambda: time.time() + 10 * 86_400).seal())
    assert expected.items() <= modes("archive").items()


def test_an_export_leaves_out_whose_an_account_is_unless_that_is_named(script: ScriptedTape, tmp_path: Path) -> None:
    spoken(script)
    with capture.open_lake(script.data) as lake:
        lake.export("positions", tmp_path / "left_out.csv")
        lake.export("positions", tmp_path / "named.csv", columns=["account", "position"])
    assert ACCOUNT not in (tmp_path / "left_out.csv").read_text()
    assert ACCOUNT in (tmp_path / "named.csv").read_text()
    assert (tmp_path / "left_out.csv").stat().st_mode & 0o777 == 0o600
