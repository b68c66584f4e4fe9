"""Who may come in: single-use tokens, the cookies that they are exchanged for, and how often one may try."""

import hashlib
import secrets
import time
from collections.abc import Callable

TOKEN_S = 60.0  # for which a printed address lets somebody in, once
SESSION_S = 7 * 86_400.0  # without a request, after which a browser has to come by a token again
TRIES, TRIES_S = 10, 60.0  # wrong tokens within so long, from all together: a token has 256 bits, so this is for logs
MOST_SESSIONS = 256
_BYTES = 32


class TooManyTriesError(Exception):
    """There were too many wrong tokens; `wait_s` says for how long none is looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many wrong tokens: wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Doorkeeper:
    """Gives tokens, takes each once within its time for a cookie, and knows these cookies again.

    Neither is kept as it is, only its digest. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[bytes, float] = {}  # digest: until when it is good
        self._sessions: dict[bytes, float] = {}  # digest: when it was last used
        self._wrong: list[float] = []

    def invite(self) -> str:
        """Return a token that lets somebody in once, within TOKEN_S; those given before are good no more."""
        token = secrets.token_urlsafe(_BYTES)
        self._tokens = {_digest(token): self._clock() + TOKEN_S}
        return token

    @property
    def is_used(self) -> bool:
        """Whether the last token let somebody in already."""
        return not self._tokens

    def enter(self, token: str) -> str | None:
        """Return a cookie for a token, None for one that is not good. Raises TooManyTriesError."""
        now = self._clock()
        self._wrong = [at for at in self._wrong if now - at < TRIES_S]
        if len(self._wrong) >= TRIES:
            raise TooManyTriesError(TRIES_S - (now - self._wrong[0]))
        if self._tokens.pop(_digest(token), float("-inf")) < now:
            self._wrong.append(now)
            return None
        cookie = secrets.token_urlsafe(_BYTES)
        self._sessions[_digest(cookie)] = now
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda one: self._sessions[one])]
        return cookie

    def knows(self, cookie: str | None) -> bool:
        """Return whether a cookie was given to somebody who came back within SESSION_S."""
        key, now = _digest(cookie or ""), self._clock()
        if now - self._sessions.get(key, float("-inf")) > SESSION_S:
            self._sessions.pop(key, None)
            return False
        self._sessions[key] = now
        return True

    def leave(self, cookie: str | None) -> None:
        """Forget a cookie."""
        self._sessions.pop(_digest(cookie or ""), None)


def _digest(secret: str) -> bytes:
    """Return what is looked up instead of a secret: how long that takes says nothing of it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
