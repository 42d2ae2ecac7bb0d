from __future__ import annotations

import pytest

from engine.api import reading
from engine.api.reading import Selection
from engine.api.wire import ApiError, Code
from engine.reasons import Phase, Reason
from engine.status import timestamp
from store import Store, work
from tests.unit.api.conftest import NOW, Place


def names(place: Place, **wanted: object) -> list[str]:
    found = place.store.read(lambda reader: reading.page(reader, Selection(**wanted)))
    return [item["name"] for item in found["items"]]


def explain(store: Store, name: str, generation: int | None = None) -> dict:
    return store.read(lambda reader: reading.explain(reader, "core", name, generation))


def test_intents_are_listed_page_by_page(place: Place) -> None:
    for name in ("c", "a", "d", "b", "e"):
        place.see(name)
    seen, after = [], ("", "")
    while True:
        wanted = Selection(limit=2, after=after)
        found = place.store.read(lambda reader, wanted=wanted: reading.page(reader, wanted))
        assert len(found["items"]) <= 2
        seen += [item["name"] for item in found["items"]]
        if not found["continue"]:
            break
        namespace, _, name = found["continue"].partition("/")
        after = (namespace, name)
    assert seen == ["a", "b", "c", "d", "e"]


def test_a_list_is_narrowed_by_namespace_phase_and_reason(place: Place) -> None:
    place.see("moving")
    place.hold(place.see("held"))
    place.end(place.see("vague"))
    place.end(place.see("unsafe", namespace="edge"), Reason.UNSAFE, "no")
    assert names(place) == ["held", "moving", "vague", "unsafe"]
    assert names(place, namespace="edge") == ["unsafe"]
    assert names(place, phase=Phase.FAILED) == ["vague", "unsafe"]
    assert names(place, phase=Phase.PENDING) == ["held"]
    assert names(place, phase=Phase.PROCESSING) == ["moving"]
    assert names(place, reason=Reason.HELD) == ["held"]
    assert names(place, reason=Reason.HELD, phase=Phase.FAILED) == []


def test_what_was_reported_counts_where_it_says_more_than_the_work(place: Place) -> None:
    item = place.see("amf")

    def write(tx: reading.Reader) -> None:
        finished = work.finish(tx, item, reason="Completed", message="done", basis="b", now=place.now)
        place._report(tx, finished, Reason.SUPERSEDED, "core/smf decides it now")

    place.store.write(write).result()
    assert names(place, reason=Reason.SUPERSEDED) == ["amf"]
    assert names(place, reason=Reason.COMPLETED) == []


def test_the_report_of_an_older_generation_says_nothing_of_this_one(place: Place) -> None:
    place.end(place.see("amf"))
    place.see("amf", text="scale amf to 4", generation=2)
    (item,) = place.store.read(lambda reader: reading.page(reader, Selection()))["items"]
    assert (item["phase"], item["reason"], item["message"]) == ("Processing", "Processing", "")
    assert item["text"] == "scale amf to 4"


def test_an_intent_is_shown_with_its_generations_and_who_approved_it(place: Place) -> None:
    place.end(place.see("amf"))
    place.hold(place.see("amf", generation=2))
    found = place.store.read(lambda reader: reading.intent(reader, "core", "amf"))
    assert [one["generation"] for one in found["generations"]] == [2, 1]
    assert (found["needsApproval"], found["approved"]) == (True, None)
    assert found["status"]["phase"] == "Pending"


def test_what_was_never_seen_is_not_found(place: Place) -> None:
    for call in (reading.intent, reading.explain):
        with pytest.raises(ApiError, match="there is no intent core/nobody") as refused:
            place.store.read(lambda reader, call=call: call(reader, "core", "nobody"))
        assert refused.value.code is Code.NOT_FOUND


def test_a_decision_is_explained_by_action_and_rule(place: Place) -> None:
    place.hold(place.see("amf"))
    found = explain(place.store, "amf")
    assert (found["step"], found["reason"], found["rule"]) == ("wait", "Held", "site/big")
    assert found["message"] == "somebody has to approve it"
    (action,) = found["actions"]
    assert action["summary"] == "scale amf to 50 (core)"
    assert action["facts"] == {"origin": "directory", "replicas": 2}
    assert action["words"] == {"replicas": ["50"]}
    parts = {rule["rule"]: (rule["matched"], rule["outcome"], rule["decided"]) for rule in action["rules"]}
    assert parts == {"site/other": (True, "when false", False), "site/big": (True, "effect", True)}


def test_an_older_generation_is_explained_too(place: Place) -> None:
    place.hold(place.see("amf"))
    place.end(place.see("amf", text="scale amf", generation=2))
    assert explain(place.store, "amf")["reason"] == "Ambiguous"
    older = explain(place.store, "amf", 1)
    assert (older["generation"], older["reason"], older["text"]) == (1, "Held", "scale amf to 50")
    assert older["standing"]["reason"] == "Superseded"


def test_a_generation_that_never_was_is_told_with_those_that_were(place: Place) -> None:
    place.end(place.see("amf"))
    place.see("amf", generation=2)
    with pytest.raises(ApiError, match="has no generation 7; known are 1, 2"):
        explain(place.store, "amf", 7)


def test_a_decision_of_the_past_is_explained_by_its_time(place: Place) -> None:
    item = place.see("amf")
    place.hold(item)
    place.now += 60
    place.hold(place.current("amf"), needs_approval=False)
    place.now += 60
    place.end(place.see("amf", generation=2))

    def at(seconds: float) -> dict:
        return place.store.read(lambda reader: reading.explain(reader, "core", "amf", at=NOW + seconds))

    assert [at(seconds)["decidedAt"] for seconds in (0, 59, 60, 300)] == [
        timestamp(NOW),
        timestamp(NOW),
        timestamp(NOW + 60),
        timestamp(NOW + 60),
    ]
    assert (at(59)["generation"], at(59)["decisions"], at(59)["reason"]) == (1, 2, "Held")
    with pytest.raises(ApiError, match="the first decision is of"):
        at(-1)


def test_what_was_never_decided_is_explained_by_how_it_stands(place: Place) -> None:
    place.end(place.see("amf"), Reason.INVALID, "no manifest")
    found = explain(place.store, "amf")
    assert (found["step"], found["reason"], found["message"]) == ("terminal", "Invalid", "no manifest")
    assert (found["decisions"], found["actions"]) == (0, [])
