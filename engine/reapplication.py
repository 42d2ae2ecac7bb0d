"""What is done decided anew, each as a new effect: by other rules, or because a newer wish has gone.

An effect happens at most once for its key, so a reapplication brings a component of its own to it: the hash
of the audit record that asks for it. The actions stay as they were first resolved, so that "double" counts
once. Both are kept with the intent and hold for every later generation of the same wish (docs/adr/0009).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine import report
from engine.identity import canonical_json
from engine.reasons import Reason
from engine.status import ready_reason, timestamp
from store import Reader, State, Transaction, Work, audit, decisions, intents, owners, work
from store.owners import OwnedField

_REMEMBERED = 100
"""How many generations of an intent are looked through for the one that its wish was decided in."""


@dataclass(frozen=True, slots=True)
class Reapplied:
    """How a wish is to be decided anew.

    Attributes:
        key: its component of the effect key; empty where the wish was never reapplied.
        generation: the one that was taken back; none before it says that the wish is done.
        actions: as they were first resolved, by the contract.
    """

    key: str = ""
    generation: int = 0
    actions: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Reapplied:
        """Reads it from the stored body of an intent."""
        kept = body.get("reapplied")
        return cls(kept["key"], kept["generation"], tuple(kept["actions"])) if kept else cls()


def decision_of_wish(reader: Reader, item: Work) -> dict[str, Any]:
    """Returns the last decision that rules made of what a generation wishes, in it or in an earlier one.

    A generation that wishes what the one before it has got is not decided itself. Empty where there is none.
    """
    for one in work.generations(reader, item.namespace, item.name, limit=_REMEMBERED):
        if one.id > item.id or (one.uid, one.spec_hash) != (item.uid, item.spec_hash):
            continue
        stored = decisions.latest(reader, one.id)
        body: dict[str, Any] = json.loads(stored.body) if stored is not None else {}
        if "decision" in body:
            return body
    return {}


def reapply(tx: Transaction, item: Work, said: Mapping[str, Any], *, at: float, now: float) -> bool:
    """Has what is done, or was superseded, decided anew at a time; its last decision tells the actions.

    Args:
        tx: the transaction.
        item: the newest generation of an intent, as it is.
        said: why and by whom, for the audit record.
        at: when, in seconds since 1970.
        now: the time.

    Returns:
        False, and nothing is changed, where the intent has moved on or its actions are not known any more.

    Raises:
        StaleTransition: the generation is not done.
    """
    known = intents.get(tx, item.namespace, item.name)
    decided = decision_of_wish(tx, item)
    if known is None or (known.uid, known.generation) != (item.uid, item.generation) or not decided:
        return False
    body = json.loads(known.body)
    about = (item.namespace, item.name, item.uid, item.generation)
    record = audit.append(
        tx, audit.Entry(now, "Reapplied", *about, item.trace_id or "", canonical_json(dict(said)))
    )
    kept = {
        "key": record.hash,
        "generation": item.generation,
        "actions": Reapplied.of(body).actions or decided["snapshot"]["actions"],
    }
    intents.put(tx, replace(known, body=canonical_json({**body, "reapplied": kept}), updated_at=at))
    reason, message = Reason.RATE_LIMITED.value, f"is decided anew at {timestamp(at)}"
    work.reapply(tx, item, reason=reason, message=message, at=at, now=now)
    return True


def give_back(tx: Transaction, freed: Iterable[OwnedField], *, by: str, now: float) -> None:
    """Has looked at again what lost one of some fields that nobody decides any more.

    Args:
        tx: the transaction.
        freed: the fields.
        by: the intent that has let them go, as "namespace/name".
        now: the time.
    """
    for loser in owners.losers(tx, freed):
        item = work.current(tx, loser.namespace, loser.name)
        if item is None or item.uid != loser.uid or not _superseded(tx, item):
            continue
        said = {"why": f"{by} lets go of {', '.join(loser.fields)}", "was": Reason.SUPERSEDED.value}
        reapply(tx, item, said, at=now, now=now)


def _superseded(reader: Reader, item: Work) -> bool:
    """Tells whether a generation ended because others decide its fields, or was told so since."""
    if item.state is State.TERMINAL:
        return item.reason == Reason.SUPERSEDED.value
    status = report.status_of(reader, item.uid) or {}
    return item.state is State.CONFIRMED and ready_reason(status) == Reason.SUPERSEDED.value
