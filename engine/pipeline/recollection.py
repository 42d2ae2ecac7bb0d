"""What a lost store knew of an intent, told again by its status and by what executors keep with an effect.

Reads the status (never annotations) and the executors' records; decides nothing. A field that an older
definition of NetworkIntent prunes is not missed: what the status does not say is asked of the executors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.executors.base import Remembers
from engine.identity import canonical_json, effect_key, trace_id, workspace_name
from engine.krm import PackageChange, Plan
from engine.pipeline import ownership
from engine.reasons import Reason
from engine.reconcile import Step
from engine.status import ready_reason
from rules import Outcome
from store import Transaction, decisions, packages, work
from store.work import Package, State, Work

DONE = frozenset(
    {
        Reason.COMPLETED.value,
        Reason.AWAITING_APPROVAL.value,
        Reason.ADOPTED.value,
        Reason.SUPERSEDED.value,
        Reason.DRY_RUN.value,
        Reason.PROPOSAL_REJECTED.value,
    }
)
"""The reasons of what is not done again because a store was lost."""
_NOT_RECORDED = frozenset({"snapshot", "facts"})
"""What of a stored decision explains it, and is not needed to carry it out."""
_LONGEST_SEARCH = 10_000
"""How many generations are tried at most, to find the one that a status is about by its trace."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the wish of an intent that the store has never seen.

    Attributes:
        generation: the generation that this is about.
        wish: the generation that first wished the same, which the effect key has.
        status: the last status; empty where there is none.
        done: the reason for which it need not be done again; empty where it has not ended so.
        record: the executors' record of its effect, by `record_of`; empty where there is none.
        earlier: the hash of the spec of that generation, where the intent has another one by now; else empty.
    """

    generation: int
    wish: int
    status: Mapping[str, Any] = field(default_factory=dict)
    done: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    earlier: str = ""

    @property
    def known(self) -> bool:
        """Whether there is anything to restore."""
        return bool(self.done or self.record)


def record_of(item: Work, body: Mapping[str, Any]) -> str:
    """Returns what an executor keeps with an effect: all of the decision that it takes to finish it."""
    kept = {key: value for key, value in body.items() if key not in _NOT_RECORDED}
    if "decision" in kept:  # of the rules, those that did something
        steps = [step for step in kept["decision"]["trace"] if step["outcome"] == Outcome.EFFECT.value]
        kept["decision"] = {**kept["decision"], "trace": steps}
    return canonical_json({"executor": item.executor, "decision": kept})


def recollect(
    intent: tuple[str, str, str],
    generation: int,
    spec_hash: str,
    status: Mapping[str, Any],
    executors: Iterable[Remembers],
) -> Past:
    """Returns what is known of the generation of an intent.

    Args:
        intent: its namespace, name and uid.
        generation: the one that is there now.
        spec_hash: of it.
        status: the last one that was shown; empty where there is none.
        executors: those that may remember its effect.

    Raises:
        OSError: an executor cannot tell now.
    """
    namespace, name, _ = intent
    observed = min(int(status.get("observedGeneration") or 0), generation)
    wish = _wish(intent, observed, spec_hash, status)
    if not wish and observed < generation and status.get("packages") and ready_reason(status) in DONE:
        earlier = _earlier(intent, observed, status)
        if earlier.wish:
            return earlier
    reason = ready_reason(status) if wish else ""
    key = effect_key(*intent, wish or generation, spec_hash)
    records = (executor.recall(f"{namespace}/{name}", key) for executor in executors)
    record: dict[str, Any] = next((json.loads(text) for text in records if text), {})
    if wish and reason in DONE:
        return Past(observed, wish, status, reason, record)
    begun = wish or generation
    return Past(begun, begun, status, "", record)


def restore(tx: Transaction, item: Work, past: Past, *, now: float) -> None:
    """Brings a generation, just seen, to where it stood: done, or begun and to be read back.

    What it wrote is its own again. Where several intents wrote one field, restore the newest last.
    """
    plan = _stated(past.status)
    if past.record:
        body = past.record["decision"]
        plan = Plan.from_json(body["plan"])
        item = _decide(tx, item, past, plan, now)
    if plan.packages:
        ownership.take(tx, item, plan)
    if past.done:
        message = str(past.status.get("lastMessage", ""))
        if past.record:
            work.finish(tx, item, reason=past.done, message=message, basis="", now=now)
        else:
            _end(tx, item, past, message, now)
        for revision in _revisions(item, past, now):
            packages.put(tx, revision)
    else:
        work.doubt(tx, item, now=now)


def _end(tx: Transaction, item: Work, past: Past, message: str, now: float) -> None:
    """Ends a generation of which the status alone tells, so that what it proposed is followed again."""
    rejected = past.done == Reason.PROPOSAL_REJECTED
    work.restore(
        tx,
        item,
        state=State.TERMINAL if rejected else State.CONFIRMED,
        reason=past.done,
        message=message,
        executor=str(past.status.get("decision", {}).get("executor", "")),
        now=now,
    )


def _revisions(item: Work, past: Past, now: float) -> list[packages.Revision]:
    """Returns what the packages of a status were when they were shown.

    Their workspace is that of the effect: what the status tells is that of the revision, which may be another
    intent's that holds this one's wish too.
    """
    key = effect_key(item.namespace, item.name, item.uid, past.wish, item.spec_hash)
    return [
        packages.Revision(
            repository=told["repository"],
            package=told["name"],
            workspace=workspace_name(key),
            revision=str(told["revision"]),
            lifecycle=told["lifecycle"],
            resource_name=told["resourceName"],
            work_id=item.id,
            effect_key=key,
            created_at=now,
        )
        for told in past.status.get("packages", ())
        if {"lifecycle", "resourceName", "revision"} <= told.keys()
    ]


def _decide(tx: Transaction, item: Work, past: Past, plan: Plan, now: float) -> Work:
    body = past.record["decision"]
    decision = decisions.Decision(
        work_id=item.id,
        verdict=Step.EXECUTE.value,
        reason=Reason.PROCESSING.value,
        rule=body.get("rule", ""),
        rules_digest=body.get("rulesDigest", ""),
        body=canonical_json(body),
        created_at=now,
    )
    decisions.append(tx, decision)
    return work.decide(
        tx,
        item,
        effect_key=effect_key(item.namespace, item.name, item.uid, past.wish, item.spec_hash),
        executor=past.record["executor"],
        priority=item.priority,
        packages=[Package(change.repository, change.name) for change in plan.packages],
        basis="",
        now=now,
    )


def _earlier(intent: tuple[str, str, str], observed: int, status: Mapping[str, Any]) -> Past:
    """Returns what is known of a generation that another one has followed: what it left is still there."""
    spec_hash = str(status.get("specHash", ""))
    wish = _wish(intent, observed, spec_hash, status) if spec_hash else 0
    return Past(observed, wish, status, ready_reason(status), earlier=spec_hash)


def _wish(intent: tuple[str, str, str], observed: int, spec_hash: str, status: Mapping[str, Any]) -> int:
    """Returns the generation that first wished what the status is about; 0 where that is another spec.

    The trace is made from the effect key, so it tells the generation, and the spec hash where that is pruned.
    """
    told, trace = status.get("specHash"), status.get("traceID")
    if told not in (None, spec_hash):
        return 0
    for wish in range(observed, max(0, observed - _LONGEST_SEARCH), -1):
        if trace_id(effect_key(*intent, wish, spec_hash)) == trace:
            return wish
    return observed if told == spec_hash else 0


def _stated(status: Mapping[str, Any]) -> Plan:
    """Returns the fields that the packages of a status were written for, as a plan without objects."""
    return Plan(
        tuple(
            PackageChange(
                repository=item["repository"],
                namespace=item["namespace"],
                target=item["target"],
                name=item["name"],
                objects=(),
                fields=tuple(item["fields"]),
            )
            for item in status.get("packages", ())
            if {"namespace", "target", "fields"} <= item.keys()
        )
    )
