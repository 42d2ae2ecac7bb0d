"""The second stage: each generation that is due is looked at, and what comes of it is committed whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import rules
from engine import report
from engine.identity import canonical_json, effect_key
from engine.network_intent import Intent
from engine.pipeline import leaving, ownership
from engine.pipeline.background import background_of, history_of, paused_by, standing_of
from engine.pipeline.limiting import LIMITED, Limiter
from engine.reapplication import Reapplied, give_back
from engine.reasons import Reason
from engine.reconcile import Look, Looker, Place, Ruling, Standing, Step
from engine.settings import fits
from store import Store, Transaction, audit, buckets, decisions, owners, work
from store.work import Package, StaleTransition, State, Work

log = logging.getLogger(__name__)

BATCH = 32
"""How many are looked at before what became ready is handed on."""

_MOMENT_SECONDS = 1.0
"""What has to wait no longer than that, in seconds, is not worth a write."""
_FAULT_SECONDS = 60.0
"""The delay after a fault in a look, in seconds."""

REOPENED = (Reason.RULE_REFUSED, Reason.RULE_ERROR, Reason.MISSING_FACT, Reason.HELD, Reason.CONFLICT)
"""What is looked at again once for each change of the rules or facts."""


class Decider:
    """Looks at what is due.

    Args:
        limiter: asked once for each generation, before it is looked at for the first time.
        looked: told of each look once it is over.

    Attributes:
        looker: how it looks; replaced whole when rules or grammar change.
    """

    def __init__(
        self,
        store: Store,
        looker: Looker,
        clock: Callable[[], float],
        limiter: Limiter,
        *,
        looked: Callable[[Look], None] = lambda _: None,
    ) -> None:
        self.looker = looker
        self._looked = looked
        self._limiter = limiter
        self._store = store
        self._clock = clock
        self._pending: list[tuple[Work, Future[None]]] = []
        self._uncommitted: set[Place] = set()

    def decide_due(self) -> int:
        """Looks at one batch of what is due; returns how many there were.

        What was decided is on its way to the store: whoever claims it next shares its commit.
        """
        self._settle()
        due = self._store.read(lambda reader: work.to_decide(reader, BATCH))
        for item in due:
            self._decide(item)
        return len(due)

    def owners(self, intent: Intent, places: Collection[Place]) -> Mapping[Place, Mapping[str, str]]:
        """Looks up which other intent owns which field of some targets."""
        if not self._uncommitted.isdisjoint(places):
            self._settle()
        found: dict[Place, dict[str, str]] = {}
        for place in places:
            owned = self._store.read(partial(owners.of_target, namespace=place[0], target=place[1]))
            found[place] = {
                item.field: f"{item.owner.intent_namespace}/{item.owner.intent_name}"
                for item in owned
                if item.owner.uid != intent.uid
            }
        return found

    def _settle(self) -> None:
        """Waits until what was decided is committed; a fault in one of them stops no other."""
        pending, self._pending, self._uncommitted = self._pending, [], set()
        for item, future in pending:
            try:
                future.result()
            except StaleTransition as stale:  # a newer generation came in between
                log.info("%s", stale, extra={"intent": f"{item.namespace}/{item.name}"})

    def reopen(self, reasons: tuple[Reason, ...] = REOPENED, basis: str = "") -> int:
        """Makes due again what rules or facts decided that are no longer in force; returns how many.

        Args:
            reasons: those that are looked at again.
            basis: what is in force now, by the looker where not given.
        """
        basis, now = basis or self.looker.basis, self._clock()
        count = 0
        while reopened := self._store.write(
            lambda tx: work.reopen(tx, reasons, basis, now=now, limit=1000)
        ).result():
            count += reopened
        return count

    def _decide(self, item: Work) -> None:
        now = self._clock()
        if self._put_off(item, now):
            return
        known = self._store.read(partial(background_of, item=item))
        if known is None:
            self._drop(item, now)
            return
        body = known.body
        looker = self.looker  # one for the whole decision, whatever is swapped meanwhile
        if "leaving" in body:
            self._let_go(item, body, looker, now)
            return
        standing = standing_of(known, item, looker.switches)
        look = self._look(looker, item, standing, history_of(known, item), now)
        self._looked(look)
        about, anew = (item.namespace, item.name, item.uid), Reapplied.of(body)
        key = effect_key(*about, body["wish"], item.spec_hash, anew.key)
        decided = _Decided(item, look, key, looker.basis, now, anew=bool(anew.key), silent=standing.shadow)
        # What is to be carried out is on the disk with its claim, before any of it happens.
        synced = look.ruling.step is not Step.EXECUTE
        self._pending.append((item, self._store.write(partial(_commit, decided), synced=synced)))
        plan = look.decided.plan if look.decided is not None else None
        self._uncommitted |= (
            {(change.namespace, change.target) for change in plan.packages} if plan else set()
        )

    def _put_off(self, item: Work, now: float) -> bool:
        """Lets a generation wait that is one too many; tells whether it has to."""
        if item.basis == LIMITED:
            self._limiter.used(item.uid)
        if item.basis:  # it was looked at before, or has waited for its time
            return False
        at = self._limiter.admit(item.uid, item.namespace, now)
        if at <= now:
            return False
        silent = fits(self.looker.switches.shadow.namespaces, item.namespace)
        self._pending.append(
            (item, self._store.write(partial(_limit, item=item, at=at, now=now, silent=silent)))
        )
        return True

    def _let_go(self, item: Work, body: Mapping[str, Any], looker: Looker, now: float) -> None:
        """Decides what becomes of an intent that is being deleted."""
        switches = looker.switches
        paused = paused_by(switches.paused, item.namespace)
        silent = fits(switches.shadow.namespaces, item.namespace)
        decide = partial(leaving.decide, item=item, body=body, paused=paused, basis=looker.basis)
        self._pending.append((item, self._store.write(partial(decide, now=now, silent=silent))))

    def _drop(self, item: Work, now: float) -> None:
        """Ends work of an intent that nobody knows, which would else be looked at for ever."""
        superseded, message = Reason.SUPERSEDED.value, "the intent is not known any more"
        self._store.write(
            lambda tx: work.terminal(tx, item, reason=superseded, message=message, now=now)
        ).result()

    def _look(
        self, looker: Looker, item: Work, standing: Standing, history: rules.History, now: float
    ) -> Look:
        try:
            return looker.look(standing, history, datetime.fromtimestamp(now, UTC))
        except Exception as error:  # one intent that trips over a fault of ours stops no other
            log.exception("%s/%s could not be looked at", item.namespace, item.name)
            message = f"a fault of conductor-watch ({type(error).__name__}: {error}); it is looked at again"
            return Look(Ruling(Step.WAIT, Reason.BACKING_OFF, message, now + _FAULT_SECONDS))


def _limit(tx: Transaction, *, item: Work, at: float, now: float, silent: bool) -> None:
    """Commits that a generation waits for its time, and says so where that is not in a moment."""
    reason, message = Reason.RATE_LIMITED, "more intents changed at once than limits allow; it takes its turn"
    item = work.wait(tx, item, reason=reason.value, message=message, basis=LIMITED, until=at, now=now)
    if at - now > _MOMENT_SECONDS and not silent:
        report.put_status(tx, item, report.from_outcome(item, {}, reason, message, now, next_retry=at))


@dataclass(frozen=True, slots=True)
class _Decided:
    """One look that is to be committed.

    Attributes:
        key: of the effect, if there is to be one.
        basis: what the look depended on.
        now: when it was had.
        anew: an earlier effect of the same wish has happened, and what it wrote stays told.
        silent: in shadow, where nothing is reported.
    """

    item: Work
    look: Look
    key: str
    basis: str
    now: float
    anew: bool
    silent: bool

    def report(self, tx: Transaction, item: Work, ruling: Ruling) -> None:
        """Reports what the look came to, where that is no effect."""
        packages = report.packages_of(tx, item) if self.anew else ()
        if not self.silent:
            report.put_status(tx, item, report.from_look(item, self.look, ruling, self.now, packages))


def _commit(decided: _Decided, tx: Transaction) -> None:
    """Commits one look: the step, the decision, the owners of fields, the audit record and the status."""
    item, look, basis, now = decided.item, decided.look, decided.basis, decided.now
    ruling = _limited(tx, look, now)
    reason, message = ruling.reason.value, ruling.message
    if look.understood is not None and item.state is State.SEEN and ruling.step is Step.WAIT:
        item = work.read(tx, item, now=now)
    body = report.decision_body(look)
    if body:
        decisions.append(
            tx,
            decisions.Decision(
                work_id=item.id,
                verdict=ruling.step.value,
                reason=reason,
                rule=body.get("rule", ""),
                rules_digest=body.get("rulesDigest", ""),
                body=canonical_json(body),
                created_at=now,
            ),
        )
    about = (item.namespace, item.name, item.uid, item.generation)
    said = {"step": ruling.step.value, "reason": reason, "message": message, "rule": body.get("rule", "")}
    audit.append(tx, audit.Entry(now, "Decided", *about, item.trace_id or "", canonical_json(said)))
    match ruling.step:
        case Step.EXECUTE:
            _queue(tx, decided, item)
        case Step.WAIT:
            work.wait(tx, item, reason=reason, message=message, basis=basis, until=ruling.next_at, now=now)
        case Step.REFUSE:
            work.terminal(tx, item, reason=reason, message=message, basis=basis, now=now)
        case Step.FINISH:
            owners.carry(tx, item.uid, generation=item.generation, work_id=item.id)
            work.finish(tx, item, reason=reason, message=message, basis=basis, now=now)
    log.info(
        "%s/%s: %s",
        item.namespace,
        item.name,
        message,
        extra={"generation": item.generation, "reason": reason, "traceID": item.trace_id},
    )
    if ruling.step is not Step.EXECUTE:
        decided.report(tx, item, ruling)


def _limited(tx: Transaction, look: Look, now: float) -> Ruling:
    """Takes the tokens that the rules ask for; returns the look's ruling, or to wait for them."""
    decision = look.decided.decision if look.decided is not None else None
    if look.ruling.step is not Step.EXECUTE or decision is None or not decision.rate_limits:
        return look.ruling
    limits = [buckets.Bucket(limit.key, limit.burst, limit.refill) for limit in decision.rate_limits]
    ready_at = buckets.take(tx, limits, now)
    if ready_at is None:
        return look.ruling
    names = ", ".join(sorted({limit.rule for limit in decision.rate_limits}))
    message = f"{names} lets one go on every {max(limit.refill for limit in decision.rate_limits)} s"
    return Ruling(Step.WAIT, Reason.RATE_LIMITED, message, ready_at)


def _queue(tx: Transaction, decided: _Decided, item: Work) -> None:
    found, now = decided.look.decided, decided.now
    assert found is not None  # noqa: S101 - only `decide` rules EXECUTE
    assert found.plan is not None  # noqa: S101 - the same
    assert found.decision is not None  # noqa: S101 - the same
    newer = ownership.newer_owner(tx, item, found.plan)
    if newer:  # decided late: held, refused by earlier rules, or of a higher priority
        ruling = Ruling(
            Step.REFUSE, Reason.SUPERSEDED, f"{newer} decides the same and is newer; nothing was written"
        )
        reason, message = ruling.reason.value, ruling.message
        after = work.terminal(tx, item, reason=reason, message=message, basis=decided.basis, now=now)
        decided.report(tx, after, ruling)
        return
    work.decide(
        tx,
        item,
        effect_key=decided.key,
        executor=found.decision.routes[0].executor,
        priority=found.decision.priority,
        packages=[Package(change.repository, change.name) for change in found.plan.packages],
        basis=decided.basis,
        now=now,
    )
    taken, name = ownership.take(tx, item, found.plan), f"{item.namespace}/{item.name}"
    report.supersede(tx, taken.lost, by=name, now=now)
    give_back(tx, taken.freed, by=name, now=now)
