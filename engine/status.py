"""The status of a NetworkIntent, built from what is known of its current generation; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.reasons import Phase, Reason

MAX_HISTORY = 5
"""How many earlier outcomes a status keeps."""

_PHASES: Mapping[Reason, Phase] = {
    Reason.PROCESSING: Phase.PROCESSING,
    Reason.COMPLETED: Phase.COMPLETED,
    Reason.DRY_RUN: Phase.COMPLETED,
    Reason.ADOPTED: Phase.COMPLETED,
    Reason.AWAITING_APPROVAL: Phase.COMPLETED,
    Reason.SUPERSEDED: Phase.COMPLETED,
} | dict.fromkeys(
    (
        Reason.HELD,
        Reason.RATE_LIMITED,
        Reason.PACKAGE_BUSY,
        Reason.SUSPENDED,
        Reason.PAUSED,
        Reason.BACKING_OFF,
        Reason.BACKEND_DOWN,
        Reason.READ_BACK,
    ),
    Phase.PENDING,
)
_IDLE = frozenset({Reason.SUSPENDED, Reason.PAUSED})


def phase_of(reason: Reason) -> Phase:
    """Returns the phase that a reason belongs to; what is no progress and no success is Failed."""
    return _PHASES.get(reason, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class Target:
    """The generation of an intent that a status is about."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A status that was shown.

    Attributes:
        status: None where the intent is gone.
        seconds: from the last event about the intent to now; None where that is not known.
    """

    namespace: str
    name: str
    status: Mapping[str, Any] | None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be said of one generation.

    Attributes:
        interpretation: how the text was read: {"actions": […], "words": […], "assumed": […]}.
        decision: {"rules": […], "executor", "rulesDigest", "warnings": […]}.
        packages: [{"repository", "name", "workspace", "lifecycle", "resourceName", "revision"}].
        next_retry: when the next try is, in epoch seconds.
        handled: the value by which the look was asked for; empty where nobody asked for one.
        now: the time of the report, in epoch seconds.
    """

    generation: int
    reason: Reason
    message: str
    now: float
    spec_hash: str = ""
    trace_id: str = ""
    attempts: int = 0
    next_retry: float | None = None
    interpretation: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    packages: Sequence[Mapping[str, Any]] = ()
    handled: str = ""


def build_status(report: Report, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Builds `status` whole; `previous` is what was reported before, for transition times and history."""
    before = previous or {}
    phase = phase_of(report.reason)
    status: dict[str, Any] = {
        "phase": phase.value,
        "observedGeneration": report.generation,
        "lastUpdateTime": timestamp(report.now),
        "lastMessage": report.message,
        "conditions": _conditions(report, phase, before.get("conditions", ())),
        "specHash": report.spec_hash,
        "attempts": report.attempts,
        "traceID": report.trace_id,
    }
    if report.next_retry is not None:
        status["nextRetryTime"] = timestamp(report.next_retry)
    handled = report.handled or before.get("lastHandledReconcileAt")
    if handled:
        status["lastHandledReconcileAt"] = handled
    if report.interpretation:
        status["interpretation"] = dict(report.interpretation)
    if report.decision:
        status["decision"] = dict(report.decision)
    if report.packages:
        status["packages"] = [dict(package) for package in report.packages]
    history = _history(report, phase, before.get("history", ()))
    if history:
        status["history"] = history
    return status


def ready_reason(status: Mapping[str, Any]) -> str:
    """Returns the reason of a status: that of its condition Ready; empty where it has none."""
    return next((str(item["reason"]) for item in status.get("conditions", ()) if item["type"] == "Ready"), "")


def same_but_for_time(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Tells whether a status says nothing new, so that it need not be written."""
    return other is not None and {**one, "lastUpdateTime": ""} == {**other, "lastUpdateTime": ""}


def timestamp(epoch: float) -> str:
    """Returns epoch seconds as RFC 3339 in UTC, whole seconds, as Kubernetes writes times."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(report: Report, phase: Phase, before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    superseded = report.reason is Reason.SUPERSEDED
    waiting = phase in (Phase.PENDING, Phase.PROCESSING) and report.reason not in _IDLE
    states = {
        "Ready": phase is Phase.COMPLETED and not superseded,
        "Reconciling": waiting,
        "Stalled": phase is Phase.FAILED or superseded,
    }
    if report.packages:
        states["Published"] = all(package.get("lifecycle") == "Published" for package in report.packages)
    last = {condition["type"]: condition for condition in before}
    return [
        {
            "type": kind,
            "status": "True" if true else "False",
            "reason": report.reason.value,
            "message": report.message,
            "observedGeneration": report.generation,
            "lastTransitionTime": _transition(last.get(kind), "True" if true else "False", report.now),
        }
        for kind, true in states.items()
    ]


def _transition(last: Mapping[str, Any] | None, status: str, now: float) -> str:
    if last is not None and last["status"] == status:
        return str(last["lastTransitionTime"])
    return timestamp(now)


def _history(report: Report, phase: Phase, before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The last outcomes, newest first; a state that only passes is none, and one repeated counts once."""
    kept = [dict(entry) for entry in before]
    if phase in (Phase.COMPLETED, Phase.FAILED):
        entry = {"generation": report.generation, "phase": phase.value, "reason": report.reason.value}
        if not kept or {key: kept[0].get(key) for key in entry} != entry:
            kept.insert(0, {**entry, "message": report.message, "time": timestamp(report.now)})
    return kept[:MAX_HISTORY]
