from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.kube.source import Known, KubernetesSource, TextForm
from engine.kube.versions import Seen, Versions
from engine.telling import OUTPUTS
from store.inbox import Event
from tests.unit.kube.scripted import (
    INTENTS,
    ScriptedApi,
    added,
    bookmark,
    client_of,
    deleted,
    error,
    eventually,
    intent,
    listing,
    modified,
    status,
    stream,
)


class Journal:
    """Keeps what it is given in memory; fails as often as it is told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches: list[int] = []
        self.intents: list[Known] = []
        self.versions: dict[str, str] = {}
        self.failures = 0

    def keep(self, events: list[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        self.events += events
        self.batches.append(len(events))

    def known(self) -> list[Known]:
        return self.intents

    def version(self, namespace: str) -> str:
        return self.versions.get(namespace, "")

    def beginning(self, namespace: str) -> None:
        return None

    def listed(self, namespace: str) -> None:
        raise AssertionError("these were not listed for the first time")

    def reached(self, namespace: str, version: str) -> None:
        self.versions[namespace] = version

    def told(self) -> list[tuple[str, str, str]]:
        return [(event.kind.value, event.name, event.origin) for event in self.events]

    def bodies(self) -> list[Any]:
        return [json.loads(event.body) for event in self.events]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@contextmanager
def source(api: ScriptedApi, journal: Journal, **options: Any) -> Iterator[KubernetesSource]:
    versions = options.pop("versions", None) or Versions()
    source = KubernetesSource(client_of(api), INTENTS, journal, versions, **options)
    source.start()
    try:
        yield source
    finally:
        source.stop(5)


def test_an_event_has_what_the_pipeline_needs_and_no_more(api: ScriptedApi, journal: Journal) -> None:
    annotations = dict.fromkeys(OUTPUTS, "forged") | {
        "kubectl.kubernetes.io/last-applied-configuration": "the text with the secret",
        "conductor-watch/requested-at": "now",
    }
    body = intent("a", 7, labels={"team": "core"}, annotations=annotations, generation=3)
    body["spec"] = {"intent": "set the secret", "priority": 5, "dryRun": True, "vendor": {"x": 1}}
    api.lists.append(listing(body))
    form = TextForm(lambda text: text.replace("secret", "[…]"))
    with source(api, journal, form=form, clock=lambda: 5.0) as found:
        assert found.synced.wait(60)
    (event,) = journal.events
    assert (event.source, event.kind, event.namespace, event.name) == ("kubernetes", "upsert", "core", "a")
    assert (event.uid, event.origin, event.received_at) == ("uid-a", "7", 5.0)
    assert json.loads(event.body) == {
        "arrival": "since",
        "metadata": {
            "namespace": "core",
            "name": "a",
            "uid": "uid-a",
            "generation": 3,
            "resourceVersion": "7",
            "labels": {"team": "core"},
            "annotations": {"conductor-watch/requested-at": "now"},
        },
        "spec": {"intent": "set the […]", "dryRun": True, "vendor": {"x": 1}},
    }


def test_own_writes_and_replays_are_no_events(api: ScriptedApi, journal: Journal) -> None:
    first = intent("a", 11)
    own_status = intent("a", 12) | {"status": {"phase": "Completed", "observedGeneration": 1}}
    own_annotation = intent("a", 13, annotations=dict.fromkeys(OUTPUTS, "1"))
    changes = [added(first), modified(own_status), modified(own_annotation), modified(first), added(first)]
    versions = Versions()
    api.lists.append(listing(version="10"))
    api.watches.append(stream(*changes, bookmark(20), then="hang"))
    with source(api, journal, versions=versions):
        eventually(lambda: versions.get("uid-a") == Seen(1, "13"))
    assert journal.told() == [("upsert", "a", "11")]


def test_what_people_change_is_an_event(api: ScriptedApi, journal: Journal) -> None:
    api.lists.append(listing(version="10"))
    changes = [
        added(intent("a", 11)),
        modified(intent("a", 12, generation=2)),
        modified(intent("a", 13, generation=2, labels={"team": "core"})),
        modified(intent("a", 14, generation=2, labels={"team": "core"}, deletionTimestamp="now")),
        deleted(intent("a", 15, generation=2)),
    ]
    for change in changes[:-1]:
        api.watches.append(stream(change))
    api.watches.append(stream(changes[-1], then="hang"))
    with source(api, journal):
        eventually(lambda: len(journal.events) == 5)
    assert journal.told() == [
        ("upsert", "a", "11"),
        ("upsert", "a", "12"),
        ("upsert", "a", "13"),
        ("upsert", "a", "14"),
        ("delete", "a", "15"),
    ]


def test_what_came_together_is_kept_together(api: ScriptedApi, journal: Journal) -> None:
    api.lists.append(listing(version="10"))
    api.watches.append(stream(*(added(intent(f"a{n}", 11 + n)) for n in range(50)), then="hang"))
    with source(api, journal):
        eventually(lambda: len(journal.events) == 50)
    assert len(journal.batches) <= 3


def test_what_was_not_kept_does_not_count_as_seen(api: ScriptedApi, journal: Journal) -> None:
    journal.failures = 1
    api.lists.extend([listing(intent("a", 7)), listing(intent("a", 7))])
    with source(api, journal) as found:
        assert found.synced.wait(60)
    assert journal.told() == [("upsert", "a", "7")]


def test_a_deletion_that_was_missed_is_found_by_comparing(api: ScriptedApi, journal: Journal) -> None:
    journal.intents = [("core", "a", "uid-a"), ("core", "b", "uid-b"), ("edge", "c", "uid-c")]
    api.lists.append(listing(intent("a", 7)))
    with source(api, journal, namespaces=("core",)) as found:
        assert found.synced.wait(60)
    assert [(event.kind.value, event.name, event.uid) for event in journal.events] == [
        ("upsert", "a", "uid-a"),
        ("delete", "b", "uid-b"),
    ]


def test_what_a_list_lacks_is_forgotten(api: ScriptedApi, journal: Journal) -> None:
    versions = Versions()
    api.lists.extend([listing(intent("a", 7), intent("b", 8)), listing(intent("a", 7), version="200")])
    api.watches.append(stream(error(410)))
    with source(api, journal, versions=versions):
        eventually(lambda: versions.get("uid-b") is None and len(api.asked("watch")) == 2)
    assert versions.get("uid-a") == Seen(1, "7")


def test_an_intent_made_again_while_nobody_looked_is_another_one(api: ScriptedApi, journal: Journal) -> None:
    api.lists.extend([listing(intent("a", 7, generation=4)), listing(intent("a", 30, uid="new"))])
    api.watches.append(stream(error(410)))
    journal.intents = [("core", "a", "uid-a")]
    with source(api, journal):
        eventually(lambda: len(journal.events) == 2)
    assert [(event.kind.value, event.uid) for event in journal.events] == [
        ("upsert", "uid-a"),
        ("upsert", "new"),
    ]
    assert journal.bodies()[1]["metadata"]["generation"] == 1


def test_an_object_of_an_older_definition_is_malformed_not_fatal(api: ScriptedApi, journal: Journal) -> None:
    broken = intent("a", 7)
    broken["spec"] = {"intent": "scale amf to 5", "priority": 99, "constraints": {"maxReplica": 3}}
    without = intent("b", 8)
    del without["spec"]
    api.lists.append(listing(broken, without, intent("c", 9)))
    with source(api, journal) as found:
        assert found.synced.wait(60)
    assert [(event.kind.value, event.name) for event in journal.events] == [
        ("malformed", "a"),
        ("malformed", "b"),
        ("upsert", "c"),
    ]
    first, second, _ = journal.bodies()
    assert first["problem"] == (
        "spec.priority: Input should be less than or equal to 10; "
        "spec.constraints.maxReplica: unknown field 'maxReplica'; did you mean 'maxReplicas'?"
    )
    assert first["metadata"]["generation"] == 1
    assert second["problem"] == "spec.intent: the field 'intent' is missing"


def test_a_status_comes_along_also_where_it_speaks_of_an_older_generation(
    api: ScriptedApi, journal: Journal
) -> None:
    current = intent("a", 7, generation=2) | {"status": {"observedGeneration": 2, "phase": "Completed"}}
    older = intent("b", 8, generation=2) | {"status": {"observedGeneration": 1, "phase": "Completed"}}
    api.lists.append(listing(current, older))
    with source(api, journal) as found:
        assert found.synced.wait(60)
    told = [body["status"]["observedGeneration"] for body in journal.bodies()]
    assert told == [2, 1]


def test_it_is_told_when_the_spec_was_last_written(api: ScriptedApi, journal: Journal) -> None:
    made = intent("a", 7)
    made["metadata"] |= {
        "creationTimestamp": "2026-01-05T10:00:00Z",
        "managedFields": [
            {"time": "2026-01-05T10:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"time": "2026-01-05T11:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"time": "2026-01-05T12:00:00Z", "fieldsV1": {"f:metadata": {}}},
            {"time": "2026-01-05T13:00:00Z", "fieldsV1": {"f:status": {}}, "subresource": "status"},
        ],
    }
    api.lists.append(listing(made))
    with source(api, journal) as found:
        assert found.synced.wait(60)
    assert journal.bodies()[0]["metadata"]["statedAt"] == datetime(2026, 1, 5, 11, tzinfo=UTC).timestamp()


def test_each_namespace_is_followed_by_itself(api: ScriptedApi, journal: Journal) -> None:
    api.lists.extend([listing(version="10"), listing(version="20")])
    with source(api, journal, namespaces=("core", "edge", "core")) as found:
        assert found.synced.wait(60)
        eventually(lambda: len(api.asked("watch")) == 2)
        assert journal.versions.keys() == {"core", "edge"}
    assert sorted(request.path.split("/")[5] for request in api.asked("watch")) == ["core", "edge"]


def test_a_source_goes_on_from_the_version_that_was_kept(api: ScriptedApi, journal: Journal) -> None:
    journal.versions = {"": "77"}
    api.watches.append(stream(added(intent("a", 78)), then="hang"))
    with source(api, journal):
        eventually(lambda: journal.events)
    assert api.asked("list") == []
    assert api.asked("watch")[0].query["resourceVersion"] == "77"
    assert api.asked("watch")[0].path == "/apis/nephoran.com/v1/networkintents"


def test_a_server_that_was_restored_is_believed(api: ScriptedApi, journal: Journal) -> None:
    versions = Versions()
    api.lists.extend([listing(intent("a", 500, generation=2)), listing(intent("a", 300), version="310")])
    api.watches.append(stream(bookmark(600), error(500)))
    api.probes.append(listing(version="310"))
    with source(api, journal, versions=versions):
        eventually(lambda: len(journal.events) == 2)
        assert versions.get("uid-a") == Seen(1, "300")
    assert journal.told() == [("upsert", "a", "500"), ("upsert", "a", "300")]


def test_trouble_is_told_while_it_lasts(
    api: ScriptedApi, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    api.lists.extend([status(403, "networkintents is forbidden")] * 3 + [listing()])
    client = client_of(api)
    found = KubernetesSource(client, INTENTS, journal, Versions())
    found.start()
    eventually(lambda: client.health.problems)
    assert "networkintents is forbidden" in client.health.problems["watch"]
    assert not found.synced.is_set()
    eventually(found.synced.is_set)
    found.stop(5)
    assert client.health.problems == {}
    assert client.health.failures == {("watch", "ForbiddenError"): 3}
    assert sum("is forbidden; trying again" in record.message for record in caplog.records) == 1
