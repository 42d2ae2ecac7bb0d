"""From looks and outcomes to what is reported: the stored decision, and the status in the outbox."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import rules
from engine.executors.base import Revision
from engine.identity import canonical_json, workspace_name
from engine.reasons import Reason
from engine.reconcile import Look, Ruling
from engine.status import Report, build_status, phase_of, same_but_for_time, timestamp
from engine.telling import REQUESTED_AT
from store import Reader, Transaction, decisions, intents, outbox, packages, work
from store.owners import OwnedField, Owner
from store.work import State, Work

LONGEST_HANDLED = 256
"""How much of the annotation that asks for a new look a status repeats, in characters."""
_OPEN = frozenset({State.SEEN, State.READ, State.DECIDED, State.RETRY})
"""Where a generation stands of which nothing is under way."""


def decision_body(look: Look) -> dict[str, Any]:
    """Returns all that a look found, to be stored with the decision; empty where nothing was read."""
    if look.understood is None:
        return {}
    body: dict[str, Any] = {
        "text": look.understood.reading.text,
        "message": look.ruling.message,
        "interpretation": interpretation(look),
    }
    decided = look.decided
    if decided is None:
        return body
    body["actions"] = [dict(action) for action in decided.actions]
    body["warnings"] = list(decided.warnings)
    if look.snapshot is not None:
        body["snapshot"] = look.snapshot.rules.to_json()
        body["facts"] = body["snapshot"].pop("facts")
    if decided.decision is not None:
        body["decision"] = decided.decision.to_json()
        body["rule"] = _deciding_rule(decided.decision)
        body["rulesDigest"] = decided.decision.rules_digest
        body["lifecycle"] = decided.decision.routes[0].lifecycle if decided.decision.routes else ""
    if decided.plan is not None:
        body["plan"] = decided.plan.to_json()
    return body


def interpretation(look: Look) -> dict[str, Any]:
    """Returns how the text was read, with what was taken from the live objects."""
    assert look.understood is not None  # noqa: S101 - callers have looked
    result = look.understood.interpretation()
    if look.actions:
        result["actions"] = [dict(action) for action in look.actions]
    if look.snapshot is not None:
        result["assumed"] += [
            {"action": index, "field": value.field, "value": value.value, "why": value.why}
            for index, value in look.snapshot.from_live
        ]
    return result


def from_look(
    item: Work, look: Look, ruling: Ruling, now: float, packages: Sequence[Mapping[str, Any]] = ()
) -> Report:
    """Returns the report of a look that ended without an effect, or waits.

    `packages` are those that an earlier effect of the same wish wrote.
    """
    decision = look.decided.decision if look.decided is not None else None
    return Report(
        generation=item.generation,
        reason=ruling.reason,
        message=ruling.message,
        now=now,
        spec_hash=item.spec_hash,
        trace_id=item.trace_id or "",
        attempts=item.attempts,
        next_retry=ruling.next_at,
        interpretation=interpretation(look) if look.understood is not None else {},
        decision=_decision(decision.to_json(), look.decided.warnings) if decision and look.decided else {},
        packages=packages,
    )


def from_outcome(
    item: Work,
    body: Mapping[str, Any],
    reason: Reason,
    message: str,
    now: float,
    *,
    revisions: Sequence[Revision] = (),
    next_retry: float | None = None,
) -> Report:
    """Returns the report of an execution; `body` is the stored decision that it carried out."""
    return Report(
        generation=item.generation,
        reason=reason,
        message=message,
        now=now,
        spec_hash=item.spec_hash,
        trace_id=item.trace_id or "",
        attempts=item.attempts,
        next_retry=next_retry,
        interpretation=body.get("interpretation", {}),
        decision=_decision(body["decision"], body["warnings"]) if "decision" in body else {},
        packages=[package(revision) | _written(body, revision) for revision in revisions],
    )


def from_told(
    item: Work,
    told: Mapping[str, Any],
    reason: Reason,
    message: str,
    now: float,
    revisions: Sequence[Revision],
) -> Report:
    """Returns the report of what became of revisions whose decision was lost; `told` is the last status."""
    fields = {
        (shown["repository"], shown["name"]): {
            name: shown[name] for name in ("namespace", "target", "fields") if name in shown
        }
        for shown in told.get("packages", ())
    }
    return replace(
        from_outcome(item, {}, reason, message, now),
        interpretation=told.get("interpretation", {}),
        decision=told.get("decision", {}),
        packages=[
            package(revision) | fields.get((revision.repository, revision.package), {})
            for revision in revisions
        ],
    )


def package(revision: Revision) -> dict[str, Any]:
    """Returns a revision as `status.packages` shows it."""
    return {
        "repository": revision.repository,
        "name": revision.package,
        "workspace": revision.workspace,
        "lifecycle": revision.lifecycle,
        "revision": revision.revision,
        "resourceName": revision.resource_name,
    }


def stored_revision(revision: Revision, item: Work, now: float) -> packages.Revision:
    """Returns a revision as the store keeps it."""
    return packages.Revision(
        repository=revision.repository,
        package=revision.package,
        workspace=workspace_name(item.effect_key or ""),
        revision=str(revision.revision),
        lifecycle=revision.lifecycle,
        resource_name=revision.resource_name,
        work_id=item.id,
        effect_key=item.effect_key or "",
        created_at=now,
    )


def _written(body: Mapping[str, Any], revision: Revision) -> dict[str, Any]:
    """Returns what of a package the plan decides: `status.packages` tells it, for whom a store is lost to."""
    changes = [
        change
        for change in body.get("plan", {}).get("packages", ())
        if (change["repository"], change["name"]) == (revision.repository, revision.package)
    ]
    return {field: change[field] for change in changes for field in ("namespace", "target", "fields")}


def put_status(tx: Transaction, item: Work, report: Report) -> None:
    """Puts the status of a generation into the outbox, unless it says nothing new."""
    previous = status_of(tx, item.uid)
    if previous is not None and not report.interpretation and previous.get("specHash") == report.spec_hash:
        # Nothing was read or written anew: what the one before it says still holds.
        report = replace(
            report,
            interpretation=previous.get("interpretation", {}),
            decision=previous.get("decision", {}),
            packages=previous.get("packages", ()),
        )
    if report.reason is not Reason.RATE_LIMITED:  # a look that was asked for is still to come
        report = replace(report, handled=_requested_at(tx, item))
    status = build_status(report, previous)
    if same_but_for_time(status, previous):
        return
    about = (item.namespace, item.name, item.uid, item.generation)
    outbox.put(tx, outbox.Message(*about, outbox.Kind.STATUS, canonical_json(status), report.now))


def note_handled(tx: Transaction, item: Work, asked: str, now: float) -> None:
    """Says in the last status that a new look was asked for, and that there is nothing more to do."""
    previous = status_of(tx, item.uid)
    if previous is None or previous.get("observedGeneration") != item.generation:
        return  # the first status of the generation will say so
    status = {**previous, "lastHandledReconcileAt": asked, "lastUpdateTime": timestamp(now)}
    about = (item.namespace, item.name, item.uid, item.generation)
    outbox.put(tx, outbox.Message(*about, outbox.Kind.STATUS, canonical_json(status), now))


def supersede(tx: Transaction, lost: Iterable[OwnedField], *, by: str, now: float) -> None:
    """Tells intents whose fields another one decides now, and ends what is still open of them."""
    fields: dict[Owner, list[str]] = {}
    for owned in lost:
        fields.setdefault(owned.owner, []).append(owned.field)
    for owner, names in fields.items():
        message = taken_over(names, by)
        item = work.current(tx, owner.intent_namespace, owner.intent_name)
        if item is None or item.uid != owner.uid:
            continue
        if item.state in _OPEN:
            item = work.terminal(tx, item, reason=Reason.SUPERSEDED.value, message=message, now=now)
        decision = decisions.latest(tx, item.id)
        body = json.loads(decision.body) if decision is not None else {}
        written = packages_of(tx, item)
        superseded = from_outcome(item, body, Reason.SUPERSEDED, message, now)
        put_status(tx, item, replace(superseded, packages=written))


def taken_over(fields: Iterable[str], by: str) -> str:
    """Says that other intents decide some fields."""
    return f"{', '.join(sorted(fields))} was taken over by {by}; this intent does nothing more"


def packages_of(reader: Reader, item: Work) -> Sequence[Mapping[str, Any]]:
    """Returns the packages of the last status."""
    packages: Sequence[Mapping[str, Any]] = (status_of(reader, item.uid) or {}).get("packages", ())
    return packages


def last_phase(earlier: Sequence[Work]) -> str:
    """Returns the phase in which the generation before ended; empty where there was none."""
    return phase_of(Reason(earlier[0].reason)).value if earlier and earlier[0].reason else ""


def status_of(reader: Reader, uid: str) -> dict[str, Any] | None:
    """Returns the last status of an intent, delivered or not; None where it has none."""
    last = outbox.latest(reader, uid, outbox.Kind.STATUS)
    status: dict[str, Any] | None = json.loads(last.body) if last is not None else None
    return status


def _decision(decision: Mapping[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    by_action: list[list[str]] = [[] for _ in decision["actions"]]
    for step in decision["trace"]:
        if step["outcome"] == rules.Outcome.EFFECT.value and step["rule"] not in by_action[step["action"]]:
            by_action[step["action"]].append(step["rule"])
    routes = decision["routes"]
    return {
        "rule": decision["rule"] or (routes[0]["rule"] if routes else ""),
        "rules": by_action,
        "executor": routes[0]["executor"] if routes else "",
        "rulesDigest": decision["rulesDigest"],
        "warnings": list(warnings),
    }


def _deciding_rule(decision: rules.Decision) -> str:
    return decision.rule or (decision.routes[0].rule if decision.routes else "")


def requested_at(body: Mapping[str, Any]) -> str:
    """Returns the value by which an intent asks for a new look, as far as a status repeats it; else empty."""
    annotations = body.get("metadata", {}).get("annotations", {})
    return str(annotations.get(REQUESTED_AT, ""))[:LONGEST_HANDLED]


def _requested_at(reader: Reader, item: Work) -> str:
    known = intents.get(reader, item.namespace, item.name)
    return requested_at(json.loads(known.body)) if known is not None and known.uid == item.uid else ""
