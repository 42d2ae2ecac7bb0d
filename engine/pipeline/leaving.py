"""Intents that are being deleted: what of theirs is withdrawn, and when the resource may go.

With `deletionPolicy: Withdraw` a finalizer keeps the resource until its packages are withdrawn. It is written
with the annotations, after the first status. An intent that is gone before that, or whose manifest is taken
out of a folder, is remembered here until its packages are withdrawn.

Keys in the body of a stored intent: `leaving` ("asked" while its resource is still there, "gone" where it is
not) and `withdrawn` (nothing is left to be done for it).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import krm, reapplication, report
from engine.executors.base import (
    ExecuteOutcome,
    Executor,
    PackageRef,
    Revision,
    Terminal,
    Unknown,
    Withdrawal,
    Withdrawer,
)
from engine.identity import canonical_json, effect_key, trace_id, workspace_name
from engine.reasons import Reason
from engine.reconcile import Step
from engine.telling import FINALIZER
from store import Reader, Transaction, approvals, audit, decisions, intents, outbox, owners, packages, work
from store.work import Package, Work

log = logging.getLogger(__name__)

GONE = "null"
"""The body of a status that is to be removed."""
WITHDRAW = "withdraw"
"""The key under which a stored decision holds the packages that it withdraws; no other decision has it."""
_GENERATIONS = 1000
"""How many generations of an intent are searched for packages that they wrote."""
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Written:
    """A package that an intent wrote, and the target that it is about."""

    package: PackageRef
    namespace: str
    target: str


def wishes_withdrawal(body: Body) -> bool:
    """Tells whether the packages of an intent are to be withdrawn with it, and have not been yet."""
    return body.get("spec", {}).get("deletionPolicy") == "Withdraw" and not body.get("withdrawn")


def finalizers(body: Body) -> list[str]:
    """Returns the finalizers of ours that the resource of an intent is to have."""
    found = FINALIZER in body.get("metadata", {}).get("finalizers", ())
    # An object that is being deleted takes no new ones.
    return [FINALIZER] if wishes_withdrawal(body) and (found or "leaving" not in body) else []


def asked(metadata: Body) -> bool:
    """Tells whether the API server waits for finalizers before it deletes an object."""
    return "deletionTimestamp" in metadata


def outlives(body: Body) -> bool:
    """Tells whether an intent whose resource is gone has to be remembered until its packages are withdrawn.

    Who has taken the finalizer away by hand wants the deletion whatever becomes of the packages.
    """
    return wishes_withdrawal(body) and body.get("leaving") != "asked"


def forget(tx: Transaction, known: intents.Intent, now: float) -> None:
    """Ends what is open of an intent that is gone; what was written stays, and its fields are free."""
    intents.mark_deleted(tx, known.namespace, known.name, known.uid, at=now)
    work.withdraw(tx, known.namespace, known.name, now=now)
    release(tx, known.uid, known.namespace, known.name, now)
    about = (known.namespace, known.name, known.uid, known.generation)
    outbox.put(tx, outbox.Message(*about, outbox.Kind.STATUS, GONE, now))
    audit.append(tx, audit.Entry(now, "Gone", *about, "", canonical_json({"origin": known.origin})))


def decide(
    tx: Transaction, *, item: Work, body: Body, paused: str, basis: str, now: float, silent: bool
) -> None:
    """Decides what becomes of an intent that is being deleted, and commits it.

    Args:
        paused: why nothing is done for it now; empty where nothing is paused.
        silent: in shadow, where nothing is written or reported.
    """
    if paused:
        reason = Reason.PAUSED
        item = work.wait(tx, item, reason=reason.value, message=paused, basis=basis, now=now)
        report.put_status(tx, item, report.from_outcome(item, {}, reason, paused, now))
        return
    wished = wishes_withdrawal(body) and not silent
    executor, written = _written(tx, item) if wished else ("", [])
    alone, shared = _apart(tx, item, written)
    if not alone:
        message = "it is being deleted; nothing is withdrawn" + _also(shared)
        item = work.finish(tx, item, reason=Reason.COMPLETED.value, message=message, basis=basis, now=now)
        _leave(tx, item, message, (), now)
        return
    key = effect_key(item.namespace, item.name, item.uid, item.generation, f"{WITHDRAW} {item.spec_hash}")
    decided = {
        WITHDRAW: [_to_json(each) for each in alone],
        "message": "it is being deleted; its packages are withdrawn",
        "plan": krm.Plan(()).to_json(),
        "warnings": [],
        "lifecycle": "",
    }
    decisions.append(
        tx,
        decisions.Decision(
            work_id=item.id,
            verdict=Step.EXECUTE.value,
            reason=Reason.PROCESSING.value,
            rule="",
            rules_digest="",
            body=canonical_json(decided),
            created_at=now,
        ),
    )
    audit.append(tx, _entry(item, "Decided", {"withdraw": decided[WITHDRAW]}, trace_id(key), now))
    refs = [Package(each.package.repository, each.package.name) for each in alone]
    work.decide(
        tx,
        item,
        effect_key=key,
        executor=executor,
        priority=item.priority,
        packages=refs,
        basis=basis,
        now=now,
    )


def withdrawal_of(reader: Reader, item: Work, decided: Body) -> tuple[Withdrawal, list[str]]:
    """Returns what is withdrawn, and which packages stay: those that another intent has a part in by now."""
    alone, shared = _apart(reader, item, [_from_json(each) for each in decided[WITHDRAW]])
    key = item.effect_key or ""
    refs = tuple(each.package for each in alone)
    about = f"{item.namespace}/{item.name}"
    return Withdrawal(about, item.generation, key, workspace_name(key), refs), shared


def withdraw(executor: Executor, withdrawal: Withdrawal) -> ExecuteOutcome:
    """Has an executor withdraw packages; whatever it raises is an outcome."""
    if not isinstance(executor, Withdrawer):
        names = ", ".join(f"{package.repository}/{package.name}" for package in withdrawal.packages)
        message = (
            f"{executor.name} cannot withdraw packages: remove {names}, then set deletionPolicy to Orphan"
        )
        return Terminal(Reason.UNSUPPORTED, message)
    try:
        return executor.withdraw(withdrawal)
    except Exception as error:  # an executor's fault says nothing about what has happened
        log.exception("the executor %s failed to withdraw for %s", executor.name, withdrawal.intent)
        return Unknown(f"the executor {executor.name} failed: {error}")


def record(tx: Transaction, item: Work, revisions: Sequence[Revision], shared: list[str], now: float) -> Work:
    """Commits that the packages of an intent are withdrawn, and lets its resource go."""
    message = _said(revisions) + _also(shared)
    after = work.confirm(tx, item, reason=Reason.COMPLETED.value, message=message, now=now)
    for revision in revisions:
        packages.put(tx, report.stored_revision(revision, item, now))
    said = {"withdrawn": [report.package(revision) for revision in revisions], "message": message}
    audit.append(tx, _entry(item, "Executed", said, item.trace_id or "", now))
    if not after.superseded:
        _leave(tx, after, message, revisions, now)
    return after


def _leave(tx: Transaction, item: Work, message: str, revisions: Sequence[Revision], now: float) -> None:
    """Frees the fields of an intent, and forgets it or lets its resource go."""
    known = intents.get(tx, item.namespace, item.name)
    assert known is not None  # noqa: S101 - it was decided from what is stored
    body = json.loads(known.body)
    if body["leaving"] == "gone":
        forget(tx, known, now)
        return
    release(tx, item.uid, item.namespace, item.name, now)
    intents.put(tx, replace(known, body=canonical_json({**body, "withdrawn": True})))
    told = report.from_outcome(item, {}, Reason.COMPLETED, message, now, revisions=revisions)
    report.put_status(tx, item, told)


def release(tx: Transaction, uid: str, namespace: str, name: str, now: float) -> None:
    """Frees the fields of an intent that is gone, for whom it had superseded."""
    freed = owners.release(tx, uid)
    approvals.forget(tx, uid)
    reapplication.give_back(tx, freed, by=f"{namespace}/{name}", now=now)


def _written(reader: Reader, item: Work) -> tuple[str, list[_Written]]:
    """Returns the executor of the newest effect of an intent, and the packages that it wrote by that one."""
    status = report.status_of(reader, item.uid) or {}
    executor = ""
    found: dict[PackageRef, _Written] = {}
    for other in work.generations(reader, item.namespace, item.name, limit=_GENERATIONS):
        decision = decisions.latest(reader, other.id) if other.uid == item.uid and other.executor else None
        if decision is None:
            continue
        executor = executor or other.executor or ""
        if other.executor == executor:
            for change in krm.Plan.from_json(json.loads(decision.body)["plan"]).packages:
                package = PackageRef(change.repository, change.name)
                found.setdefault(package, _Written(package, change.namespace, change.target))
    executor = executor or status.get("decision", {}).get("executor", "")
    for each in status.get("packages", ()):  # all that is known where a store was lost
        if "target" in each:
            package = PackageRef(each["repository"], each["name"])
            found.setdefault(package, _Written(package, each["namespace"], each["target"]))
    return executor, list(found.values()) if executor else []


def _apart(reader: Reader, item: Work, written: Sequence[_Written]) -> tuple[list[_Written], list[str]]:
    """Parts the packages that are an intent's alone from those that another has a part in, in words."""
    alone: list[_Written] = []
    shared: list[str] = []
    for each in written:
        others = {
            f"{owned.owner.intent_namespace}/{owned.owner.intent_name}"
            for owned in owners.of_target(reader, each.namespace, each.target)
            if owned.owner.uid != item.uid
        }
        if others:
            name = f"{each.package.repository}/{each.package.name}"
            shared.append(f"{name} stays: {', '.join(sorted(others))} has a part in it")
        else:
            alone.append(each)
    return alone, shared


def _said(revisions: Sequence[Revision]) -> str:
    names = ", ".join(f"{revision.repository}/{revision.package}" for revision in revisions)
    if not names:
        return "its packages were not there any more"
    proposed = any(revision.lifecycle == "DeletionProposed" for revision in revisions)
    return f"proposed {names} for deletion" if proposed else f"deleted {names}"


def _also(shared: Sequence[str]) -> str:
    return "".join(f"; {words}" for words in shared)


def _entry(item: Work, kind: str, said: Body, trace: str, now: float) -> audit.Entry:
    about = (item.namespace, item.name, item.uid, item.generation)
    return audit.Entry(now, kind, *about, trace, canonical_json(said))


def _to_json(written: _Written) -> dict[str, str]:
    package = written.package
    place = {"namespace": written.namespace, "target": written.target}
    return {"repository": package.repository, "name": package.name, **place}


def _from_json(value: Mapping[str, str]) -> _Written:
    return _Written(PackageRef(value["repository"], value["name"]), value["namespace"], value["target"])
