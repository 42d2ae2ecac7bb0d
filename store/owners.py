"""Which intent owns a field of a target, and which ones wished it and lost it to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from store.connection import Parameters, Reader, Transaction, columns


@dataclass(frozen=True, slots=True)
class Owner:
    """The intent that owns a field, by one of its generations.

    Attributes:
        uid, intent_namespace, intent_name, generation: of the intent.
        work_id: its work.
    """

    uid: str
    intent_namespace: str
    intent_name: str
    generation: int
    work_id: int


@dataclass(frozen=True, slots=True)
class OwnedField:
    """A field of a target and its owner.

    Attributes:
        namespace, target: the target.
        field: the path of the field, such as `Deployment/amf:spec.replicas`.
        owner: whose it is.
    """

    namespace: str
    target: str
    field: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Loser:
    """An intent that wished fields which others own, or owned when it last looked."""

    uid: str
    namespace: str
    name: str
    fields: tuple[str, ...]


_TAKE = """
INSERT INTO owners (namespace, target, field, uid, intent_namespace, intent_name, generation, work_id)
VALUES (:namespace, :target, :field, :uid, :intent_namespace, :intent_name, :generation, :work_id)
ON CONFLICT (namespace, target, field) DO UPDATE SET
    uid = excluded.uid, intent_namespace = excluded.intent_namespace, intent_name = excluded.intent_name,
    generation = excluded.generation, work_id = excluded.work_id
"""
_CARRY = "UPDATE owners SET generation = :generation, work_id = :work_id WHERE uid = :uid"
_DROP = "DELETE FROM owners WHERE namespace = :namespace AND target = :target AND field = :field"
_LOSE = """
INSERT OR REPLACE INTO lost_fields (namespace, target, field, uid, intent_namespace, intent_name)
VALUES (:namespace, :target, :field, :uid, :intent_namespace, :intent_name)
"""
_REGAIN = """
DELETE FROM lost_fields
WHERE namespace = :namespace AND target = :target AND field = :field AND uid = :uid
"""
_LOSERS = """
SELECT uid, intent_namespace, intent_name FROM lost_fields
WHERE namespace = :namespace AND target = :target AND field = :field ORDER BY uid
"""
_OF_FIELD = """
SELECT uid, intent_namespace, intent_name, generation, work_id FROM owners
WHERE namespace = :namespace AND target = :target AND field = :field
"""
_OF_TARGET = "SELECT * FROM owners WHERE namespace = :namespace AND target = :target ORDER BY field"
_OF_INTENT = "SELECT * FROM owners WHERE uid = :uid ORDER BY namespace, target, field"


def take(
    tx: Transaction, namespace: str, target: str, fields: Iterable[str], owner: Owner
) -> list[OwnedField]:
    """Gives fields of a target to an intent.

    Returns:
        What other intents lost by it, with the owner of before. They are remembered as its losers.
    """
    lost: list[OwnedField] = []
    for field in fields:
        place = {"namespace": namespace, "target": target, "field": field}
        before = tx.row(_OF_FIELD, place)
        if before is not None and before["uid"] != owner.uid:
            lost.append(OwnedField(namespace, target, field, Owner(**before)))
        tx.execute(_TAKE, {**place, **columns(owner)})
        tx.execute(_REGAIN, {**place, "uid": owner.uid})
    for each in lost:
        lose(tx, [each], each.owner)
    return lost


def lose(tx: Transaction, owned: Iterable[OwnedField], loser: Owner) -> None:
    """Remembers that an intent wished fields that others own."""
    for each in owned:
        values: Parameters = {
            "namespace": each.namespace, "target": each.target, "field": each.field, "uid": loser.uid,
            "intent_namespace": loser.intent_namespace, "intent_name": loser.intent_name,
        }  # fmt: skip
        tx.execute(_LOSE, values)


def losers(reader: Reader, owned: Iterable[OwnedField]) -> list[Loser]:
    """Lists the intents that wished one of some fields and lost it, each with those of the fields."""
    found: dict[str, Loser] = {}
    for each in owned:
        place = {"namespace": each.namespace, "target": each.target, "field": each.field}
        for row in reader.rows(_LOSERS, place):
            fields = found[row["uid"]].fields if row["uid"] in found else ()
            name = (row["intent_namespace"], row["intent_name"])
            found[row["uid"]] = Loser(row["uid"], *name, (*fields, each.field))
    return list(found.values())


def of_target(reader: Reader, namespace: str, target: str) -> list[OwnedField]:
    """Lists the owned fields of a target."""
    return _read(reader, _OF_TARGET, {"namespace": namespace, "target": target})


def of_intent(reader: Reader, uid: str) -> list[OwnedField]:
    """Lists the fields that an intent owns."""
    return _read(reader, _OF_INTENT, {"uid": uid})


def carry(tx: Transaction, uid: str, *, generation: int, work_id: int) -> int:
    """Has a newer generation of an intent own what an older one owned; returns how many fields that are."""
    return tx.execute(_CARRY, {"uid": uid, "generation": generation, "work_id": work_id})


def drop(tx: Transaction, owned: Iterable[OwnedField]) -> None:
    """Takes single fields from whoever owns them."""
    for item in owned:
        tx.execute(_DROP, {"namespace": item.namespace, "target": item.target, "field": item.field})


def release(tx: Transaction, uid: str) -> list[OwnedField]:
    """Takes every field from an intent, forgets what it lost, and returns what it had."""
    had = of_intent(tx, uid)
    tx.execute("DELETE FROM owners WHERE uid = :uid", {"uid": uid})
    tx.execute("DELETE FROM lost_fields WHERE uid = :uid", {"uid": uid})
    return had


def _read(reader: Reader, sql: str, parameters: dict[str, str]) -> list[OwnedField]:
    fields = []
    for row in reader.rows(sql, parameters):
        values = dict(row)
        place = (values.pop("namespace"), values.pop("target"), values.pop("field"))
        fields.append(OwnedField(*place, Owner(**values)))
    return fields
