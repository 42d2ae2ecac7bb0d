"""An outage of what packages are written to, with a real store: its work waits, and nothing of it fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.executors.base import Down, Effect, ExecuteOutcome, ProbeOutcome, ReadBackOutcome, Retry, Unknown
from engine.executors.directory import DirectoryExecutor
from engine.pipeline.daemon import Daemon
from engine.pipeline.waits import longest_wait
from engine.settings import ExecutionSettings
from engine.vitals import Level
from store import State, open_read_only, work
from tests.integration.conftest import Workplace

NAMES = [f"nf-{number}" for number in range(12)]


class Backend:
    """The directory executor behind something that can be away, and counts who asks."""

    name = "directory"

    def __init__(self, place: Workplace) -> None:
        self._real = DirectoryExecutor(place.settings.output.directory)
        self.away = threading.Event()
        self.lying = threading.Event()
        self.executed = 0
        self.probed = 0
        self.at_once = 0
        self._lock = threading.Lock()
        self._inside = 0

    def execute(self, effect: Effect) -> ExecuteOutcome:
        with self._lock:
            self.executed += 1
            self._inside += 1
            self.at_once = max(self.at_once, self._inside)
        try:
            return self._execute(effect)
        finally:
            with self._lock:
                self._inside -= 1

    def _execute(self, effect: Effect) -> ExecuteOutcome:
        if self.away.is_set() or self.lying.is_set():
            return Retry("BackendDown", "connection refused", after=30.0, counts=False)
        return self._real.execute(effect)

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        if self.away.is_set():
            return Unknown("connection refused")
        return self._real.read_back(effect)

    def probe(self) -> ProbeOutcome:
        self.probed += 1
        return Down("connection refused") if self.away.is_set() else self._real.probe()


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(workplace: Workplace) -> Backend:
    workplace.settings = workplace.settings.model_copy(
        update={"execution": ExecutionSettings(probe_seconds=1)}
    )
    for name in NAMES:
        workplace.workload(name)
    return Backend(workplace)


def start(place: Workplace, backend: Backend, clock: Clock) -> Daemon:
    return place.start(executors={"directory": backend}, clock=clock)


def level(daemon: Daemon) -> Level:
    (found,) = (check for check in daemon.examiner.vitals().checks if check.name == "backend directory")
    return found.level


def circuit(daemon: Daemon) -> str:
    return daemon.examiner.vitals().circuits["directory"]


def reasons(place: Workplace) -> set[str]:
    return {place.reason(name) for name in NAMES}


def test_an_outage_of_an_hour_fails_nothing_and_uses_up_no_retry(
    workplace: Workplace, backend: Backend, clock: Clock
) -> None:
    backend.away.set()
    daemon = start(workplace, backend, clock)
    for name in NAMES:
        workplace.intent(name, f"scale {name} to 5")
    workplace.until(lambda: reasons(workplace) == {"BackendDown"}, 60)
    assert level(daemon) is Level.WARNING
    tried = backend.executed
    for _ in range(60):
        clock.now += 60.0
        daemon.ticker.wake("work")
    workplace.until(lambda: circuit(daemon) == "open" and due(workplace) == 0, 60)
    assert backend.executed <= tried + len(NAMES) / 2  # what was under way when it opened, and no storm
    assert all("connection refused" in workplace.status(name)["lastMessage"] for name in NAMES)
    probed = backend.probed
    backend.away.clear()
    workplace.until(lambda: reasons(workplace) == {"Completed"}, 60)
    assert backend.probed > probed
    assert {workplace.status(name)["attempts"] for name in NAMES} == {0}
    assert [len(workplace.revisions(name)) for name in NAMES] == [1] * len(NAMES)
    workplace.until(lambda: circuit(daemon) == "closed", 60)
    assert level(daemon) is Level.OK


def due(place: Workplace) -> int:
    """Counts what waits for a time, of which the clock is past."""
    with open_read_only(place.settings.store.path) as reader:
        return work.depths(reader)["waiting"]


def test_an_outage_that_begins_while_work_is_queued_is_told_of_all_of_it(
    workplace: Workplace, backend: Backend, clock: Clock
) -> None:
    backend.lying.set()  # whatever the probes say
    daemon = start(workplace, backend, clock)
    for name in NAMES:
        workplace.intent(name, f"scale {name} to 5")
    workplace.until(lambda: reasons(workplace) == {"BackendDown"}, 60)
    backend.lying.clear()
    clock.now += 60.0
    daemon.ticker.wake("work")
    workplace.until(lambda: reasons(workplace) == {"Completed"}, 60)


def test_what_may_have_happened_is_read_back_when_the_backend_is_back(
    workplace: Workplace, backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_the_answer(effect: Effect) -> ExecuteOutcome:
        backend._real.execute(effect)
        backend.away.set()
        return Unknown("the answer was lost")

    monkeypatch.setattr(backend, "_execute", lose_the_answer)
    daemon = start(workplace, backend, clock)
    workplace.intent("nf-1", "scale nf-1 to 5")
    workplace.until(lambda: circuit(daemon) == "open", 60)
    clock.now += 3600.0
    daemon.ticker.wake("work")
    backend.away.clear()
    workplace.until(lambda: workplace.reason("nf-1") == "Completed", 60)
    assert backend.executed == 1
    assert len(workplace.revisions("nf-1")) == 1


def test_one_piece_of_work_finds_out_whether_a_backend_that_answers_again_works(
    workplace: Workplace, backend: Backend, clock: Clock
) -> None:
    backend.away.set()
    daemon = start(workplace, backend, clock)
    workplace.until(lambda: circuit(daemon) == "open", 60)
    for name in NAMES:
        workplace.intent(name, f"scale {name} to 5")
    workplace.until(lambda: reasons(workplace) == {"BackendDown"}, 60)
    assert backend.executed == 0  # decided while it was known to be down: nobody asked it
    assert {state(workplace, name) for name in NAMES} == {State.DECIDED}
    backend.lying.set()
    backend.away.clear()
    workplace.until(lambda: backend.executed >= 2, 60)
    assert backend.at_once == 1
    backend.lying.clear()
    clock.now += 60.0
    daemon.ticker.wake("work")
    workplace.until(lambda: reasons(workplace) == {"Completed"}, 60)


def state(place: Workplace, name: str) -> Any:
    with open_read_only(place.settings.store.path) as reader:
        found = work.current(reader, "core", name)
    assert found is not None
    return found.state


def test_a_clock_set_back_makes_no_retry_wait_longer_than_its_schedule(
    workplace: Workplace, backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = iter([True])

    def fail_once(effect: Effect) -> ExecuteOutcome:
        return Retry("BackingOff", "no luck") if next(fails, False) else backend._real.execute(effect)

    monkeypatch.setattr(backend, "_execute", fail_once)
    daemon = start(workplace, backend, clock)
    workplace.intent("nf-1", "scale nf-1 to 5")
    workplace.until(lambda: workplace.reason("nf-1") == "BackingOff", 60)
    clock.now -= 86_400.0
    longest = longest_wait(daemon.settings.execution, daemon.decider.looker.book)
    workplace.until(lambda: next_due(workplace) <= clock.now + longest, 60)
    assert workplace.reason("nf-1") == "BackingOff"
    clock.now += longest
    workplace.until(lambda: workplace.reason("nf-1") == "Completed", 60)


def next_due(place: Workplace) -> float:
    with open_read_only(place.settings.store.path) as reader:
        return work.next_due(reader) or 0.0
