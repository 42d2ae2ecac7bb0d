"""Intents, readings, decisions, owners, packages, meta and history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from store import Intent, Store, Work, audit, decisions, history, intents, meta, owners, packages, readings
from store.decisions import Decision
from store.owners import OwnedField, Owner
from store.packages import Revision

INTENT = Intent("ns", "amf", "uid-1", 3, "hash", '{"spec": {}}', "amf.yaml", 100.0)
OWNER = Owner("uid-1", "ns", "amf", 1, 7)
REVISION = Revision("edge", "ns-amf", "cw-1", "", "Draft", "edge.ns-amf.cw-1", 7, "key-1", 100.0)


def test_an_intent_is_known_as_it_was_last_seen(store: Store) -> None:
    assert store.read(lambda reader: intents.get(reader, "ns", "amf")) is None
    for intent in (INTENT, replace(INTENT, generation=4, updated_at=200.0)):
        store.write(lambda tx, seen=intent: intents.put(tx, seen)).result()
        assert store.read(lambda reader: intents.get(reader, "ns", "amf")) == intent


def test_a_deleted_intent_is_remembered_as_such(store: Store) -> None:
    store.write(lambda tx: intents.put(tx, INTENT)).result()
    assert store.write(lambda tx: intents.mark_deleted(tx, "ns", "amf", "uid-1", at=200.0)).result()
    assert store.read(lambda reader: intents.get(reader, "ns", "amf")) == replace(INTENT, deleted_at=200.0)
    assert not store.write(lambda tx: intents.mark_deleted(tx, "ns", "amf", "uid-1", at=300.0)).result()


def test_a_late_deletion_does_not_touch_the_intent_that_took_the_name(store: Store) -> None:
    store.write(lambda tx: intents.put(tx, replace(INTENT, uid="uid-2"))).result()
    assert not store.write(lambda tx: intents.mark_deleted(tx, "ns", "amf", "uid-1", at=200.0)).result()
    assert store.read(lambda reader: intents.get(reader, "ns", "amf")) == replace(INTENT, uid="uid-2")


def test_intents_are_listed_by_page(store: Store) -> None:
    names = [("a", "x"), ("a", "y"), ("b", "a"), ("b", "z")]
    for namespace, name in names:
        intent = replace(INTENT, namespace=namespace, name=name, uid=namespace + name)
        store.write(lambda tx, seen=intent: intents.put(tx, seen)).result()
    store.write(lambda tx: intents.mark_deleted(tx, "a", "y", "ay", at=200.0)).result()

    def page(**options: object) -> list[tuple[str, str]]:
        found = store.read(lambda reader: intents.page(reader, 2, **options))
        return [(intent.namespace, intent.name) for intent in found]

    assert page() == [("a", "x"), ("b", "a")]
    assert page(after=("b", "a")) == [("b", "z")]
    assert page(deleted=True) == [("a", "x"), ("a", "y")]


def test_a_reading_holds_for_its_grammar(store: Store) -> None:
    store.write(lambda tx: readings.put(tx, "text", "grammar-1", '{"n": 1}', now=1.0)).result()
    store.write(lambda tx: readings.put(tx, "text", "grammar-1", '{"n": 2}', now=2.0)).result()
    assert store.read(lambda reader: readings.get(reader, "text", "grammar-1")) == '{"n": 2}'
    assert store.read(lambda reader: readings.get(reader, "text", "grammar-2")) is None


def test_readings_by_other_grammars_are_forgotten_bit_by_bit(store: Store) -> None:
    for n in range(5):
        store.write(lambda tx, n=n: readings.put(tx, f"text-{n}", "old", "{}", now=1.0)).result()
    store.write(lambda tx: readings.put(tx, "text", "new", "{}", now=1.0)).result()
    dropped = [
        store.write(lambda tx: readings.forget_other_grammars(tx, "new", limit=3)).result() for _ in range(3)
    ]
    assert dropped == [3, 2, 0]
    assert store.read(lambda reader: readings.get(reader, "text", "new")) == "{}"


def decision(work: Work, number: int) -> Decision:
    return Decision(work.id, "refuse", "RuleRefused", "default/cap", f"rules-{number}", "{}", float(number))


def test_the_latest_decision_is_in_force_and_the_earlier_are_kept(
    store: Store, see: Callable[..., Work]
) -> None:
    seen = see()
    assert store.read(lambda reader: decisions.latest(reader, seen.id)) is None
    for number in (1, 2, 3):
        store.write(lambda tx, n=number: decisions.append(tx, decision(seen, n))).result()
    assert store.read(lambda reader: decisions.latest(reader, seen.id)) == decision(seen, 3)
    listed = store.read(lambda reader: decisions.of_work(reader, seen.id, limit=2))
    assert listed == [decision(seen, 3), decision(seen, 2)]


def test_a_decision_is_about_work_that_is_there(store: Store, see: Callable[..., Work]) -> None:
    orphan = replace(decision(see(), 1), work_id=404)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        store.write(lambda tx: decisions.append(tx, orphan)).result()


def test_a_field_goes_to_who_takes_it_last_and_the_loser_is_named(store: Store) -> None:
    fields = ["Deployment/amf:spec.replicas", "Deployment/amf:spec.template"]
    newer = Owner("uid-2", "ns", "amf-again", 1, 8)
    assert store.write(lambda tx: owners.take(tx, "ns", "amf", fields, OWNER)).result() == []
    lost = store.write(lambda tx: owners.take(tx, "ns", "amf", fields[:1], newer)).result()
    assert lost == [OwnedField("ns", "amf", fields[0], OWNER)]
    held = store.read(lambda reader: owners.of_target(reader, "ns", "amf"))
    assert [(field.field, field.owner) for field in held] == [(fields[0], newer), (fields[1], OWNER)]


def test_taking_again_what_is_ones_own_takes_it_from_nobody(store: Store) -> None:
    later = replace(OWNER, generation=2, work_id=9)
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["f"], OWNER)).result()
    assert store.write(lambda tx: owners.take(tx, "ns", "amf", ["f"], later)).result() == []
    owned = store.read(lambda reader: owners.of_intent(reader, "uid-1"))
    assert owned == [OwnedField("ns", "amf", "f", later)]


def test_releasing_takes_all_fields_of_one_intent_only(store: Store) -> None:
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["f", "g"], OWNER)).result()
    store.write(lambda tx: owners.take(tx, "ns", "smf", ["f"], replace(OWNER, uid="uid-2"))).result()
    assert store.write(lambda tx: len(owners.release(tx, "uid-1"))).result() == 2
    assert store.read(lambda reader: owners.of_intent(reader, "uid-1")) == []
    assert len(store.read(lambda reader: owners.of_intent(reader, "uid-2"))) == 1


def test_who_lost_a_field_is_known_until_it_has_it_again(store: Store) -> None:
    newer = Owner("uid-2", "ns", "amf-again", 1, 8)
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["f", "g"], OWNER)).result()
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["f", "g"], newer)).result()
    freed = store.write(lambda tx: owners.release(tx, "uid-2")).result()
    (loser,) = store.read(lambda reader: owners.losers(reader, freed))
    assert loser == owners.Loser(OWNER.uid, OWNER.intent_namespace, OWNER.intent_name, ("f", "g"))
    store.write(lambda tx: owners.take(tx, "ns", "amf", ["f"], OWNER)).result()
    assert store.read(lambda reader: owners.losers(reader, freed))[0].fields == ("g",)
    store.write(lambda tx: owners.release(tx, OWNER.uid)).result()
    assert store.read(lambda reader: owners.losers(reader, freed)) == []


def test_a_revision_is_known_by_package_work_and_effect(store: Store) -> None:
    store.write(lambda tx: packages.put(tx, REVISION)).result()
    assert store.read(lambda reader: packages.of_work(reader, 7)) == [REVISION]
    assert store.read(lambda reader: packages.of_effect(reader, "key-1")) == [REVISION]
    assert store.read(lambda reader: packages.of_effect(reader, "key-2")) == []


def test_what_becomes_of_a_revision_changes_it_and_keeps_when_it_was_written(store: Store) -> None:
    published = replace(REVISION, lifecycle="Published", revision="v1", created_at=900.0)
    newer = replace(REVISION, workspace="cw-2", created_at=200.0)
    for revision in (REVISION, newer, published):
        store.write(lambda tx, written=revision: packages.put(tx, written)).result()
    found = store.read(lambda reader: packages.of_package(reader, "edge", "ns-amf", limit=5))
    assert found == [newer, replace(published, created_at=100.0)]


def test_a_counter_never_gives_a_number_twice(store: Store) -> None:
    futures = [store.write(lambda tx: meta.count(tx, "fence")) for _ in range(50)]
    assert [future.result() for future in futures] == list(range(1, 51))
    assert store.write(lambda tx: meta.count(tx, "fence", by=10)).result() == 60


def test_a_default_is_set_once(store: Store) -> None:
    assert store.write(lambda tx: meta.setdefault(tx, "name", "first")).result() == "first"
    assert store.write(lambda tx: meta.setdefault(tx, "name", "second")).result() == "first"


def test_the_history_of_an_intent_is_newest_first_and_bounded(store: Store, see: Callable[..., Work]) -> None:
    generations = [see(generation=n) for n in (1, 2, 3)]
    see("smf")
    for number, seen in enumerate(generations):
        store.write(lambda tx, n=number, w=seen: decisions.append(tx, decision(w, n))).result()
        entry = audit.Entry(100.0, "Decided", "ns", "amf", "uid-amf", seen.generation, "", "{}")
        store.write(lambda tx, e=entry: audit.append(tx, e)).result()
    past = store.read(lambda reader: history.of_intent(reader, "ns", "amf", limit=2))
    assert [work.generation for work in past.generations] == [3, 2]
    assert [decision.work_id for decision in past.decisions] == [generations[2].id, generations[1].id]
    assert [record.entry.generation for record in past.audit] == [3, 2]
