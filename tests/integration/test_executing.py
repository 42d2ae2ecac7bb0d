"""The dispatcher over a real store, with executors that fail in each way that executors can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.executors.base import (
    Absent,
    Done,
    Effect,
    ExecuteOutcome,
    ProbeOutcome,
    ReadBackOutcome,
    Retry,
    Terminal,
    Unknown,
)
from engine.executors.directory import DirectoryExecutor
from engine.pipeline.daemon import Daemon
from engine.settings import ExecutionSettings
from store import State, history, open_read_only
from tests.integration.conftest import Workplace


class Faulty:
    """The directory executor with a fault in front of it, once for each fault given."""

    name = "directory"

    def __init__(self, place: Workplace, *faults: Callable[[Effect], ExecuteOutcome]) -> None:
        self._real = DirectoryExecutor(place.settings.output.directory)
        self._faults = list(faults)
        self.executed = 0
        self.read_backs = 0

    def execute(self, effect: Effect) -> ExecuteOutcome:
        self.executed += 1
        return self._faults.pop(0)(effect) if self._faults else self._real.execute(effect)

    def read_back(self, effect: Effect) -> ReadBackOutcome:
        self.read_backs += 1
        return self._real.read_back(effect)

    def probe(self) -> ProbeOutcome:
        return self._real.probe()

    def lose_the_answer(self, effect: Effect) -> ExecuteOutcome:
        """It happens, and nobody hears of it."""
        self._real.execute(effect)
        return Unknown("the answer was lost")


def start(place: Workplace, executor: Any, **execution: Any) -> Daemon:
    place.settings = place.settings.model_copy(update={"execution": ExecutionSettings(**execution)})
    return place.start(executors={"directory": executor})


def generation(place: Workplace) -> Any:
    with open_read_only(place.settings.store.path) as reader:
        return history.of_intent(reader, "core", "scale", limit=1).generations[0]


def test_a_lost_answer_is_read_back_and_nothing_is_sent_twice(workplace: Workplace) -> None:
    executor = Faulty(workplace)
    executor._faults.append(executor.lose_the_answer)
    workplace.intent("scale", "scale amf to 5")
    start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert (executor.executed, executor.read_backs) == (1, 1)
    assert len(workplace.revisions("amf")) == 1


def test_what_did_not_happen_is_sent_again_after_it_was_read_back(workplace: Workplace) -> None:
    executor = Faulty(workplace, lambda _: Unknown("the connection broke"))
    workplace.intent("scale", "scale amf to 5")
    start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert (executor.executed, executor.read_backs) == (2, 1)


def test_an_executor_that_raises_leaves_the_outcome_unknown(workplace: Workplace) -> None:
    def fail(_: Effect) -> ExecuteOutcome:
        raise RuntimeError("a fault of the executor")

    workplace.intent("scale", "scale amf to 5")
    executor = Faulty(workplace, fail)
    start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert executor.read_backs == 1


def test_a_failed_try_is_tried_again_by_the_schedule_and_counted(workplace: Workplace) -> None:
    executor = Faulty(workplace, lambda _: Retry("BackingOff", "try again"))
    workplace.intent("scale", "scale amf to 5")
    start(workplace, executor, retry_seconds=[0.1, 0.1])
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert workplace.status("scale")["attempts"] == 1


def test_an_outage_uses_up_no_retry(workplace: Workplace) -> None:
    outage = Retry("BackendDown", "it is down", after=0.1, counts=False)
    executor = Faulty(workplace, *(lambda _: outage for _ in range(4)))
    workplace.intent("scale", "scale amf to 5")
    start(workplace, executor, retry_seconds=[0.1])
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert workplace.status("scale")["attempts"] == 0


def test_after_the_last_retry_it_is_given_up(workplace: Workplace) -> None:
    executor = Faulty(workplace, *(lambda _: Retry("BackingOff", "no luck") for _ in range(9)))
    workplace.intent("scale", "scale amf to 5")
    daemon = start(workplace, executor, retry_seconds=[0.1, 0.1])
    workplace.until(lambda: workplace.reason("scale") == "RetriesExhausted")
    workplace.until(daemon.settled)
    assert executor.executed == 3
    assert workplace.status("scale")["phase"] == "Failed"


def test_what_cannot_happen_is_not_tried_again(workplace: Workplace) -> None:
    executor = Faulty(workplace, lambda _: Terminal("Conflict", "somebody else has it"))
    workplace.intent("scale", "scale amf to 5")
    daemon = start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Conflict")
    workplace.until(daemon.settled)
    assert executor.executed == 1


def test_an_edit_of_what_failed_starts_afresh(workplace: Workplace) -> None:
    executor = Faulty(workplace, lambda _: Terminal("Conflict", "somebody else has it"))
    workplace.intent("scale", "scale amf to 5")
    start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Conflict")
    workplace.intent("scale", "scale amf to 6")
    workplace.until(lambda: workplace.reason("scale") == "Completed")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_does_not_end_in_the_grace_time_is_unknown_and_read_back_later(workplace: Workplace) -> None:
    running, go_on = threading.Event(), threading.Event()

    def hang(_: Effect) -> ExecuteOutcome:
        running.set()
        go_on.wait(30)
        return Done(())

    workplace.intent("scale", "scale amf to 5")
    daemon = start(workplace, Faulty(workplace, hang), grace_seconds=0.2)
    assert running.wait(30)
    workplace.daemons.remove(daemon)
    assert not daemon.stop()
    go_on.set()
    assert generation(workplace).state is State.UNKNOWN
    executor = Faulty(workplace)
    start(workplace, executor)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert executor.read_backs == 1


def test_what_takes_long_is_reported_as_processing_meanwhile(workplace: Workplace) -> None:
    go_on = threading.Event()

    def slow(_: Effect) -> ExecuteOutcome:
        go_on.wait(30)
        return Retry("BackingOff", "too slow", after=0.0, counts=False)

    workplace.intent("scale", "scale amf to 5")
    start(workplace, Faulty(workplace, slow))
    workplace.until(lambda: workplace.reason("scale") == "Processing")
    go_on.set()
    workplace.until(lambda: workplace.reason("scale") == "Completed")


def test_work_on_one_package_is_serialised(workplace: Workplace) -> None:
    inside, most, lock = 0, 0, threading.Lock()
    real = DirectoryExecutor(workplace.settings.output.directory)

    class Watching:
        name = "directory"

        def execute(self, effect: Effect) -> ExecuteOutcome:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            outcome = real.execute(effect)
            with lock:
                inside -= 1
            return outcome

        def read_back(self, effect: Effect) -> ReadBackOutcome:
            return Absent()

        def probe(self) -> ProbeOutcome:
            return real.probe()

    workplace.intent("scale", "scale amf to 5")
    workplace.intent("limit", "limit amf to 2 CPUs")
    workplace.intent("image", "deploy amf with image registry.example.com/amf:2.0")
    daemon = workplace.start(executors={"directory": Watching()})
    workplace.until(daemon.settled)
    assert most == 1
    assert len(workplace.revisions("amf")) == 3
    objects = workplace.package("amf")["Deployment"]["spec"]
    assert objects["replicas"] == 5
    assert objects["template"]["spec"]["containers"][0]["image"].endswith(":2.0")


def test_what_was_decided_for_an_executor_that_is_gone_waits_and_goes_on_when_it_is_back(
    workplace: Workplace,
) -> None:
    workplace.intent("scale", "scale amf to 5")
    daemon = workplace.start(executors={})
    workplace.until(lambda: workplace.reason("scale") == "BackendDown")
    assert (
        "the executor directory is not among bounds.executors any more"
        in (workplace.status("scale")["lastMessage"])
    )
    workplace.stop(daemon)
    later = time.time() + 3600
    workplace.start(clock=lambda: later)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert workplace.status("scale")["attempts"] == 0
