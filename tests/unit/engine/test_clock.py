from __future__ import annotations

import datetime as dt
import threading

import apscheduler.schedulers.base
import pytest

from engine import scheduler
from engine.clock import JUMP_SECONDS, ClockWatch
from engine.scheduler import Ticker


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
def monotonic() -> Clock:
    return Clock(50.0)


@pytest.mark.parametrize("jump", [-3600.0, -JUMP_SECONDS, JUMP_SECONDS, 86400.0 * 365])
def test_a_clock_that_is_set_is_seen_once(wall: Clock, monotonic: Clock, jump: float) -> None:
    watch = ClockWatch(wall, monotonic)
    wall.now += 1.0 + jump
    monotonic.now += 1.0
    assert watch.look() == pytest.approx(jump)
    assert watch.look() == 0.0


def test_a_clock_that_is_corrected_slowly_was_not_set(wall: Clock, monotonic: Clock) -> None:
    watch = ClockWatch(wall, monotonic)
    for _ in range(3600):
        wall.now += 1.0005
        monotonic.now += 1.0
        assert watch.look() == 0.0


def test_ticks_go_on_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """APScheduler computes its times by the wall clock, so both it and the ticker get one that is moved."""
    offset = [0.0]

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime.now(tz) + dt.timedelta(seconds=offset[0])

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Moved)
    monkeypatch.setattr(scheduler, "datetime", Moved)
    ran, told = threading.Semaphore(0), []
    ticker = Ticker(lambda: Moved.now(dt.UTC).timestamp(), told.append)
    ticker.add("work", ran.release, every=1)
    ticker.start()
    try:
        assert ran.acquire(timeout=60)
        offset[0] = -3600.0
        for _ in range(5):
            assert ran.acquire(timeout=60)
        assert [round(jump / 10) for jump in told] == [-360]
    finally:
        assert ticker.stop(60)
