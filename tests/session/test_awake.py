"""A recorder that was stopped and went on, or could not go on for a while, does not blame the gateway."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from capture.recorder.awake import AwakeClock
from capture.recorder.recorder import Recorder
from capture.session.phases import State
from capture.wanted.settings import Settings
from tests.session.test_beside_the_tape import Scene
from tests.virtual_time import VirtualLoop


def test_the_clock_stands_still_while_nobody_looks_at_it() -> None:
    time_s = [100.0]
    clock = AwakeClock(lambda: time_s[0])
    seen = []
    for step_s in (1.0, 5.0, 61.0, 1.0):
        time_s[0] += step_s
        seen.append(clock.now_s())
    assert seen == [101.0, 106.0, 107.0, 108.0]
    assert clock.outside_s(110.0) == 170.0
    assert clock.outside_s(None) is None


@pytest.mark.parametrize("asleep_s", [20, 60, 3_600])
def test_own_sleep_is_not_the_gateways_silence(
    gateway: Any, settings: Callable[..., Settings], asleep_s: int
) -> None:
    scene = Scene(gateway, settings(streams=["trades"]))

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(40)
        assert recorder.machine.state is State.RECORDING
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.virtual.mono_ns += asleep_s * 1_000_000_000  # as SIGSTOP does, and SIGCONT
        await asyncio.sleep(40)
        assert recorder.machine.state is State.RECORDING

    assert scene.run(talk) == 0
    assert [words for level, words in scene.words if level == "error"] == []
    assert len(gateway.named("start_api")) == 1


def test_a_gateway_that_is_silent_after_the_sleep_is_given_up(
    gateway: Any, settings: Callable[..., Settings]
) -> None:
    scene = Scene(gateway, settings(streams=["trades"]))

    async def talk(recorder: Recorder) -> None:
        await asyncio.sleep(40)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        gateway.send = gateway.react = lambda *_, **__: []
        loop.virtual.mono_ns += 60_000_000_000
        await asyncio.sleep(40)
        assert not scene.said("gave no answer")
        await asyncio.sleep(10)
        assert scene.said("gave no answer for 45 s") == 1

    scene.run(talk)
