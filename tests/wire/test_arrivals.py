from collections import Counter
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.wire.context import Context
from capture.wire.read_rows import decode
from capture.wire.row_owners import NO_REQUEST, count_rows, last_frames, request_ids
from capture.wire.text.codec import answer_codec
from capture.wire.text.framing import boundaries, frame
from capture.wire.text.typed_columns import Numbers

pytestmark = pytest.mark.usefixtures("module_both_ways")

BAR = {"open": 1, "high": 2, "low": 1, "close": 2, "volume": 5, "wap": 1.5, "trade_count": 3}
MASSES: dict[str, dict[str, Any]] = {
    "tick_price": {"tick_type": 1, "price": 1.5, "size": 2, "mask": 0},
    "tick_size": {"tick_type": 0, "size": 3},
    "tick_string": {"tick_type": 45, "text": "x"},
    "tick_generic": {"tick_type": 49, "value": 0},
    "tick_option": {"tick_type": 13, "implied_volatility": 0.2},
    "tick_by_tick": {"kind": 3, "time": 1, "bid_price": 1, "ask_price": 2, "bid_size": 3, "ask_size": 4, "mask": 0},
    "market_depth": {"position": 0, "operation": 0, "side": 1, "price": 1, "size": 1},
    "market_depth_l2": {"position": 0, "market_maker": "A", "operation": 0, "side": 1, "price": 1, "size": 1},
    "real_time_bar": {"time": 5, **BAR},
    "historical_data_update": {"bar_date": "1767623400", **BAR},
    "historical_data": {"bars": [{"bar_date": "20260105", **BAR}]},
}
OTHERS: dict[str, dict[str, Any]] = {"current_time": {"time": 1}, "market_data_type": {"request_id": 7, "data_type": 1},
          "error": {"request_id": 7, "code": 354, "message": "x"}}


def read(payloads: list[bytes]) -> tuple[bytes, Numbers]:
    data = b"".join(map(frame, payloads))
    return data, boundaries(data)


@pytest.mark.parametrize("version", [157, 176, 195, 200])
@given(wanted=st.lists(st.tuples(st.sampled_from([*MASSES, *OTHERS]), st.integers(0, 2**31 - 2)), max_size=80))
def test_every_row_is_its_requests(version: int, wanted: list[tuple[str, int]]) -> None:
    codec = answer_codec(version)
    payloads = [codec.encode(name, MASSES[name] | {"request_id": id_}) if name in MASSES
                else codec.encode(name, OTHERS[name]) for name, id_ in wanted]
    data, starts = read(payloads)
    ids = request_ids(data, starts, version)
    assert ids.tolist() == [id_ if name in MASSES else NO_REQUEST for name, id_ in wanted]
    assert count_rows(request_ids(data, starts, version)) == Counter(id_ for name, id_ in wanted if name in MASSES)


@given(frames=st.lists(st.lists(
    st.one_of(st.sampled_from([b"1", b"2", b"6", b"50", b"90", b"99", b"3", b"12"]), st.binary(max_size=12)),
    min_size=1, max_size=5).map(b"\0".join), min_size=1, max_size=30))
def test_rubbish_is_nobodys_and_what_decodes_is_counted(frames: list[bytes]) -> None:
    data, starts = read([payload for payload in frames if payload] or [b"1\0"])
    ids = request_ids(data, starts, 200)
    assert len(ids) == len(starts) - 1
    batch = decode(data, starts, Context(200))
    for rows in batch.rows:
        owners = rows.columns["request_id"].to_pylist()
        assert all(ids[frame] in (owner, NO_REQUEST) for frame, owner in zip(rows.frames, owners, strict=True))


def test_an_empty_read() -> None:
    assert count_rows(request_ids(b"", np.zeros(1, np.int64), 200)) == {}


def test_frames_cut_off_at_the_end_do_no_harm() -> None:
    payload = answer_codec(200).encode("tick_size", MASSES["tick_size"] | {"request_id": 12345})
    for end in range(1, len(payload) + 1):
        data, starts = read([payload[:end]])
        assert request_ids(data, starts, 200)[0] in (NO_REQUEST, 12345)
    lengths = list(accumulate([0, 4 + len(payload)]))
    assert request_ids(frame(payload), np.array(lengths), 200).tolist() == [12345]


@given(st.lists(st.one_of(st.integers(NO_REQUEST, 9), st.sampled_from([(1 << 20) - 1, 1 << 20, 1 << 40])), max_size=40))
def test_the_last_frame_of_every_request_is_found_whatever_the_ids_are(ids: list[int]) -> None:
    expected = {len(ids) - 1 - ids[::-1].index(id_) for id_ in ids}
    assert sorted(last_frames(np.array(ids, np.int64)).tolist()) == sorted(expected)
