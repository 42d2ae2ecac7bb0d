"""What the store tells about intents, as JSON objects; it only reads, with a daemon at work or without."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.api.explanation import explanation
from engine.api.wire import ApiError, Code
from engine.describe import describe_all
from engine.reasons import Phase, Reason
from engine.status import phase_of, timestamp
from store import Reader, approvals, decisions, intents, outbox, overview, retention, work
from store.work import Work

_REMEMBERED = 100
"""How many generations of an intent are looked through, or shown."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which intents are wanted; None for any.

    Attributes:
        after: the namespace and name of the last one of the page before.
    """

    namespace: str | None = None
    phase: Phase | None = None
    reason: Reason | None = None
    limit: int = 100
    after: tuple[str, str] = ("", "")

    def reasons(self) -> set[str] | None:
        """Returns the reasons that fit; a step under way has none yet."""
        if self.phase is None and self.reason is None:
            return None
        found = {
            reason.value
            for reason in Reason
            if self.reason in (None, reason) and self.phase in (None, phase_of(reason))
        }
        return found | ({""} if Reason.PROCESSING.value in found else set())


def page(reader: Reader, selection: Selection) -> dict[str, Any]:
    """Lists intents: {"items": […], "continue": where the next page begins, empty at the end}."""
    found = overview.page(
        reader,
        selection.limit + 1,
        after=selection.after,
        namespace=selection.namespace,
        reasons=selection.reasons(),
    )
    shown = found[: selection.limit]
    more = f"{shown[-1].namespace}/{shown[-1].name}" if len(found) > len(shown) else ""
    return {"items": [_summary(reader, item) for item in shown], "continue": more}


def intent(reader: Reader, namespace: str, name: str) -> dict[str, Any]:
    """Returns an intent with its status and its generations, newest first.

    Raises:
        ApiError: it is not there.
    """
    item = current(reader, namespace, name)
    approval = approvals.of(reader, item.uid, item.spec_hash)
    return {
        **_summary(reader, item),
        "needsApproval": needs_approval(reader, item),
        "approved": {"by": approval.who, "at": timestamp(approval.at)} if approval else None,
        "status": _status(reader, item) or None,
        "generations": [
            {
                "generation": one.generation,
                "state": one.state.value,
                "reason": one.reason,
                "message": one.message,
                "attempts": one.attempts,
                "specHash": one.spec_hash,
                "updatedAt": timestamp(one.updated_at),
            }
            for one in work.generations(reader, namespace, name, limit=_REMEMBERED)
        ],
    }


def explain(
    reader: Reader, namespace: str, name: str, generation: int | None = None, at: float | None = None
) -> dict[str, Any]:
    """Returns how a generation of an intent was decided last, the newest one unless told otherwise.

    Args:
        reader: what to read from.
        namespace, name: the intent's.
        generation: an older one; None for the newest, or for the one that was decided at the time.
        at: the time whose decision is wanted, in seconds since 1970; None for the last.

    Raises:
        ApiError: it is not there.
    """
    known = work.generations(reader, namespace, name, limit=_REMEMBERED)
    if not known:
        raise _unknown(namespace, name)
    wanted = [one for one in known if generation in (None, one.generation)]
    if not wanted:
        seen = ", ".join(str(one.generation) for one in reversed(known))
        message = f"{namespace}/{name} has no generation {generation}"
        raise ApiError(Code.NOT_FOUND, message, f"known are {seen}{_gone(reader)}")
    item, made, decision = _decided(reader, wanted, at)
    body = json.loads(decision.body) if decision else {}
    about = {
        "intent": {"namespace": namespace, "name": name},
        "generation": item.generation,
        "specHash": item.spec_hash,
        "text": body.get("text") or _text(reader, item),
        "decidedAt": timestamp(decision.created_at) if decision else None,
        "decisions": made,
        "step": decision.verdict if decision else item.state.value,
        "reason": decision.reason if decision else item.reason,
        "message": body.get("message") or body.get("decision", {}).get("message") or item.message,
        "standing": _standing(reader, item),
    }
    return {**about, **explanation(body)}


def _decided(
    reader: Reader, generations: Sequence[Work], at: float | None
) -> tuple[Work, int, decisions.Decision | None]:
    """Returns the generation that was decided last, how often it was, and the decision at a time.

    Raises:
        ApiError: nothing was decided by then.
    """
    if at is None:
        made = decisions.of_work(reader, generations[0].id, limit=_REMEMBERED)
        return generations[0], len(made), next(iter(made), None)
    first: float | None = None
    for item in generations:
        made = decisions.of_work(reader, item.id, limit=_REMEMBERED)
        for decision in made:
            if decision.created_at <= at:
                return item, len(made), decision
            first = decision.created_at
    message = f"{generations[0].namespace}/{generations[0].name} was not decided by {timestamp(at)}"
    since = f"the first decision is of {timestamp(first)}" if first is not None else "it never was"
    raise ApiError(Code.NOT_FOUND, message, f"{since}{_gone(reader)}")


def _gone(reader: Reader) -> str:
    pruned = retention.pruned_before(reader)
    return f"; what ended before {timestamp(pruned)} is no longer kept" if pruned is not None else ""


def current(reader: Reader, namespace: str, name: str) -> Work:
    """Returns the newest generation of an intent.

    Raises:
        ApiError: it is not there.
    """
    item = work.current(reader, namespace, name)
    if item is None:
        raise _unknown(namespace, name)
    return item


def needs_approval(reader: Reader, item: Work) -> bool:
    """Tells whether a generation waits, by its last decision, until somebody approves it."""
    if item.reason != Reason.HELD.value:
        return False
    decision = decisions.latest(reader, item.id)
    return decision is not None and bool(json.loads(decision.body).get("decision", {}).get("needsApproval"))


def _summary(reader: Reader, item: Work) -> dict[str, Any]:
    status = _status(reader, item)
    actions = status.get("interpretation", {}).get("actions", ())
    return {
        "namespace": item.namespace,
        "name": item.name,
        "generation": item.generation,
        "specHash": item.spec_hash,
        **_standing(reader, item),
        "text": _text(reader, item),
        "understood": describe_all(actions) if actions else "",
        "rule": status.get("decision", {}).get("rule", ""),
        "attempts": item.attempts,
        "nextRetryTime": timestamp(item.next_at) if item.next_at is not None else None,
        "updatedAt": timestamp(item.updated_at),
    }


def _standing(reader: Reader, item: Work) -> dict[str, str]:
    """Returns phase, reason and message as they were reported; a step under way is Processing."""
    if not item.reason:
        reason = Reason.PROCESSING
        return {"phase": phase_of(reason).value, "reason": reason.value, "message": ""}
    if status := _status(reader, item):
        reason, message = Reason(status["conditions"][0]["reason"]), status["lastMessage"]
    else:
        reason, message = Reason(item.reason), item.message
    return {"phase": phase_of(reason).value, "reason": reason.value, "message": message}


def _status(reader: Reader, item: Work) -> dict[str, Any]:
    """Returns what was last reported of a generation; empty where nothing was."""
    last = outbox.latest(reader, item.uid, outbox.Kind.STATUS)
    if last is None or last.generation != item.generation:
        return {}
    return json.loads(last.body) or {}


def _text(reader: Reader, item: Work) -> str:
    """Returns the text of an intent; empty where it has changed since, or could not be read."""
    known = intents.get(reader, item.namespace, item.name)
    if known is None or (known.uid, known.generation) != (item.uid, item.generation):
        return ""
    return str(json.loads(known.body).get("spec", {}).get("intent", ""))


def _unknown(namespace: str, name: str) -> ApiError:
    message = f"there is no intent {namespace}/{name}"
    return ApiError(Code.NOT_FOUND, message, "list those that are there with `conductor-watch intents list`")
