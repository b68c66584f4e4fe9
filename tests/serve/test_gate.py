"""Who gets in, over plain HTTP: no browser is polite enough to try all of this."""

import re
import socket
from pathlib import Path

import psutil
import pytest

from capture.serve.live_feed import MOST_LISTENERS
from capture.serve.page_shell import PAGES

from .served import FORGED, Served

pytestmark = pytest.mark.slow
GUARDED = [*(page.path for page in PAGES), "/live", "/api/anything", "/nothing"]


def test_a_browser_comes_in_by_the_printed_address_once(server: Served) -> None:
    again = server.ask(server.address.removeprefix(server.origin), cookie=None)
    assert again.status == 401
    assert "set-cookie" not in again.headers
    cookie = server.ask("/", headers={"cookie": f"other=1; {server.cookie}; more=2"}, cookie=None)
    assert cookie.status == 200


def test_the_cookie_is_for_this_site_and_no_script(lake: Path) -> None:
    served = Served(lake)
    try:
        answer = served.ask(served.address.removeprefix(served.origin), cookie=None)
    finally:
        served.close()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    said = {one.strip().lower() for one in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= said
    assert "token" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_told_without_a_cookie(server: Served, path: str, lake: Path) -> None:
    for cookie in (None, "ticktape_1=x", f"{server.cookie[:-2]}xx"):
        answer = server.ask(path, cookie=cookie)
        assert answer.status == 401
        assert str(lake) not in answer.text
        assert "AAPL" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "",
                                  "127.0.0.1.evil.example:{port}"])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/live", "/health", "/static/shell.js", "/login?token=x"])
def test_a_name_that_an_attacker_points_here_is_refused_everywhere(server: Served, host: str, path: str) -> None:
    """After DNS rebinding a GET has no Origin: only the Host tells."""
    port = server.host.rpartition(":")[2]
    assert server.ask(path, headers={"Host": host.format(port=port)}).status == 421


def test_a_name_is_looked_at_before_a_websocket_too(server: Served) -> None:
    def upgrade(host: str) -> str:
        name, port = server.host.split(":")
        with socket.create_connection((name, int(port)), timeout=30) as line:
            line.sendall(f"GET /live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            return line.recv(4096).decode().partition("\r\n")[0]

    assert " 421 " in upgrade("evil.example")
    assert " 401 " in upgrade(server.host)


@pytest.mark.parametrize("name", ["localhost", "[::1]"])
def test_this_machine_has_other_names(server: Served, name: str) -> None:
    port = server.host.rpartition(":")[2]
    assert server.ask("/", headers={"Host": f"{name}:{port}"}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://{host}", "http://{host}.evil.example", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/live"), ("GET", "/"), ("POST", "/api/sql"), ("GET", "/health")])
def test_what_another_site_sends_is_refused(server: Served, origin: str, method: str, path: str) -> None:
    sent = {"Origin": origin.format(host=server.host)}
    assert server.ask(path, method, headers=sent, body="{}" if method == "POST" else None).status == 403


def test_what_another_site_embeds_is_refused(server: Served) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert server.ask("/static/shell.js", headers=embedded).status == 403
    navigated = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.ask("/", headers=navigated).status == 200


def test_a_form_of_another_site_changes_nothing(server: Served) -> None:
    """Without an Origin, as some browsers send forms."""
    name, port = server.host.split(":")
    with socket.create_connection((name, int(port)), timeout=30) as line:
        line.sendall(f"POST /api/sql HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
                     "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}".encode())
        assert " 403 " in line.recv(4096).decode().partition("\r\n")[0]


@pytest.mark.parametrize("path", ["/", "/health", "/static/shell.js", "/nothing", "/login?token=x"])
def test_every_answer_has_the_headers_that_bind_a_browser(server: Served, path: str) -> None:
    headers = server.ask(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")
    assert headers["x-frame-options"] == "DENY"
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", [
    "/static/../site.py", "/static/%2e%2e/site.py", "/static/..%2fsite.py", "/static//etc/passwd",
    "/static/%2fetc%2fpasswd", "/static/..\\site.py", "/static/\x00", "/static/"])  # fmt: skip
def test_no_path_leads_out_of_the_static_files(server: Served, path: str) -> None:
    name, port = server.host.split(":")
    with socket.create_connection((name, int(port)), timeout=30) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
                     "Connection: close\r\n\r\n".encode())
        answer = line.makefile("rb").read().decode()
    assert answer.split(" ")[1] in {"400", "404", "307"}
    assert "root:" not in answer
    assert "import" not in answer


def test_open_answers_say_nothing_but_a_word(server: Served, lake: Path) -> None:
    answer = server.ask("/health", cookie=None)
    assert (answer.status, answer.text) in {(200, "well\n"), (200, "unknown\n"), (503, "trouble\n")}
    refused = server.ask("/", cookie=None)
    for said in (answer, refused, server.ask("/nothing", cookie=None)):
        assert str(lake) not in said.text + str(said.headers)
        assert server.cookie.partition("=")[2] not in said.text + str(said.headers)


def test_metrics_are_open_to_this_machine_and_name_neither_path_nor_instrument(server: Served, lake: Path) -> None:
    answer = server.ask("/metrics", cookie=None)
    assert answer.status == 200
    assert 'ticktape_recorder_up{recorder="main"} 1.0' in answer.text
    assert not [one for one in (str(lake), "EVIL", "S0000") if one in answer.text]


def test_no_secret_is_logged(server: Served) -> None:
    token = re.search("token=(.+)", server.address)
    assert token
    server.ask("/?filter=secret-of-somebody")
    logged = server.log.read_text()
    assert "GET /login 303" in logged
    assert not [one for one in (token[1], server.cookie.partition("=")[2], "secret-of-somebody", "?") if one in logged]


def test_what_ib_says_cannot_end_the_values_in_a_page(server: Served) -> None:
    text = server.ask("/").text
    assert FORGED not in text
    assert "\\u003cimg src=x onerror=alert(1)\\u003e" in text
    assert text.count("</script>") == text.count("<script")


def test_guessing_tokens_is_slow_and_somebody_turned_away_gets_a_new_address(lake: Path) -> None:
    served = Served(lake)
    try:
        statuses = [served.ask(f"/login?token={guess}", cookie=None).status for guess in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        limited = served.ask(served.address.removeprefix(served.origin), cookie=None)
        assert limited.status == 429
        assert 0 < int(limited.headers["retry-after"]) <= 60
    finally:
        served.close()


def test_a_token_is_used_by_get_alone(lake: Path) -> None:
    served = Served(lake)
    try:
        path = served.address.removeprefix(served.origin)
        assert served.ask(path, "HEAD", cookie=None).status == 405  # who only looks ahead
        served.log_in()
        served.ask("/", cookie=None)  # a second browser: the token was used, so a new one is printed
        served.address = served.printed()
        served.log_in()
        assert served.ask("/").status == 200
    finally:
        served.close()


def test_two_hundred_readers_who_take_nothing_are_bounded(server: Served) -> None:
    """So many are let in, the others are told to wait; others are answered meanwhile, and no memory grows."""
    name, port = server.host.split(":")
    before = psutil.Process(server.process.pid).memory_info().rss
    lines = []
    try:
        for _ in range(200):
            line = socket.create_connection((name, int(port)), timeout=30)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.sendall(f"GET /live HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n\r\n".encode())
            lines.append(line)
        said = [line.recv(12).decode() for line in lines]
        assert said.count("HTTP/1.1 200") == MOST_LISTENERS
        assert said.count("HTTP/1.1 503") == 200 - MOST_LISTENERS
        assert server.ask("/").status == 200
        assert psutil.Process(server.process.pid).memory_info().rss - before < 50 << 20
    finally:
        for line in lines:
            line.close()
