"""What the store knows of an intent before a generation of it is looked at: one read, then pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rules
from engine import report
from engine.krm import Plan
from engine.network_intent import intent_of
from engine.pipeline import ownership
from engine.reapplication import Reapplied
from engine.reasons import Reason
from engine.reconcile import Standing
from engine.settings import PausedSettings, Switches, fits
from engine.status import ready_reason
from store import Reader, approvals, decisions, intents, work
from store.work import State, Work

_REMEMBERED = 20
"""How many generations of an intent a decision can look back."""


@dataclass(frozen=True, slots=True)
class Background:
    """What is known of an intent.

    Attributes:
        body: as it was taken up.
        origin: where it came from.
        generations: the last ones, the newest first, the one that is looked at among them.
        approved: somebody has approved the wish that is looked at.
        status: as it was reported last; empty where it never was.
        taken: which intent decides by now what it has written, by field; of others nothing is told.
    """

    body: Mapping[str, Any]
    origin: str
    generations: Sequence[Work]
    approved: bool
    status: Mapping[str, Any]
    taken: Mapping[str, str]


def background_of(reader: Reader, item: Work) -> Background | None:
    """Looks up what is known of the intent of a generation; None where nobody knows it."""
    intent = intents.get(reader, item.namespace, item.name)
    if intent is None:
        return None
    body = json.loads(intent.body)
    generations = work.generations(reader, item.namespace, item.name, limit=_REMEMBERED)
    return Background(
        body=body,
        origin=intent.origin,
        generations=generations,
        approved=approvals.of(reader, item.uid, item.spec_hash) is not None,
        status=(report.status_of(reader, item.uid) or {}) if len(generations) > 1 else {},
        taken=_taken(reader, item, _confirmed(generations, item, _wish(body))),
    )


def standing_of(known: Background, item: Work, switches: Switches) -> Standing:
    """Returns how a generation stands before it is looked at."""
    body = known.body
    if "problem" in body:
        return Standing(None, problem=str(body["problem"]))
    intent = intent_of(body, uid=item.uid, generation=item.generation, origin=known.origin)
    confirmed = bool(_confirmed(known.generations, item, _wish(body)))
    return Standing(
        intent,
        existing=body.get("existing", False) or _adopted(known.generations, item, body["wish"]),
        paused=paused_by(switches.paused, intent.namespace),
        confirmed=confirmed,
        superseded=_superseded(known) if confirmed else "",
        shadow=fits(switches.shadow.namespaces, intent.namespace),
        resolved=Reapplied.of(body).actions,
        approved=known.approved,
    )


def history_of(known: Background, item: Work) -> rules.History:
    """Returns what became of the generations before, as rules are told it."""
    others = [other for other in known.generations if other.id != item.id]
    completed = [other.updated_at for other in others if other.state is State.CONFIRMED]
    return rules.History(
        attempts=item.attempts,
        generations=len(others),
        last_phase=report.last_phase(others),
        last_completed_at=datetime.fromtimestamp(max(completed), UTC) if completed else None,
    )


def paused_by(paused: PausedSettings, namespace: str) -> str:
    """Says which setting pauses the intents of a namespace; empty where none does."""
    if paused.everything:
        return "the settings pause every intent (paused.everything)"
    if namespace in paused.namespaces:
        return f"the settings pause the namespace {namespace} (paused.namespaces)"
    return ""


def _wish(body: Mapping[str, Any]) -> int:
    """Returns the first generation that counts: the one that wished it first, or was taken back last."""
    return max(int(body["wish"]), Reapplied.of(body).generation)


def _superseded(known: Background) -> str:
    """Says which intent decides the fields of one that took effect; empty where none does.

    Told by the status as long as that is the last word on it, and else by what it had written.
    """
    if ready_reason(known.status) == Reason.SUPERSEDED.value:
        return str(known.status.get("lastMessage", ""))
    by = ", ".join(sorted(set(known.taken.values())))
    return report.taken_over(known.taken, by) if by else ""


def _taken(reader: Reader, item: Work, confirmed: Sequence[Work]) -> Mapping[str, str]:
    """Returns which intent decides what the last of some generations has written, by field."""
    for written in confirmed:
        decision = decisions.latest(reader, written.id)
        plan = json.loads(decision.body).get("plan") if decision is not None else None
        if plan is not None and plan["packages"]:
            return ownership.other_owners(reader, item, Plan.from_json(plan))
    return {}


def _confirmed(generations: Sequence[Work], item: Work, wish: int) -> list[Work]:
    """Lists the generations before this one that wished the same and took effect, the newest first."""
    return [
        other
        for other in _same_wish(generations, item, wish)
        if other.state is State.CONFIRMED and other.reason not in (Reason.DRY_RUN.value, Reason.ADOPTED.value)
    ]


def _adopted(generations: Sequence[Work], item: Work, wish: int) -> bool:
    """Whether an earlier generation of the same wish was adopted; a store that was lost knows no more."""
    return any(other.reason == Reason.ADOPTED.value for other in _same_wish(generations, item, wish))


def _same_wish(generations: Sequence[Work], item: Work, wish: int) -> list[Work]:
    """Lists the generations before this one that wished the same, the newest first."""
    return [
        other for other in generations if other.uid == item.uid and wish <= other.generation < item.generation
    ]
