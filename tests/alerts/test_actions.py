"""Actions: real requests, real processes, real addresses of apprise, and no secret in what is said of them."""

import json
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from capture.alerts import actions
from capture.alerts.actions import ActionError, Apprise, Command, Webhook, actions_of, ask
from capture.alerts.addresses import AddressError, resolve, shown, without
from capture.alerts.alert_message import make_message

from .conftest import SECRET, Hook, block, trouble

OLD_IMPORTS = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of apprise

MESSAGE = make_message("test", "firing", [trouble()], time.time())


def test_a_webhook_gets_the_message_as_json(hook: Hook) -> None:
    assert Webhook(hook.url).send(MESSAGE) == "HTTP 200"
    [(method, path, headers, body)] = hook.requests
    assert (method, path, headers["Content-Type"]) == ("POST", f"/services/{SECRET}", "application/json")
    assert json.loads(body) == MESSAGE


@pytest.mark.parametrize(("status", "words"), [(500, "HTTP 500"), (404, "HTTP 404"), (302, "HTTP 302: it redirects")])
def test_a_webhook_that_does_not_take_it_says_so_and_no_redirect_is_followed(
    hook: Hook, status: int, words: str
) -> None:
    hook.answers = [status]
    with pytest.raises(ActionError, match=words) as caught:
        Webhook(hook.url).send(MESSAGE)
    assert len(hook.requests) == 1
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("reference", [
    f"http://127.0.0.1:1/{SECRET}", f"http://user:{SECRET}@127.0.0.1:1/", f"http://127.0.0.1:999999/{SECRET}",
    f"http://[{SECRET}/", f"http://127.0.0.1:1/a b{SECRET}",
])  # fmt: skip
def test_an_address_that_nobody_answers_is_not_shown(reference: str) -> None:
    with pytest.raises(ActionError) as caught:
        ask(reference, b"{}")
    assert SECRET not in str(caught.value) + Webhook(reference).name


def test_a_webhook_that_hangs_is_given_up(hook: Hook) -> None:
    hook.hold.set()
    with pytest.raises(ActionError, match="timed out"):
        ask(hook.url, b"{}", timeout_s=0.1)


def test_addresses_come_from_variables_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hook"
    file.write_text(f"# of the operators\n\n  http://{SECRET}/ \n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("HOOK", f"http://{SECRET}/")
    for reference in ("env:HOOK", f"file:{file}", "file:$CREDENTIALS_DIRECTORY/hook"):
        assert resolve(reference) == f"http://{SECRET}/"
        assert shown(reference) == reference
    assert shown(f"http://user:{SECRET}@host:80/{SECRET}?{SECRET}") == "http://host:80/…"


def test_an_address_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "odd").write_bytes(b"\xff")
    for reference, words in (("env:NO_SUCH_HOOK", "the variable NO_SUCH_HOOK is not set"),
                             (f"file:{tmp_path}/none", "No such file"), (f"file:{tmp_path}/empty", "holds no address"),
                             (f"file:{tmp_path}/odd", "not UTF-8")):  # fmt: skip
        with pytest.raises(AddressError, match=words):
            resolve(reference)
        with pytest.raises(ActionError, match=words):
            Webhook(reference).send(MESSAGE)


def test_texts_are_said_without_secrets() -> None:
    said = without(f"no host in https://h/{SECRET}?t={SECRET}: {SECRET}", [f"https://h/{SECRET}?t={SECRET}"])
    assert SECRET not in said


def python(code: str, *more: str) -> Command:
    return Command((sys.executable, "-c", code, *more))


def test_a_command_gets_the_message_on_stdin(tmp_path: Path) -> None:
    said = python("import sys; open(sys.argv[1], 'w').write(sys.stdin.read()); print('thanks')",
                  str(tmp_path / "told")).send(MESSAGE)  # fmt: skip
    assert said == "ended with 0: thanks"
    assert (tmp_path / "told").read_text() == json.dumps(MESSAGE) + "\n"


def test_a_command_that_fails_says_how_without_its_arguments() -> None:
    with pytest.raises(ActionError, match="it ended with 3: bad …") as caught:
        python("import sys; print('bad', sys.argv[1]); sys.exit(3)", SECRET).send(MESSAGE)
    assert SECRET not in str(caught.value) + python("", SECRET).name
    with pytest.raises(ActionError, match="cannot be started: No such file"):
        Command(("/no/such/program",)).send(MESSAGE)


def test_a_command_that_reads_nothing_is_done(tmp_path: Path) -> None:
    assert Command(("true",)).send({**MESSAGE, "text": "x" * 1_000_000}) == "ended with 0"


def test_a_command_that_does_not_end_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "COMMAND_TIMEOUT_S", 0.3)
    with pytest.raises(ActionError, match=r"did not end within 0.3 s and was killed"):
        Command(("sh", "-c", "sleep 100 & sleep 100")).send(MESSAGE)


@OLD_IMPORTS
@pytest.mark.parametrize("scheme", ["json", "ntfy"])
def test_apprise_tells_and_shows_no_secret(hook: Hook, scheme: str) -> None:
    action = Apprise(f"{scheme}://user:{SECRET}@127.0.0.1:{hook.port}/topic", 1)
    said = action.send(MESSAGE)
    assert len(hook.requests) == 1
    assert "main: it broke" in hook.requests[0][3].decode()
    assert SECRET not in said + action.name
    assert "took it" in said
    assert f"{scheme}://" in said


@OLD_IMPORTS
@pytest.mark.parametrize("scheme", ["json", "ntfy"])
def test_what_apprise_cannot_send_is_said_without_a_secret(
    hook: Hook, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answers = [500] * 5
    with pytest.raises(ActionError, match="did not take it") as caught:
        Apprise(f"{scheme}://user:{SECRET}@127.0.0.1:{hook.port}/topic", 1).send(MESSAGE)
    with pytest.raises(ActionError, match="no address that apprise knows"):
        Apprise(f"nonsense://{SECRET}", 1).send(MESSAGE)
    assert SECRET not in str(caught.value) + caplog.text


def test_without_the_extra_apprise_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ActionError, match=r"pip install 'ticktape\[alerts\]'"):
        Apprise("json://127.0.0.1", 1).send(MESSAGE)


def test_a_block_has_all_its_actions(hook: Hook) -> None:
    own = block(webhook=hook.url, command=["/bin/true", SECRET], apprise=["json://127.0.0.1", "env:CHAT"])
    names = [action.name for action in actions_of(own)]
    assert names == [f"webhook http://127.0.0.1:{hook.port}/…", "command true", "apprise json 1", "apprise env:CHAT 2"]
    assert own.webhook == SecretStr(hook.url)
