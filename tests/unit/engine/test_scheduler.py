from __future__ import annotations

import logging
import threading

import pytest

from engine.scheduler import Ticker


def test_a_tick_runs_at_once_when_the_ticker_starts() -> None:
    ran = threading.Event()
    ticker = Ticker()
    ticker.add("work", ran.set, every=3600)
    ticker.start()
    assert ran.wait(60)
    assert ticker.stop(10)


def test_a_wake_that_arrives_while_its_tick_runs_is_not_lost() -> None:
    running, go_on, again = threading.Event(), threading.Event(), threading.Event()
    runs = []

    def work() -> None:
        runs.append(1)
        if len(runs) == 1:
            running.set()
            assert go_on.wait(60)
        else:
            again.set()

    ticker = Ticker()
    ticker.add("work", work, every=3600)
    ticker.start()
    assert running.wait(60)
    ticker.wake("work")
    go_on.set()
    assert again.wait(60)
    assert ticker.stop(10)


def test_no_wake_of_many_threads_is_lost() -> None:
    """Whoever leaves an item and wakes the tick finds it taken, however the two fall together."""
    left: list[int] = []
    taken = threading.Semaphore(0)
    lock = threading.Lock()

    def drain() -> None:
        with lock:
            found, left[:] = list(left), []
        for _ in found:
            taken.release()

    ticker = Ticker()
    ticker.add("work", drain, every=3600)
    ticker.start()

    def producer() -> None:
        for item in range(200):
            with lock:
                left.append(item)
            ticker.wake("work")

    threads = [threading.Thread(target=producer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(800):
        assert taken.acquire(timeout=10)
    assert ticker.stop(10)


def test_a_slow_tick_delays_no_other() -> None:
    go_on, other = threading.Event(), threading.Event()
    ticker = Ticker()
    ticker.add("slow", lambda: go_on.wait(30) and None, every=3600)
    ticker.add("other", other.set, every=3600)
    ticker.start()
    assert other.wait(60)
    go_on.set()
    assert ticker.stop(10)


def test_a_tick_that_fails_is_counted_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    again = threading.Event()
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("the first run fails")
        again.set()

    ticker = Ticker()
    tick = ticker.add("work", work, every=3600)
    with caplog.at_level(logging.ERROR):
        ticker.start()
        while tick.errors == 0:
            threading.Event().wait(0.01)
        ticker.wake("work")
        assert again.wait(60)
    assert "the first run fails" in caplog.text
    assert ticker.stop(10)


def test_stopping_says_when_a_tick_did_not_end_in_time() -> None:
    running, go_on = threading.Event(), threading.Event()

    def work() -> None:
        running.set()
        go_on.wait(30)

    ticker = Ticker()
    ticker.add("work", work, every=3600)
    ticker.start()
    assert running.wait(60)
    assert not ticker.stop(0.05)
    go_on.set()


def test_stopping_while_woken_ticks_end_never_hangs() -> None:
    for _ in range(40):
        ticker = Ticker()
        ticker.add("work", lambda ticker=ticker: ticker.wake("work"), every=3600)  # type: ignore[misc]
        ticker.start()
        assert ticker.stop(10)


def test_no_tick_runs_after_the_stop() -> None:
    runs: list[int] = []
    ticker = Ticker()
    ticker.add("work", lambda: runs.append(1), every=3600)
    ticker.start()
    assert ticker.stop(10)
    before = len(runs)
    ticker.wake("work")
    assert len(runs) == before
