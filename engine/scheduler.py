"""Ticks: APScheduler calls a function at intervals, and at once when woken; it does nothing else.

Timers of intents live in the store as `next_at`; see docs/adr/0003. Each tick has a thread of its own, so
that a slow one delays no other, and never runs beside itself. What APScheduler calls is the wake, which hands
the tick to its thread: one that comes from elsewhere need not pass through the scheduler. A wake that arrives
while its tick runs is kept: when the run ends, the tick runs once more.

APScheduler goes by the wall clock: set back by an hour, it would call nothing for an hour. So a thread of its
own looks whether the clock was set, and then wakes every tick.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from engine.clock import ClockWatch

log = logging.getLogger(__name__)

_WATCH_SECONDS = 1.0
"""How often it is looked whether the clock was set."""
STUCK_SECONDS = 600.0
"""A tick that is so late, or shows no progress for so long, will not come back by itself."""


@dataclass(slots=True)
class Tick:
    """A named function, and when it last began, ended or got on, by the monotonic clock."""

    name: str
    run: Callable[[], None]
    interval: float
    woken: threading.Event = field(default_factory=threading.Event)
    running: threading.Lock = field(default_factory=threading.Lock)
    runs: int = 0
    errors: int = 0
    last_run: float = field(default_factory=time.monotonic)
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def beat(self) -> None:
        """Notes that a long run gets on."""
        self.last_run = time.monotonic()

    def stuck(self, now: float) -> bool:
        """Tells whether it neither runs when it is due nor gets on."""
        return now - self.last_run > self.interval + STUCK_SECONDS


def _unheard(_: float) -> None:
    """Does nothing about a clock that was set."""


class Ticker:
    """Runs ticks until it is stopped.

    Failures of a tick are logged and counted; the tick goes on at its next time.

    Args:
        clock: seconds since 1970.
        clock_set: told when the clock was set, by how many seconds, before every tick is woken.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        clock_set: Callable[[float], None] = _unheard,
    ) -> None:
        self._watch = ClockWatch(clock)
        self._clock_set = clock_set
        self._watcher = threading.Thread(target=self._watch_clock, name="clock", daemon=True)
        self._stopped = threading.Event()
        self._ticks: dict[str, Tick] = {}
        self._stopping = False
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": DebugExecutor()},  # a wake takes no time: it is run where it is found due
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        # It would tell of each wake.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

    def add(self, name: str, run: Callable[[], None], every: float) -> Tick:
        """Adds a tick that runs `every` so many seconds (at least 1), and whenever it is woken."""
        tick = self._ticks[name] = Tick(name, run, max(1.0, every))
        self._scheduler.add_job(self.wake, "interval", args=(name,), seconds=tick.interval, id=name)
        return tick

    def start(self) -> None:
        """Starts the ticks; each runs for the first time at once."""
        self._scheduler.start()
        for name in self._ticks:
            self.wake(name)
        self._watcher.start()

    def wake(self, name: str) -> None:
        """Makes a tick due now; a wake during its run makes it run once more."""
        tick = self._ticks[name]
        if not tick.woken.is_set() and not self._stopping:
            tick.woken.set()
            try:
                tick.thread.submit(self._run, tick)
            except RuntimeError:  # it stops
                log.debug("tick %s woken after the stop", name)

    def beat(self, name: str) -> None:
        """Notes that a tick which takes long gets on."""
        self._ticks[name].beat()

    def stop(self, timeout: float) -> bool:
        """Starts no further tick and waits for running ones; returns whether all ended in time."""
        self._stopping = True
        self._stopped.set()
        if self._scheduler.running:
            # Not waiting: APScheduler would join its threads under the lock that an ending tick needs.
            self._scheduler.shutdown(wait=False)
        for tick in self._ticks.values():
            tick.thread.shutdown(wait=False)
        deadline = time.monotonic() + timeout
        return all(self._ends(tick, deadline) for tick in self._ticks.values())

    def ticks(self) -> tuple[Tick, ...]:
        """Lists the ticks, for health and metrics."""
        return tuple(self._ticks.values())

    def _watch_clock(self) -> None:
        while not self._stopped.wait(_WATCH_SECONDS):
            jump = self._watch.look()
            if jump:
                log.warning("the clock was set %s by %.1f s", "ahead" if jump > 0 else "back", abs(jump))
                self._clock_set(jump)
                for name in self._ticks:
                    self._make_due(name)

    @staticmethod
    def _ends(tick: Tick, deadline: float) -> bool:
        """Waits until a tick is not running; whatever starts later sees that we stop."""
        ended = tick.running.acquire(timeout=max(0.0, deadline - time.monotonic()))
        if ended:
            tick.running.release()
        return ended

    def _run(self, tick: Tick) -> None:
        with tick.running:
            if self._stopping:
                return
            tick.woken.clear()
            tick.beat()
            tick.runs += 1
            try:
                tick.run()
            except Exception as error:  # noqa: BLE001 - the tick goes on at its next time
                tick.errors += 1
                trace = traceback.format_exc()
                log.error("tick %s failed: %s", tick.name, error, extra={"trace": trace})  # noqa: TRY400
            tick.beat()

    def _make_due(self, name: str) -> None:
        """Has APScheduler call a tick now, and count its intervals from now on."""
        try:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))
        except JobLookupError:  # the scheduler has stopped meanwhile
            log.debug("tick %s is due after the stop", name)
