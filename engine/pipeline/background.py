"""What the store knows of an intent before a generation of it is looked at: one read, then pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rules
from engine import report
from engine.network_intent import intent_of
from engine.reapplication import Reapplied
from engine.reasons import Reason
from engine.reconcile import Standing
from engine.settings import PausedSettings, Switches, fits
from engine.status import ready_reason
from store import Reader, approvals, intents, work
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
    """

    body: Mapping[str, Any]
    origin: str
    generations: Sequence[Work]
    approved: bool
    status: Mapping[str, Any]


def background_of(reader: Reader, item: Work) -> Background | None:
    """Looks up what is known of the intent of a generation; None where nobody knows it."""
    intent = intents.get(reader, item.namespace, item.name)
    if intent is None:
        return None
    generations = work.generations(reader, item.namespace, item.name, limit=_REMEMBERED)
    return Background(
        body=json.loads(intent.body),
        origin=intent.origin,
        generations=generations,
        approved=approvals.of(reader, item.uid, item.spec_hash) is not None,
        status=(report.status_of(reader, item.uid) or {}) if len(generations) > 1 else {},
    )


def standing_of(known: Background, item: Work, switches: Switches) -> Standing:
    """Returns how a generation stands before it is looked at."""
    body = known.body
    if "problem" in body:
        return Standing(None, problem=str(body["problem"]))
    intent = intent_of(body, uid=item.uid, generation=item.generation, origin=known.origin)
    anew = Reapplied.of(body)
    confirmed = _confirmed(known, item, max(body["wish"], anew.generation))
    taken = confirmed and ready_reason(known.status) == Reason.SUPERSEDED.value
    return Standing(
        intent,
        existing=body.get("existing", False) or _adopted(known, item, body["wish"]),
        paused=paused_by(switches.paused, intent.namespace),
        confirmed=confirmed,
        superseded=str(known.status.get("lastMessage", "")) if taken else "",
        shadow=fits(switches.shadow.namespaces, intent.namespace),
        resolved=anew.actions,
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


def _confirmed(known: Background, item: Work, wish: int) -> bool:
    """Whether an earlier generation of the same wish took effect.

    `wish` is the first generation that counts: the one that wished it first, or was taken back last.
    """
    return any(
        other.state is State.CONFIRMED and other.reason not in (Reason.DRY_RUN.value, Reason.ADOPTED.value)
        for other in _same_wish(known, item, wish)
    )


def _adopted(known: Background, item: Work, wish: int) -> bool:
    """Whether an earlier generation of the same wish was adopted; a store that was lost knows no more."""
    return any(other.reason == Reason.ADOPTED.value for other in _same_wish(known, item, wish))


def _same_wish(known: Background, item: Work, wish: int) -> list[Work]:
    """Lists the generations before this one that wished the same."""
    return [
        other
        for other in known.generations
        if other.uid == item.uid and wish <= other.generation < item.generation
    ]
