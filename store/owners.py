"""Which intent owns a field of a target: the one that wrote it last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from store.connection import Reader, Transaction


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


_TAKE = """
INSERT INTO owners (namespace, target, field, uid, intent_namespace, intent_name, generation, work_id)
VALUES (:namespace, :target, :field, :uid, :intent_namespace, :intent_name, :generation, :work_id)
ON CONFLICT (namespace, target, field) DO UPDATE SET
    uid = excluded.uid, intent_namespace = excluded.intent_namespace, intent_name = excluded.intent_name,
    generation = excluded.generation, work_id = excluded.work_id
"""
_CARRY = "UPDATE owners SET generation = :generation, work_id = :work_id WHERE uid = :uid"
_DROP = "DELETE FROM owners WHERE namespace = :namespace AND target = :target AND field = :field"
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
        What other intents lost by it, with the owner of before.
    """
    lost = []
    for field in fields:
        place = {"namespace": namespace, "target": target, "field": field}
        before = tx.row(_OF_FIELD, place)
        if before is not None and before["uid"] != owner.uid:
            lost.append(OwnedField(namespace, target, field, Owner(**before)))
        tx.execute(_TAKE, {**place, **asdict(owner)})
    return lost


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


def release(tx: Transaction, uid: str) -> int:
    """Takes every field from an intent, and returns how many it had."""
    return tx.execute("DELETE FROM owners WHERE uid = :uid", {"uid": uid})


def _read(reader: Reader, sql: str, parameters: dict[str, str]) -> list[OwnedField]:
    fields = []
    for row in reader.rows(sql, parameters):
        values = dict(row)
        place = (values.pop("namespace"), values.pop("target"), values.pop("field"))
        fields.append(OwnedField(*place, Owner(**values)))
    return fields
