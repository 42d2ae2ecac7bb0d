"""The step `decide`: rules, contract and rendering on a frozen snapshot. Pure: no input, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rules
from engine import krm
from engine.contract import Contract
from engine.reasons import Reason
from engine.reconcile.gather import Snapshot
from engine.reconcile.read import contract_ruling
from engine.reconcile.ruling import Ruling, Step


@dataclass(frozen=True, slots=True)
class Decided:
    """What is decided for an intent.

    Attributes:
        actions: as the rules leave them.
        decision: what the rules say; None where an earlier guard ended the look.
        plan: what is to be written; None where nothing is.
    """

    ruling: Ruling
    actions: tuple[Mapping[str, Any], ...]
    decision: rules.Decision | None = None
    plan: krm.Plan | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know, in the rules' words and the plan's."""
        said = [warning.message for warning in self.decision.warnings] if self.decision else []
        return (*said, *(self.plan.warnings if self.plan else ()))


def decide(
    snapshot: Snapshot,
    book: rules.RuleBook,
    bounds: rules.Bounds,
    cluster: krm.ClusterSettings,
    timer: rules.Timer = rules.UNTIMED,
) -> Decided:
    """Decides a snapshot: the guards in order, then the plan; `timer` changes nothing of it."""
    for guard in GUARDS:
        ruling = guard(snapshot)
        if ruling is not None:
            return Decided(ruling, snapshot.actions)
    types = snapshot.understood.types
    contract = contract_after(snapshot.actions, types.contract)
    decision = rules.evaluate(snapshot.rules, book, bounds, contract, timer)
    if decision.verdict is not rules.Verdict.PROCEED:
        return Decided(_verdict(decision), decision.actions, decision)
    if len({route.executor for route in decision.routes}) > 1:
        names = ", ".join(sorted({route.executor for route in decision.routes}))
        message = f"its actions would go through several executors ({names}); write an intent for each"
        return Decided(Ruling(Step.REFUSE, Reason.RULE_ERROR, message), decision.actions, decision)
    plan = krm.plan(decision.actions, snapshot.views, decision.routes, cluster, types.resources)
    if isinstance(plan, krm.CannotRender):
        ruling = Ruling(Step.REFUSE, plan.reason, plan.message)
        return Decided(ruling, decision.actions, decision)
    return Decided(_go(snapshot, decision, plan), decision.actions, decision, plan)


def contract_after(checked: Sequence[Mapping[str, Any]], contract: Contract) -> rules.Contract:
    """Returns the contract for rules: what has been checked before, and no rule has changed, is not again."""

    def problems(action: Mapping[str, Any]) -> Sequence[str]:
        return () if any(action is each for each in checked) else contract.said_problems(action)

    return problems


def unresolved(snapshot: Snapshot) -> Ruling | None:
    """Refuses what needs a fact that is not known, or contradicts one."""
    return snapshot.unresolved


def outside_contract(snapshot: Snapshot) -> Ruling | None:
    """Refuses an action whose resolved numbers the contract does not allow."""
    contract, checked = snapshot.understood.types.contract, snapshot.understood.actions
    resolved = (action for action in snapshot.actions if action not in checked)
    rulings = (contract_ruling(action, contract) for action in resolved)
    return next((ruling for ruling in rulings if ruling is not None), None)


GUARDS: tuple[Callable[[Snapshot], Ruling | None], ...] = (unresolved, outside_contract)
"""In the order in which they are asked, before the rules; the first that rules ends the look."""


def _verdict(decision: rules.Decision) -> Ruling:
    if decision.verdict is rules.Verdict.REFUSE:
        return Ruling(Step.REFUSE, Reason(decision.reason.value), decision.message)
    until = decision.hold_until.timestamp() if decision.hold_until else None
    return Ruling(Step.WAIT, Reason(decision.reason.value), decision.message, until)


def _go(snapshot: Snapshot, decision: rules.Decision, plan: krm.Plan) -> Ruling:
    packages = ", ".join(f"{change.repository}/{change.name}" for change in plan.packages)
    if snapshot.shadow:
        message = f"shadow: would write {packages}" if packages else "shadow: nothing would change"
        return Ruling(Step.FINISH, Reason.DRY_RUN, message)
    if snapshot.intent.spec.dry_run:
        message = f"dry run: would write {packages}" if packages else "dry run: nothing would change"
        return Ruling(Step.FINISH, Reason.DRY_RUN, message)
    if not packages:
        return Ruling(Step.FINISH, Reason.COMPLETED, "all is as wished already; nothing was written")
    executor = decision.routes[0].executor
    if executor in snapshot.paused_executors:
        message = f"the settings pause the executor {executor} (paused.executors)"
        return Ruling(Step.WAIT, Reason.PAUSED, message)
    return Ruling(Step.EXECUTE, Reason.PROCESSING, f"writing {packages} through {executor}")
