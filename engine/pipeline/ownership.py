"""Which intent decides a field: the newest that wishes it, whatever the order in which they are decided.

A wish is as old as its generation's number in the store, which counts in the order of being seen. So an older
one that was held, refused for a while or tried again never undoes a newer one (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.krm import Plan
from store import Reader, Transaction, owners
from store.owners import OwnedField, Owner
from store.work import Work


def newer_owner(reader: Reader, item: Work, plan: Plan) -> str:
    """Returns the newer intent, as "namespace/name", that decides a field of the plan; empty for none."""
    for owned in _owned(reader, plan):
        if owned.owner.uid != item.uid and owned.owner.work_id > item.id:
            return f"{owned.owner.intent_namespace}/{owned.owner.intent_name}"
    return ""


def other_owners(reader: Reader, item: Work, plan: Plan) -> dict[str, str]:
    """Returns the fields of the plan that other intents decide by now, and which."""
    return {
        owned.field: f"{owned.owner.intent_namespace}/{owned.owner.intent_name}"
        for owned in _owned(reader, plan)
        if owned.owner.uid != item.uid
    }


def take(tx: Transaction, item: Work, plan: Plan) -> list[OwnedField]:
    """Gives an intent the fields of its plan, and frees those that it wished before and does not any more.

    Returns:
        What other intents lost by it.
    """
    owner = Owner(item.uid, item.namespace, item.name, item.generation, item.id)
    lost: list[OwnedField] = []
    for change in plan.packages:
        lost += owners.take(tx, change.namespace, change.target, change.fields, owner)
    owners.drop(tx, [owned for owned in owners.of_intent(tx, item.uid) if owned.owner.work_id != item.id])
    return lost


def _owned(reader: Reader, plan: Plan) -> Iterator[OwnedField]:
    for change in plan.packages:
        for owned in owners.of_target(reader, change.namespace, change.target):
            if owned.field in change.fields:
                yield owned
