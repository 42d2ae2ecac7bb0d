"""What is done decided anew on request: which, in what order, and how fast."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.api.client import Client
from engine.api.reapplying import Reapplication
from engine.api.wire import ApiError, Code
from engine.status import timestamp
from rules import Snapshot
from store import intents
from store.work import State
from tests.unit.api.conftest import ADA, NOW, Place, decision_of


def capped(snapshot: Snapshot) -> dict[str, Any]:
    """Decides as a rule does that takes large counts down to 40."""
    action = dict(snapshot.actions[0])
    if int(str(action["replicas"])) <= 40:
        return decision_of(action)
    return decision_of(action | {"replicas": 40}, rulesDigest="def")


@pytest.fixture
def three(place: Place) -> Place:
    """Two intents that the rule decides otherwise, and one that it does not."""
    place.decide = capped
    for name, replicas in (("a", 50), ("b", 30), ("c", 60)):
        place.finish(place.see(name), replicas)
    return place


def reapply(place: Place, **wanted: Any) -> dict[str, Any]:
    return place.operations().reapply(Reapplication(**wanted), ADA)


def test_each_that_is_decided_otherwise_has_its_turn(three: Place) -> None:
    found = reapply(three, rate=30)
    assert [(each["intent"], each["at"]) for each in found["reapplied"]] == [
        ("core/a", timestamp(NOW)),
        ("core/c", timestamp(NOW + 2)),
    ]
    assert (found["compared"], found["continue"], found["rulesDigest"]) == (3, "", "abc")
    assert [three.current(name).state for name in "abc"] == [State.SEEN, State.CONFIRMED, State.SEEN]
    assert [three.current(name).next_at for name in "ac"] == [None, NOW + 2]
    assert three.woken == 1


def test_the_next_request_queues_behind_the_first(three: Place) -> None:
    reapply(three, rate=30)
    three.finish(three.see("d"), 70)
    (found,) = reapply(three, rate=30)["reapplied"]
    assert (found["intent"], found["at"]) == ("core/d", timestamp(NOW + 4))


def test_what_was_reapplied_is_not_while_it_waits(three: Place) -> None:
    assert len(reapply(three)["reapplied"]) == 2
    again = reapply(three)
    assert (again["compared"], again["reapplied"]) == (1, [])


def test_pages_go_on_where_the_one_before_ended(three: Place) -> None:
    first = reapply(three, limit=2)
    assert ([each["intent"] for each in first["reapplied"]], first["continue"]) == (["core/a"], "core/b")
    second = reapply(three, limit=2, after=("core", "b"))
    assert ([each["intent"] for each in second["reapplied"]], second["continue"]) == (["core/c"], "")


def test_only_one_namespace_is_looked_through(three: Place) -> None:
    three.finish(three.see("z", namespace="ran"), 90)
    found = reapply(three, namespace="ran")
    assert (found["compared"], [each["intent"] for each in found["reapplied"]]) == (1, ["ran/z"])


def test_the_actions_stay_as_they_were_resolved_and_the_key_is_that_of_its_record(three: Place) -> None:
    reapply(three)
    body = json.loads(three.store.read(lambda reader: intents.get(reader, "core", "a")).body)
    assert body["reapplied"]["actions"][0]["replicas"] == 50
    assert body["reapplied"]["generation"] == 1
    (_, recorded) = three.audited("Reapplied")
    assert recorded == {
        "who": "ada",
        "userID": 4321,
        "message": "reapplied by ada",
        "rulesDigest": "def",
    }


def test_rules_that_are_not_in_force_decide_nothing_anew(three: Place) -> None:
    three.problems = {"rules": "own.yaml:1:1: no YAML"}
    with pytest.raises(ApiError) as refused:
        reapply(three)
    assert refused.value.code is Code.NOT_RELOADED
    assert three.current("a").state is State.CONFIRMED


def test_a_client_asks_page_by_page(three: Place, client: Client) -> None:
    found = client.reapply(rate=6000)
    assert [each["intent"] for each in found["reapplied"]] == ["core/a", "core/c"]
    with pytest.raises(ApiError, match="rate"):
        client.reapply(rate=0)
