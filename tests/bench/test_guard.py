"""Two commits compared: what is slower beyond noise is said, what only seems so is not."""

import pytest

from bench.guard import LEAST, verdict


@pytest.mark.parametrize(("before", "after", "said"), [
    ([1.0] * 8, [1.3] * 8, "slower"),
    ([1.3] * 8, [1.0] * 8, "faster"),
    ([1.0] * 8, [1.0] * 8, "same"),
    ([1.0] * 8, [(1 + LEAST) / 2] * 8, "same"),  # in all rounds, but by no more than noise
    ([1.0] * 8, [1.3] * 6 + [0.9] * 2, "slower"),
    ([1.0] * 8, [1.3] * 5 + [0.9] * 3, "same"),  # the rounds do not agree
    ([1.0, 2.0, 4.0, 8.0], [1.2, 2.4, 4.8, 9.6], "slower"),  # the machine was busy: pairs count
    ([1.0, 2.0, 4.0, 8.0], [8.0, 1.0, 8.0, 4.0], "same"),
])
def test_a_row_is_slower_where_most_of_its_rounds_say_so_by_more_than_noise(
    before: list[float], after: list[float], said: str
) -> None:
    assert verdict(before, after) == said
