import tomllib
from pathlib import Path

import pytest

from capture.wanted.account_settings import Accounts
from capture.wanted.settings import Settings, SettingsError, data_folder, load_settings, template


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> Path:
    path = Path("ticktape.toml")
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_there_are_defaults() -> None:
    assert load_settings() == Settings()
    assert (load_settings().port, load_settings().client_id) == (4002, 17)


def test_options_win_over_variables_and_those_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write('host = "file"\nport = 1\nclient_id = 1\n')
    monkeypatch.setenv("TICKTAPE_PORT", "2")
    monkeypatch.setenv("TICKTAPE_CLIENT_ID", "2")
    settings = load_settings(path, client_id=3, data=None)
    assert (settings.host, settings.port, settings.client_id, settings.data) == ("file", 2, 3, Path("data"))


def test_the_template_is_the_defaults_and_an_example() -> None:
    settings = load_settings(write(template()))
    assert settings.model_dump(exclude={"record"}) == Settings().model_dump(exclude={"record"})
    assert {instrument.word for instrument, _ in settings.wanted()} == {"AAPL", "EUR.USD"}
    assert tomllib.loads(template()).keys() == Settings.model_fields.keys() - {"alert", "accounts"}
    with_alert = template().replace("# [[alert]]\n# what", "[[alert]]\nwhat").replace("# webhook", "webhook")
    assert [block.what for block in load_settings(write(with_alert)).alert] == [["recording"]]


def test_the_template_has_the_accounts_commented_out_at_their_defaults() -> None:
    assert load_settings(write(template())).accounts is None
    asked = template().replace("# [accounts]", "[accounts]")
    for name in Accounts.model_fields:
        asked = asked.replace(f"\n# {name} = ", f"\n{name} = ")
    assert load_settings(write(asked)).accounts == Accounts()
    assert tomllib.loads(asked)["accounts"].keys() == Accounts.model_fields.keys()


def test_accounts_alone_are_something_to_record(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(write('[accounts]\naccounts = ["DU1", "DU2"]\nstreams = ["pnl"]'))
    assert settings.wanted() == []
    assert settings.accounts is not None
    assert (settings.accounts.every, settings.accounts.accounts, settings.accounts.streams) == (
        False, ["DU1", "DU2"], ["pnl"])
    monkeypatch.setenv("TICKTAPE_ACCOUNTS", "{}")
    assert load_settings().accounts == Accounts()


def test_blocks_give_each_instrument_its_streams_once() -> None:
    settings = load_settings(write("""
[[record]]
instruments = ["AAPL", { symbol = "ES", sec_type = "FUT", exchange = "CME", last_trade_date = "202612" }]
streams = ["trades", "depth:5"]
[[record]]
instruments = ["AAPL", "EUR.USD"]
streams = ["midpoints", "trades"]
"""))
    future = "symbol=ES sec_type=FUT exchange=CME last_trade_date=202612"
    assert [(instrument.word, stream.word) for instrument, stream in settings.wanted()] == [
        ("AAPL", "trades"), ("AAPL", "depth:5"), (future, "trades"), (future, "depth:5"), ("AAPL", "midpoints"),
        ("EUR.USD", "midpoints"), ("EUR.USD", "trades")]  # fmt: skip


def test_retention_is_days_per_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().retention == {}
    assert load_settings(write("[retention]\ntrades = 365\ntape = 90\n")).retention == {"trades": 365, "tape": 90}
    monkeypatch.setenv("TICKTAPE_RETENTION", '{"tables": 30}')
    assert load_settings().retention == {"tables": 30}


def test_nothing_to_record_is_an_error_with_the_fix() -> None:
    with pytest.raises(SettingsError, match="nothing to record: name instruments"):
        load_settings().wanted()


TRADES = 'streams = ["trades"]'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('host = "x"\nprot = 3\n', "ticktape.toml line 2, key prot: there is no setting 'prot'; did you mean 'port'?"),
        ("\nzzz = 3\n", "line 2, key zzz: there is no setting 'zzz'; there are host, port"),
        ("\n\nport = 99999\n", "line 3, key port: input should be less than or equal to 65535, it is 99999"),
        ('port = "a"', "line 1, key port: .*it is 'a'"),
        ("port = = 2", r"ticktape.toml: not TOML: Invalid value \(at line 1, column 8\)"),
        ('data_type = "slow"', "line 1, key data_type: input should be 'live', 'frozen', 'delayed' or"),
        ('recorder = "a b"', "line 1, key recorder"),
        ("segment_size_bytes = 1", "line 1, key segment_size_bytes"),
        ("record = 3", "line 1, key record"),
        ('accounts = "all"', r"line 1, key accounts: write \[accounts\], in brackets, .*; it is 'all'"),
        ('[accounts]\naccounts = "some"', "line 2, key accounts.accounts: accounts is \"all\" or a list of account"),
        ("[accounts]\naccounts = []", "line 2, key accounts.accounts: accounts is \"all\" or a list"),
        ('[accounts]\naccounts = ["D U"]', "line 2, key accounts.accounts: accounts is \"all\" or a list"),
        ('[accounts]\nstreams = ["orders", "fill"]', "key accounts.streams: there is no stream of accounts 'fill'"),
        ("[accounts]\nstreams = []", r"line 2, key accounts.streams: write a list of at least one: \[\"positions\""),
        ('[accounts]\nstream = ["orders"]', "line 2, key accounts.stream: .*did you mean 'streams'?"),
        ("[accounts]\norders_interval_s = 1", "line 2, key accounts.orders_interval_s: input should be greater"),
        (f'[[record]]\n{TRADES}', "line 1, key record.instruments: the block has no instruments"),
        ("[retention]\ntrade = 30", "line 1, key retention: there is nothing named 'trade' to keep; there are trades"),
        ("retention = { gaps = 30 }", "key retention: gaps is kept for ever"),
        ("[retention]\ntape = 1", "key retention: tape = 1: the least is 2 days"),
        ('[retention]\ntape = "x"', "key retention: input should be a valid integer"),
        (f'[[record]]\ninstruments = []\n{TRADES}', "line 2, key record.instruments"),
        (f'[[record]]\ninstruments = [3]\n{TRADES}', "line 2, key record.instruments"),
        (f'[[record]]\ninstruments = ["AAPL"]\n{TRADES}\n\n[[record]]\n{TRADES}\ninstruments = ["aapl"]',
         "line 7, key record.instruments: 'aapl' names no instrument; did you mean 'AAPL'?"),
        ('[[record]]\ninstruments = ["AAPL"]\nstreams = ["trade"]', "line 3, key record.streams: 'trade' is no stream"),
        (f'[[record]]\ninstruments = ["AAPL"]\n{TRADES}\nstream = 1',
         "line 4, key record.stream: there is no setting 'stream'; did you mean 'streams'?"),
        (f'[[record]]\ninstruments = [{{ con_id = "1" }}]\n{TRADES}', "con_id takes a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_line_key_and_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_settings(write(text))


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write('port = 0\ndata_type = "x"\n'))
    assert "key port" in str(caught.value)
    assert "key data_type" in str(caught.value)


def test_wrong_options_and_variables_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="--port: input should be"):
        load_settings(port=0)
    monkeypatch.setenv("TICKTAPE_PORT", "x")
    with pytest.raises(SettingsError, match="variable TICKTAPE_PORT: input should be"):
        load_settings()
    monkeypatch.setenv("TICKTAPE_RECORD", "not json")
    with pytest.raises(SettingsError, match="TICKTAPE_RECORD is not JSON: write"):
        load_settings()


def test_a_typo_in_a_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKTAPE_PROT", "4002")
    with pytest.raises(SettingsError, match="variable TICKTAPE_PROT: there is no setting 'prot'; did you mean 'port'"):
        load_settings()


def test_the_data_folder_is_found_in_spite_of_other_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder() == Path("data")
    write('data = "here"\nport = 0\n')
    assert data_folder() == Path("here")
    monkeypatch.setenv("TICKTAPE_DATA", "there")
    assert data_folder() == Path("there")


def test_a_named_file_that_is_missing_or_unreadable_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"other\.toml does not exist: `ticktape init` writes one"):
        load_settings(Path("other.toml"))
    Path("bad.toml").write_bytes(b"host = '\xff'")
    with pytest.raises(SettingsError, match=r"bad\.toml line 1 is not UTF-8"):
        load_settings(Path("bad.toml"))
