from random import Random

from capture.session.backoff import Backoff


def test_waits_double_up_to_the_most_and_are_shortened_by_a_quarter_at_most() -> None:
    backoff = Backoff(1, 60, Random(7))
    waits = [backoff.next_s() for _ in range(10)]
    for wait, plain in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert 0.75 * plain <= wait <= plain


def test_a_seed_repeats_and_reset_begins_again() -> None:
    one, other = Backoff(random=Random(3)), Backoff(random=Random(3))
    assert [one.next_s() for _ in range(5)] == [other.next_s() for _ in range(5)]
    one.reset()
    assert one.next_s() <= 1
