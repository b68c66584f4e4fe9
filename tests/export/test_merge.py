"""Sequences of batches become one, in order of time."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from capture.export.merge import merged

TIMES = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5)  # of the batches of one sequence


def batches(number: int, times: list[list[int]]) -> list[pa.RecordBatch]:
    """Return a sequence whose rows say whose they are, and the how manieth."""
    ordered, found, count = sorted(time for batch in times for time in batch), [], 0
    for batch in times:
        part = ordered[count : count + len(batch)]
        names = pa.array([f"{number}.{count + place}" for place in range(len(part))], pa.string()).dictionary_encode()
        found.append(pa.record_batch({"ts": pa.array(part, pa.int64()), "name": names}))
        count += len(part)
    return found


@given(st.lists(TIMES, max_size=4))
def test_all_rows_come_in_order_of_time_and_those_of_a_sequence_in_its_own(given_times: list[list[list[int]]]) -> None:
    sequences = [batches(number, times) for number, times in enumerate(given_times)]
    rows = [row for batch in merged(sequences) for row in batch.to_pylist()]
    assert [row["ts"] for row in rows] == sorted(time for times in given_times for batch in times for time in batch)
    for number, sequence in enumerate(sequences):
        own = [row for row in rows if row["name"].startswith(f"{number}.")]
        assert own == [row for batch in sequence for row in batch.to_pylist()]


def test_no_more_than_a_batch_of_each_is_held() -> None:
    read: list[int] = []

    def sequence() -> pa.RecordBatch:
        for number in range(100):
            read.append(number)
            yield pa.record_batch({"ts": [number]})

    made = merged([sequence(), sequence()])
    next(made)
    assert len(read) <= 3
