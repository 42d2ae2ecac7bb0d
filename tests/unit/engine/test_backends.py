from __future__ import annotations

import logging

import pytest

from engine.executors.base import Absent, Done, Down, ProbeOutcome, Retry, Terminal, Unknown, Up
from engine.pipeline.backends import Backends
from engine.vitals import Level


class Scripted:
    """Answers probes as it is told."""

    name = "porch"

    def __init__(self) -> None:
        self.answer: ProbeOutcome | Exception = Up("v1.5.8")
        self.probed = 0

    def probe(self) -> ProbeOutcome:
        self.probed += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def executor() -> Scripted:
    return Scripted()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reopened() -> list[str]:
    return []


@pytest.fixture
def backends(executor: Scripted, clock: Clock, reopened: list[str]) -> Backends:
    found = Backends({"porch": executor}, 15.0, lambda: reopened.append("now"), clock)  # type: ignore[dict-item]
    found.probe_due()
    return found


def test_a_backend_that_is_well_is_probed_seldom(
    backends: Backends, executor: Scripted, clock: Clock
) -> None:
    for _ in range(30):
        clock.now += 1.0
        backends.probe_due()
    assert executor.probed == 3
    assert backends.states == {"porch": "closed"}
    assert [(check.name, check.level, check.detail) for check in backends.checks] == [
        ("backend porch", Level.OK, "v1.5.8")
    ]


@pytest.mark.parametrize("answer", [Down("connection refused"), RuntimeError("connection refused")])
def test_a_backend_that_is_down_gets_no_work_until_a_probe_finds_it_back(
    backends: Backends,
    executor: Scripted,
    clock: Clock,
    reopened: list[str],
    caplog: pytest.LogCaptureFixture,
    answer: Down | Exception,
) -> None:
    caplog.set_level(logging.INFO)
    executor.answer = answer
    clock.now += 15.0
    backends.probe_due()
    assert backends.admission().shut == {"porch"}
    assert "connection refused" in backends.why_shut("porch")
    assert reopened == []
    for _ in range(5):
        clock.now += 15.0
        backends.probe_due()
    executor.answer = Up("v1.5.8")
    clock.now += 15.0
    backends.probe_due()
    assert (backends.admission().shut, backends.admission().trial) == (set(), {"porch"})
    assert backends.checks[0].level is Level.WARNING
    assert reopened == ["now"]
    backends.ended("porch", Done(()))
    assert backends.admission().trial == set()
    assert backends.why_shut("porch") == ""
    told = [record.message for record in caplog.records if "porch is down" in record.message]
    assert len(told) == 1
    assert "porch takes work again" in caplog.messages


@pytest.mark.parametrize("outcome", [Retry("BackendDown", "refused", counts=False), Unknown("lost")])
def test_a_failure_has_it_probed_at_once(
    backends: Backends, executor: Scripted, outcome: Retry | Unknown
) -> None:
    backends.ended("porch", outcome)
    backends.probe_due()
    assert executor.probed == 2


@pytest.mark.parametrize(
    "outcome",
    [Terminal("Conflict", "no"), Absent(), Retry("PackageBusy", "later"), Retry("BackingOff", "no")],
)
def test_whatever_else_it_answers_it_is_there(
    backends: Backends, executor: Scripted, outcome: Terminal | Absent | Retry
) -> None:
    for _ in range(20):
        backends.ended("porch", outcome)
        backends.probe_due()
    assert executor.probed == 1
    assert backends.states == {"porch": "closed"}


def test_a_part_that_does_not_work_stops_no_other(
    backends: Backends, executor: Scripted, clock: Clock
) -> None:
    executor.answer = Up("v1.5.8", ("the repository edge is not ready",))
    clock.now += 15.0
    backends.probe_due()
    assert backends.admission().shut == set()
    (check,) = backends.checks
    assert (check.level, check.detail) == (Level.WARNING, "the repository edge is not ready")


def test_an_executor_that_the_settings_name_no_more_is_nobodys_backend(backends: Backends) -> None:
    backends.ended("kpt", Unknown("lost"))
    assert backends.why_shut("kpt") == ""
