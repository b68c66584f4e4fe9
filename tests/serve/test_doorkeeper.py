import pytest

from capture.serve.doorkeeper import MOST_SESSIONS, SESSION_S, TOKEN_S, TRIES, TRIES_S, Doorkeeper, TooManyTriesError


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def doors(clock: Clock) -> Doorkeeper:
    return Doorkeeper(clock)


def test_a_token_lets_in_once(doors: Doorkeeper) -> None:
    token = doors.invite()
    cookie = doors.enter(token)
    assert cookie != token
    assert doors.knows(cookie)
    assert doors.enter(token) is None


def test_a_token_is_good_for_its_time_only(doors: Doorkeeper, clock: Clock) -> None:
    token = doors.invite()
    clock.now += TOKEN_S + 1
    assert doors.enter(token) is None
    token = doors.invite()
    clock.now += TOKEN_S - 1
    assert doors.enter(token)


def test_a_new_token_ends_the_one_before(doors: Doorkeeper) -> None:
    before = doors.invite()
    assert doors.enter(doors.invite())
    assert doors.enter(before) is None


def test_after_wrong_tokens_none_is_looked_at_for_a_while(doors: Doorkeeper, clock: Clock) -> None:
    for _ in range(TRIES):
        assert doors.enter("guess") is None
    token = doors.invite()
    with pytest.raises(TooManyTriesError) as error:
        doors.enter(token)
    assert error.value.wait_s == TRIES_S
    clock.now += TRIES_S
    assert doors.enter(doors.invite())


def test_a_cookie_that_was_not_used_for_long_is_known_no_more(doors: Doorkeeper, clock: Clock) -> None:
    cookie = doors.enter(doors.invite())
    clock.now += SESSION_S - 1
    assert doors.knows(cookie)
    clock.now += SESSION_S - 1
    assert doors.knows(cookie)  # as it was used since
    clock.now += SESSION_S + 1
    assert not doors.knows(cookie)


@pytest.mark.parametrize("cookie", [None, "", "guess", "\ud800"])
def test_no_other_cookie_is_known(doors: Doorkeeper, cookie: str | None) -> None:
    doors.enter(doors.invite())
    assert not doors.knows(cookie)


def test_so_many_sessions_are_kept_and_no_more(doors: Doorkeeper, clock: Clock) -> None:
    cookies = []
    for _ in range(MOST_SESSIONS + 1):
        clock.now += 1
        cookies.append(doors.enter(doors.invite()))
    assert [doors.knows(cookie) for cookie in (cookies[0], cookies[1], cookies[-1])] == [False, True, True]
