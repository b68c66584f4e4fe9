"""`ticktape alerts`."""

import json
import time
from pathlib import Path

import pytest

from capture.alerts.desk import Desk
from capture.alerts.mutes import read_mutes
from tests.alerts.conftest import SECRET, Hook, block, trouble
from tests.alerts.conftest import hook as hook  # a fixture
from tests.watch.conftest import Told, stream
from tests.watch.conftest import told as told  # a fixture

from .conftest import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    Path("ticktape.toml").write_text(text)


def test_each_action_gets_a_test_and_what_came_back_is_said(run: Run, hook: Hook) -> None:
    write(f"""alive_ping = "{hook.url}"
[[alert]]
name = "desk"
what = ["all"]
webhook = "{hook.url}"
command = ["sh", "-c", "exit 3"]
""")
    code, out, err = run("alerts", "test", "--json")
    found = json.loads(out)
    where = f"http://127.0.0.1:{hook.port}/…"
    assert [(one["alert"], one["action"], one["taken"], one["answer"]) for one in found] == [
        ("desk", f"webhook {where}", True, "HTTP 200"), ("desk", "command sh", False, "it ended with 3"),
        (None, f"alive_ping {where}", True, "HTTP 200")]  # fmt: skip
    assert (code, SECRET in out + err) == (1, False)
    assert hook.messages[0]["status"] == "test"
    assert "desk   webhook http" in run("alerts", "test").out


def test_without_an_alert_there_is_nothing_to_test_or_run(run: Run) -> None:
    for command in ("test", "run"):
        code, _, err = run("alerts", command)
        assert (code, "[[alert]]" in err) == (2, True)


def test_what_was_told_is_listed(run: Run, hook: Hook, tmp_path: Path) -> None:
    assert run("alerts", "list", "--data", "lake").out == "nothing was told\n"
    desk = Desk([block(webhook=hook.url)], tmp_path / "lake")
    [action] = desk.actions
    now_s = time.time()
    desk.look(now_s, [(None, trouble())])
    desk.failed(desk.next(action, now_s), "HTTP 500", now_s)  # type: ignore[arg-type]  # there is one
    desk.look(now_s + 1, [])
    out = run("alerts", "list", "--data", "lake").out
    assert f"test   firing    line-lost  main  main: it broke (FAILED {action}: HTTP 500)" in out
    assert "test   resolved  line-lost  main  main: it broke" in out
    found = json.loads(run("alerts", "list", "--data", "lake", "--json").out)
    failed = [(row["status"], row["failed"]) for row in found["told"]]
    assert failed == [("firing", {action: "HTTP 500"}), ("resolved", {})]
    assert SECRET not in out


def test_only_the_last_are_listed_unless_all_are_asked_for(run: Run, tmp_path: Path) -> None:
    desk = Desk([block()], tmp_path / "lake")
    desk.happened(time.time(), [(None, trouble("fill", f"f{n}")) for n in range(60)])
    out = run("alerts", "list", "--data", "lake").out
    assert out.startswith("the last 50 of 60; --all shows all\n")
    assert "f9 " not in out
    assert "f9 " in run("alerts", "list", "--data", "lake", "--all").out


def test_a_stream_is_muted_and_told_again(run: Run, told: Told) -> None:
    data = told(streams=[stream("AAPL")])
    code, out, err = run("alerts", "mute", "aapl trades", "2h", "--data", str(data))
    assert (code, out) == (0, "")
    assert "nothing is told of aapl trades until" in err
    [mute] = read_mutes(data)
    assert mute.until_s - time.time() == pytest.approx(7200, abs=100)
    assert "muted until" in run("alerts", "list", "--data", str(data)).out
    for what in ("AAPL", "main", "line-lost", "all"):
        assert run("alerts", "mute", what, "90min", "--data", str(data)).code == 0
    assert run("alerts", "mute", "AAPL trades", "off", "--data", str(data)).code == 0
    assert [one.what for one in read_mutes(data)] == ["AAPL", "main", "line-lost", "all"]


@pytest.mark.parametrize(("given", "words"), [
    (("AAPL tradse", "2h"), "there is no stream, instrument, recorder or kind of trouble 'AAPL tradse'; did you mean"),
    (("AAPL", "soon"), "is no length of time: write 14, 14s, 90min, 2h or 1d"),
])  # fmt: skip
def test_a_mute_of_nothing_or_for_no_time_is_refused(run: Run, told: Told, given: tuple[str, str], words: str) -> None:
    data = told(streams=[stream("AAPL")])
    code, _, err = run("alerts", "mute", *given, "--data", str(data))
    assert (code, words in err) == (2, True)
    assert read_mutes(data) == []


def test_without_a_lake_nothing_is_muted(run: Run, tmp_path: Path) -> None:
    assert run("alerts", "mute", "all", "2h", "--data", "none").code == 1
    assert not (tmp_path / "none").exists()
