"""[[alert]] blocks of ticktape.toml."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from capture.trouble_kinds import GROUPS, KINDS
from capture.wanted.alert_block import AlertBlock, Telling, spelled, unspelled
from capture.wanted.settings import SettingsError, load_settings

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str) -> list[AlertBlock]:
    Path("ticktape.toml").write_text(text, "utf-8")
    return load_settings().alert


def test_a_block_tells_of_kinds_and_groups_with_their_thresholds() -> None:
    [block] = load("""[[alert]]
what = ["recording", "position-above"]
lag_above_s = 30
position_above = 500
command = ["tell"]
""")
    given = {kind.threshold: block.threshold(kind) for name, kind in KINDS.items() if name in block.kinds}
    assert {key: value for key, value in given.items() if key} == {"lag_above_s": 30.0, "position_above": 500.0}
    plain = {name for name in GROUPS["recording"] if not KINDS[name].threshold}
    assert block.kinds == {*plain, "lag-above", "position-above"}
    assert (block.name, block.for_s, block.keep_firing_s, block.quiet) == ("alert 1", 60, 300, True)


def test_a_group_leaves_out_what_has_no_threshold() -> None:
    [block] = load('[[alert]]\nwhat = ["account"]\nday_loss_above = 100\ncommand = ["tell"]')
    assert {kind for kind in block.kinds if kind.endswith(("-above", "-below"))} == {"day-loss-above"}
    assert {"fill", "order-rejected", "worth-jumped"} < block.kinds


# fmt: off  (a table: a mistake is a line)
# ruff: noqa: E501
FAULTS = [
    ('what = ["fil"]\ncommand = ["x"]', "line 2, key alert.what: there is no kind of alert 'fil'; did you mean 'fill'?"),
    ('what = "fill"\ncommand = ["x"]', 'line 2, key alert.what: write a list of at least one: ["recording", "fill"]'),
    ('what = ["all"]\nstreams = ["tradse"]\ncommand = ["x"]', "line 3, key alert.streams: 'tradse' is no stream; did you mean 'trades'?"),
    ('what = ["fill"]', "line 1, key alert: the block has no action: give it webhook, command or apprise"),
    ('what = ["fill"]\nlag_above_s = 3\ncommand = ["x"]', "lag_above_s is of lag-above, which is not in what"),
    ('what = ["position-above"]\ncommand = ["x"]', "position-above in what needs position_above = NUMBER"),
    ('what = ["lag-above"]\nlag_above_s = 0\ncommand = ["x"]', "line 3, key alert.lag_above_s: input should be greater than 0"),
    ('what = ["fill"]\ncommand = "x"', "line 3, key alert.command: write a list of program and arguments"),
    ('what = ["fill"]\ncomand = ["x"]', "line 3, key alert.comand: there is no setting 'comand'; did you mean 'command'?"),
    ('what = ["fill"]\nwebhook = "ftp://x"', "line 3, key alert.webhook: write an address that begins with http"),
    ('what = ["fill"]\nwebhook = "env:TICKTAPE_X"', "name the variable otherwise: those that begin with TICKTAPE_"),
    ('what = ["fill"]\nwebhook = "file:"', "write file:PATH with the path of a file"),
    ('name = "a\\nb"\nwhat = ["fill"]\ncommand = ["x"]', "line 2, key alert.name: the name of an alert is at most 64"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS, ids=lambda one: None)
def test_a_mistake_names_file_line_key_and_fix(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(f"[[alert]]\n{text}")
    assert str(caught.value).startswith("ticktape.toml line ")
    assert words in str(caught.value)


def test_two_alerts_have_two_names() -> None:
    with pytest.raises(SettingsError, match="two blocks have the name 'a'"):
        load('[[alert]]\nname = "a"\nwhat = ["fill"]\ncommand = ["x"]\n' * 2)


@pytest.mark.parametrize("text", [
    f'[[alert]]\nwhat = ["fill"]\nwebhook = "htp://{SECRET}"', f'[[alert]]\nwhat = ["fill"]\nwebhook = ["http://{SECRET}"]',
    f'[[alert]]\nwhat = ["fill"]\napprise = "ntfy://{SECRET}"', f'[[alert]]\nwhat = ["fill"]\napprise = ["{SECRET}"]',
    f'[[alert]]\nwhat = ["fill"]\napprise = [["{SECRET}"]]', f'alive_ping = "{SECRET}"', f'alive_ping = ["{SECRET}"]',
    f'[[alert]]\nwhat = ["fil"]\nwebhook = "http://{SECRET}"', f'[[alert]]\nwhat = ["fill"]\nlag_above_s = 3\nwebhook = "http://{SECRET}"',
    f'alert = "{SECRET}"', f'alert = ["{SECRET}"]',
])  # fmt: skip
def test_no_mistake_shows_a_secret(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(text)
    assert SECRET not in str(caught.value)


def test_settings_do_not_show_secrets_and_spell_them_where_asked() -> None:
    [block] = load(f'[[alert]]\nwhat = ["fill"]\nwebhook = "http://{SECRET}/"\napprise = ["json://{SECRET}/", "env:NAME"]')
    assert SECRET not in repr(block) + repr(load_settings()) + load_settings().model_dump_json()
    telling = Telling([block], SecretStr(SECRET), 5.0)
    assert unspelled(spelled(telling)) == telling


def test_an_alert_may_come_by_a_variable_whose_text_no_mistake_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKTAPE_ALERT", '[{"what": ["fill"], "streams": ["all_last", "trades"], "command": ["x"]}]')
    assert load_settings().alert[0].streams == ["all_last", "trades"]
    for text in (f'[{{"what": ["fill"], "webhook": "{SECRET}"}}]', f'[{{"webhook": "{SECRET}"', f'"{SECRET}"'):
        monkeypatch.setenv("TICKTAPE_ALERT", text)
        with pytest.raises(SettingsError, match="variable TICKTAPE_ALERT") as caught:
            load_settings()
        assert SECRET not in str(caught.value)


def test_each_threshold_is_a_key_of_a_block() -> None:
    thresholds = [kind.threshold for kind in KINDS.values() if kind.threshold]
    assert len(set(thresholds)) == len(thresholds)
    assert set(thresholds) <= AlertBlock.model_fields.keys()
