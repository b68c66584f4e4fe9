"""A recorder that masks accounts: their names are on the tape alone, and the same alias stands everywhere else."""

import asyncio
import re
from pathlib import Path

import capture
from capture.account_key import account_key
from capture.gateway import Gateway, running
from capture.gateway.market import Market
from capture.recorder.recorder import Recorder
from capture.wanted.account_settings import Accounts
from capture.wanted.settings import Settings

ALIAS = re.compile(r"ACCOUNT-[0-9A-F]{8}")


def record(port: int, data: Path, said: list[str]) -> None:
    accounts = Accounts(mask_accounts=True)
    settings = Settings(port=port, data=data, accounts=accounts, roll_interval_s=0.5)
    recorder = Recorder(settings, say=lambda _level, text: said.append(text))
    assert asyncio.run(recorder.run(for_s=3)) == 0


def test_a_masked_account_is_named_on_the_tape_alone(tmp_path: Path) -> None:
    data, said = tmp_path / "data", list[str]()
    with running(Gateway(Market())) as gateway:
        name = gateway.state.trading.account.name
        for _ in range(2):  # the alias stays the same over sessions
            record(gateway.port, data, said)
    assert (data / "account.key").stat().st_mode & 0o777 == 0o600
    held = {path.relative_to(data).parts for path in data.rglob("*")
            if path.is_file() and name.encode() in path.read_bytes()}  # fmt: skip
    # Beside the tape, in its folder, lies what decoding has to know to go on.
    assert held and all(parts[0] == "tape" and parts[-1].endswith((".tape", "rolled.json")) for parts in held), held
    assert (data / "tape").stat().st_mode & 0o777 == 0o700
    assert not any(name in text for text in said)
    with capture.open_lake(data) as lake:
        names = {account for account, in lake.sql("select distinct account from account_values").rows()}
        asked = {account for account, in lake.sql("select distinct account from subscriptions").rows()} - {None}
    assert names == asked and len(names) == 1 and ALIAS.fullmatch(names.pop())


def test_a_folder_has_one_key(tmp_path: Path) -> None:
    assert account_key(tmp_path) == account_key(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["account.key"]
