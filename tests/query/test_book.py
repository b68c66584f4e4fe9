"""Rebuilding a side of a book: the same as doing its operations one after the other on a list."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture.functions.books import MOST_POSITIONS
from capture.query.books.book_side import DELETE, EMPTY, INSERT, STEPS, UPDATE, Ints, Side

Operation = tuple[int, int]
OPERATIONS = st.tuples(st.sampled_from([INSERT, UPDATE, DELETE]), st.integers(-2, 12))
WILD = st.tuples(st.sampled_from([INSERT, UPDATE, DELETE]), st.integers(-2, MOST_POSITIONS + 2) | st.just(1 << 30))


def one_by_one(operations: list[Operation], levels: int, most: int = MOST_POSITIONS) -> list[list[int]]:
    """Return the first cells after each operation of a side of at most so many, the state before the first in front."""
    cells = [EMPTY] * max(most, levels)
    states = [cells[:levels]]
    for number, (kind, position) in enumerate(operations):
        if 0 <= position < most:
            match kind:
                case 0:
                    cells.insert(position, number)
                case 1:
                    cells[position] = number
                case 2:
                    del cells[position]
            cells = [*[*cells, EMPTY][:most], *[EMPTY] * (levels - most)]
        states.append(cells[:levels])
    return states


def arrays(operations: list[Operation]) -> tuple[Ints, Ints]:
    columns = np.array(operations, np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


@settings(deadline=None)
@given(st.lists(OPERATIONS, max_size=200) | st.lists(WILD, max_size=60), st.sampled_from([1, 3, 10, MOST_POSITIONS]),
       st.sampled_from([1, 4, MOST_POSITIONS]))
@example([(INSERT, 0)] * (MOST_POSITIONS + 3), MOST_POSITIONS, MOST_POSITIONS)
@example([(DELETE, 5), (UPDATE, 3), (DELETE, 0)], 3, MOST_POSITIONS)
@example([(INSERT, 1), (DELETE, 2)], 3, MOST_POSITIONS)
@example([], 1, 1)
def test_cells_are_those_of_a_list(operations: list[Operation], levels: int, most: int) -> None:
    found = Side(*arrays(operations), most).cells(np.arange(len(operations) + 1), levels)
    assert found.tolist() == one_by_one(operations, levels, most)


def test_a_side_has_at_most_the_rows_that_were_asked_for() -> None:
    # A third bid pushes the oldest out; IB fills the last row itself once another is gone.
    operations = [(INSERT, 0), (INSERT, 0), (INSERT, 0), (DELETE, 0), (INSERT, 1), (UPDATE, 2), (INSERT, 2)]
    found = Side(*arrays(operations), 2).cells(np.arange(1, len(operations) + 1), 3)
    assert found.tolist() == [[0, -1, -1], [1, 0, -1], [2, 1, -1], [1, -1, -1], *[[1, 4, -1]] * 3]


@pytest.mark.parametrize("count", [STEPS * STEPS // 4, STEPS * STEPS + 1])
def test_many_operations_are_right_too(count: int) -> None:
    random = np.random.default_rng(3)
    kinds, positions = random.integers(0, 3, count), random.integers(0, 20, count)
    ends = np.sort(random.integers(0, count + 1, 50))
    found = Side(kinds, positions).cells(ends, 20)
    states = one_by_one(list(zip(kinds.tolist(), positions.tolist(), strict=True)), 20)
    assert found.tolist() == [states[end] for end in ends.tolist()]


def test_an_operation_beyond_the_end_leaves_what_is_unknown_empty() -> None:
    found = Side(*arrays([(INSERT, 2), (DELETE, 7), (INSERT, 0), (UPDATE, 5)])).cells(np.array([1, 2, 4]), 6)
    assert found.tolist() == [[-1, -1, 0, -1, -1, -1], [-1, -1, 0, -1, -1, -1], [2, -1, -1, 0, -1, 3]]
