from importlib import import_module

import pytest

progress = import_module("capture.cli.progress")  # type checkers see only the package


def test_rates_are_per_second_since_the_look_before() -> None:
    pulse = progress.Pulse()
    pulse.take(10.0, 1_000, 0)
    assert (pulse.frames_per_second, pulse.silent_s(10.0)) == (0, None)
    pulse.take(12.0, 1_100, 5_000)
    assert (pulse.frames_per_second, pulse.bytes_per_second) == (50, 2_500)


def test_silence_counts_from_the_last_new_byte() -> None:
    pulse = progress.Pulse()
    for now_s, received_bytes in ((0, 0), (1, 100), (2, 100), (3, 100)):
        pulse.take(now_s, 0, received_bytes)
    assert pulse.silent_s(3.5) == pytest.approx(2.5)
    assert pulse.bytes_per_second == 0
