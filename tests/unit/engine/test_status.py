from __future__ import annotations

from dataclasses import replace

import pytest

from engine.reasons import Phase, Reason
from engine.status import MAX_HISTORY, Report, build_status, phase_of, same_but_for_time

REPORT = Report(generation=3, reason=Reason.COMPLETED, message="done", now=1_700_000_000.0, spec_hash="ab")
PACKAGE = {"repository": "main", "name": "core-amf", "lifecycle": "Published"}


def condition(status: dict, kind: str) -> str:
    (found,) = [item for item in status["conditions"] if item["type"] == kind]
    return found["status"]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_gives_conditions_that_agree_with_its_phase(reason: Reason) -> None:
    status = build_status(replace(REPORT, reason=reason))
    states = {item["type"]: item["status"] == "True" for item in status["conditions"]}
    assert sum(states.values()) <= 1
    assert all(item["observedGeneration"] == 3 for item in status["conditions"])
    if status["phase"] == Phase.FAILED:
        assert states == {"Ready": False, "Reconciling": False, "Stalled": True}


def test_a_completed_intent_is_ready_and_its_package_published() -> None:
    status = build_status(replace(REPORT, packages=[PACKAGE]))
    assert (status["phase"], condition(status, "Ready"), condition(status, "Published")) == (
        "Completed",
        "True",
        "True",
    )


def test_a_proposal_that_waits_for_approval_is_ready_and_not_published() -> None:
    proposed = replace(
        REPORT, reason=Reason.AWAITING_APPROVAL, packages=[{**PACKAGE, "lifecycle": "Proposed"}]
    )
    status = build_status(proposed)
    assert (status["phase"], condition(status, "Ready"), condition(status, "Published")) == (
        "Completed",
        "True",
        "False",
    )


def test_a_superseded_intent_is_not_ready_and_goes_no_further() -> None:
    status = build_status(replace(REPORT, reason=Reason.SUPERSEDED))
    assert (condition(status, "Ready"), condition(status, "Stalled")) == ("False", "True")


def test_a_transition_time_moves_only_when_its_status_flips() -> None:
    first = build_status(REPORT)
    second = build_status(replace(REPORT, now=REPORT.now + 60, message="still done"), first)
    third = build_status(replace(REPORT, now=REPORT.now + 120, reason=Reason.RULE_REFUSED), second)
    times = [
        {item["type"]: item["lastTransitionTime"] for item in s["conditions"]} for s in (first, second, third)
    ]
    assert times[0] == times[1]
    assert times[2]["Ready"] == times[2]["Stalled"] == "2023-11-14T22:15:20Z"
    assert times[2]["Reconciling"] == times[0]["Reconciling"]


def test_history_keeps_the_last_five_outcomes_newest_first_and_no_repeats() -> None:
    status = None
    for generation in range(1, 9):
        for reason in (Reason.PROCESSING, Reason.COMPLETED, Reason.COMPLETED):
            status = build_status(replace(REPORT, generation=generation, reason=reason), status)
    assert status is not None
    assert [entry["generation"] for entry in status["history"]] == [8, 7, 6, 5, 4]
    assert len(status["history"]) == MAX_HISTORY


def test_a_status_that_differs_in_time_only_says_nothing_new() -> None:
    first = build_status(REPORT)
    second = build_status(replace(REPORT, now=REPORT.now + 60), first)
    assert same_but_for_time(second, first)
    assert not same_but_for_time(build_status(replace(REPORT, message="else"), first), first)
    assert not same_but_for_time(first, None)


def test_whatever_is_no_success_and_no_waiting_is_failed() -> None:
    assert phase_of(Reason.AMBIGUOUS) is Phase.FAILED
    assert phase_of(Reason.RETRIES_EXHAUSTED) is Phase.FAILED
    assert phase_of(Reason.BACKEND_DOWN) is Phase.PENDING
