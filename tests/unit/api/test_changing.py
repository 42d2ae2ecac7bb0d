from __future__ import annotations

import pytest

from engine import report
from engine.api.changing import RETRIES, BulkRetry
from engine.api.peer import Peer
from engine.api.wire import ApiError, Code
from engine.reasons import Reason
from store import approvals
from store.overview import Restartable
from store.work import State
from tests.unit.api.conftest import ADA, NOW, Place


def refusal(place: Place, name: str = "amf", spec_hash: str | None = None, peer: Peer = ADA) -> ApiError:
    with pytest.raises(ApiError) as refused:
        place.operations().approve("core", name, spec_hash, peer)
    return refused.value


def test_an_approval_starts_what_it_is_for_and_says_who_gave_it(place: Place) -> None:
    place.hold(place.see("amf"))
    answer = place.operations().approve("core", "amf", None, ADA)
    assert answer["approvedBy"] == "ada"
    assert answer["requester"] == "unknown"
    item = place.current("amf")
    assert (item.state, item.reason) == (State.SEEN, "")
    given = place.store.read(lambda reader: approvals.of(reader, item.uid, item.spec_hash))
    assert given == approvals.Approval(item.uid, item.spec_hash, "ada", NOW)
    (recorded,) = place.audited("Approved")
    assert recorded == {
        "who": "ada",
        "userID": 4321,
        "specHash": item.spec_hash,
        "requester": "unknown",
        "message": "approved by ada",
    }
    assert place.woken == 1


def test_what_is_not_held_cannot_be_approved(place: Place) -> None:
    place.see("amf")
    error = refusal(place)
    assert (error.code, error.hint) == (
        Code.CONFLICT,
        "it is being worked on; look again in a moment",
    )
    assert place.audited("Approved") == []


def test_what_waits_for_a_window_cannot_be_approved(place: Place) -> None:
    place.hold(place.see("amf"), needs_approval=False)
    error = refusal(place)
    assert error.message == "core/amf does not wait for approval"
    assert error.hint == "it is Held: somebody has to approve it"


def test_what_was_refused_cannot_be_approved(place: Place) -> None:
    place.end(place.see("amf"))
    assert refusal(place).hint == "it is Ambiguous: how many?; change its spec to start afresh"


def test_what_is_not_there_cannot_be_approved(place: Place) -> None:
    assert refusal(place).code is Code.NOT_FOUND


def test_approving_again_is_refused_with_who_did(place: Place) -> None:
    place.hold(place.see("amf"))
    place.operations().approve("core", "amf", None, ADA)
    error = refusal(place, peer=Peer("grace", 2))
    assert error.code is Code.CONFLICT
    assert error.message == "core/amf was approved by ada at 2027-01-15T08:00:00Z"
    assert error.hint == "it is being worked on; look again in a moment"


def test_an_approval_is_for_the_spec_that_was_looked_at(place: Place) -> None:
    place.hold(place.see("amf"))
    looked_at = place.current("amf").spec_hash
    place.hold(place.see("amf", generation=2))
    error = refusal(place, spec_hash=looked_at)
    assert error.message == "core/amf is at generation 2 now, and its spec is another"
    assert place.current("amf").reason == "Held"


def test_an_approval_of_one_generation_is_none_of_the_next(place: Place) -> None:
    place.hold(place.see("amf"))
    place.operations().approve("core", "amf", None, ADA)
    place.hold(place.see("amf", generation=2))
    item = place.current("amf")
    assert place.store.read(lambda reader: approvals.of(reader, item.uid, item.spec_hash)) is None
    assert place.operations().intent("core", "amf")["needsApproval"]


def test_whoever_asked_for_something_cannot_approve_it(place: Place) -> None:
    place.hold(place.see("amf", requester="ada"))
    assert refusal(place).code is Code.OWN_REQUEST
    assert place.current("amf").reason == "Held"
    assert place.operations().approve("core", "amf", None, Peer("grace", 2))["requester"] == "ada"


def test_what_was_refused_is_looked_at_again(place: Place) -> None:
    place.end(place.see("amf"))
    assert place.operations().retry("core", "amf", ADA)["was"] == "Ambiguous"
    assert place.current("amf").state is State.SEEN
    (recorded,) = place.audited("Retried")
    assert (recorded["who"], recorded["userID"], recorded["was"]) == ("ada", 4321, "Ambiguous")


def test_what_is_under_way_is_not_tried_again(place: Place) -> None:
    place.see("amf")
    with pytest.raises(ApiError, match="cannot be tried again: it is seen"):
        place.operations().retry("core", "amf", ADA)


def test_what_a_newer_intent_decides_is_not_tried_again(place: Place) -> None:
    place.end(place.see("amf"), Reason.SUPERSEDED, "another decides it now")
    with pytest.raises(ApiError, match="another decides it now"):
        place.operations().retry("core", "amf", ADA)
    assert bulk(place, Reason.SUPERSEDED)["matched"] == 0


def bulk(place: Place, reason: Reason, limit: int = 1000, *, dry_run: bool = False, since: float = 0) -> dict:
    wanted = BulkRetry(Restartable(reason.value, None, since), limit, dry_run)
    return place.operations().retry_all(wanted, ADA)


def test_many_are_tried_again_as_fast_as_tokens_come_back(place: Place) -> None:
    for number in range(RETRIES.burst + 3):
        place.end(place.see(f"nf-{number:03}"))
    first = bulk(place, Reason.AMBIGUOUS)
    assert (first["matched"], len(first["retried"]), first["left"]) == (103, 100, 3)
    assert first["nextAt"] == "2027-01-15T08:00:01Z"
    assert bulk(place, Reason.AMBIGUOUS)["retried"] == []
    place.now += 2
    assert len(bulk(place, Reason.AMBIGUOUS)["retried"]) == 2
    with pytest.raises(ApiError, match="wait until") as refused:
        place.operations().retry("core", "nf-102", ADA)
    assert refused.value.code is Code.RATE_LIMITED
    assert place.current("nf-102").state is State.TERMINAL
    assert len(place.audited("Retried")) == 102


def test_a_rate_gives_each_its_time_and_shows_it(place: Place) -> None:
    for name in ("amf", "smf", "upf"):
        place.end(place.see(name))
        place.now += 1
    wanted = BulkRetry(Restartable(Reason.AMBIGUOUS.value), 1000, dry_run=False, rate=2)
    found = place.operations().retry_all(wanted, ADA)
    assert [item["name"] for item in found["retried"]] == ["amf", "smf", "upf"]
    assert (found["left"], found["lastAt"]) == (0, "2027-01-15T08:01:03Z")
    assert place.current("amf").state is State.SEEN
    assert [place.current(name).next_at for name in ("amf", "smf", "upf")] == [
        None,
        place.now + 30,
        place.now + 60,
    ]
    status = place.store.read(lambda reader: report.status_of(reader, place.current("upf").uid)) or {}
    assert status["nextRetryTime"] == "2027-01-15T08:01:03Z"
    assert "as ada asked; it was Ambiguous" in status["lastMessage"]
    assert {item["who"] for item in place.audited("Retried")} == {"ada"}
    assert bulk(place, Reason.AMBIGUOUS)["matched"] == 0


def test_a_bulk_retry_takes_only_what_has_the_reason_and_is_recent(place: Place) -> None:
    place.end(place.see("old"))
    place.now += 100
    place.end(place.see("new"))
    place.end(place.see("other"), Reason.UNSAFE, "no")
    found = bulk(place, Reason.AMBIGUOUS, since=NOW + 50)
    assert [item["name"] for item in found["retried"]] == ["new"]


def test_a_dry_run_lists_and_changes_nothing(place: Place) -> None:
    for name in ("amf", "smf", "upf"):
        place.end(place.see(name))
    found = bulk(place, Reason.AMBIGUOUS, limit=2, dry_run=True)
    assert (found["matched"], len(found["retried"]), found["left"]) == (3, 2, 1)
    assert place.current("amf").state is State.TERMINAL
    assert place.audited("Retried") == []
