"""Which intent decides a field: the newest that wishes it, whatever the order in which they are decided.

A wish is as old as its generation's number in the store, which counts in the order of being seen. So an older
one that was held, refused for a while or tried again never undoes a newer one (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.krm import Plan
from store import Reader, Transaction, owners
from store.owners import OwnedField, Owner
from store.work import Work


@dataclass(frozen=True, slots=True)
class Taken:
    """What changed hands when an intent took its fields.

    Attributes:
        lost: what other intents had.
        freed: what it had itself and does not wish any more.
    """

    lost: list[OwnedField]
    freed: list[OwnedField]


def newer_owner(tx: Transaction, item: Work, plan: Plan) -> str:
    """Returns the newer intent, as "namespace/name", that decides a field of the plan; empty for none.

    That the plan was late for the field is remembered, for when it is free again.
    """
    newer = [
        owned for owned in _owned(tx, plan) if owned.owner.uid != item.uid and owned.owner.work_id > item.id
    ]
    owners.lose(tx, newer, _owner(item))
    return f"{newer[0].owner.intent_namespace}/{newer[0].owner.intent_name}" if newer else ""


def other_owners(reader: Reader, item: Work, plan: Plan) -> dict[str, str]:
    """Returns the fields of the plan that other intents decide by now, and which."""
    return {
        owned.field: f"{owned.owner.intent_namespace}/{owned.owner.intent_name}"
        for owned in _owned(reader, plan)
        if owned.owner.uid != item.uid
    }


def take(tx: Transaction, item: Work, plan: Plan) -> Taken:
    """Gives an intent the fields of its plan, and frees those that it wished before and does not any more."""
    wished = {(change.namespace, change.target, field) for change in plan.packages for field in change.fields}
    had = owners.of_intent(tx, item.uid)
    lost: list[OwnedField] = []
    for change in plan.packages:
        lost += owners.take(tx, change.namespace, change.target, change.fields, _owner(item))
    freed = [owned for owned in had if (owned.namespace, owned.target, owned.field) not in wished]
    owners.drop(tx, freed)
    return Taken(lost, freed)


def _owner(item: Work) -> Owner:
    return Owner(item.uid, item.namespace, item.name, item.generation, item.id)


def _owned(reader: Reader, plan: Plan) -> Iterator[OwnedField]:
    for change in plan.packages:
        for owned in owners.of_target(reader, change.namespace, change.target):
            if owned.field in change.fields:
                yield owned
