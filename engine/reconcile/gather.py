"""The step `gather`: everything else that a decision needs, frozen; the last step that does any input."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import rules
from engine import krm, live
from engine.intent_types import IntentTypes
from engine.live.objects import name_of
from engine.network_intent import Intent
from engine.reasons import Reason
from engine.reconcile.admission import Standing
from engine.reconcile.read import Understood
from engine.reconcile.ruling import Ruling, Step
from rules.snapshot import Source


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision is made from.

    Attributes:
        actions: each with its namespace, kind and numbers resolved from the live objects.
        views: the live objects around each action.
        from_live: by index of the action, what was taken from the live objects, and why.
        shadow: nothing is to be written.
        paused_executors: those that take nothing now.
        unresolved: why an action's numbers or kind could not be resolved; None where all are.
    """

    intent: Intent
    understood: Understood
    actions: tuple[dict[str, Any], ...]
    views: tuple[live.LiveView, ...]
    rules: rules.Snapshot
    from_live: tuple[tuple[int, live.FromLive], ...] = ()
    unresolved: Ruling | None = None
    shadow: bool = False
    paused_executors: tuple[str, ...] = ()


Place = tuple[str, str]
"""Namespace and name of a target."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a look besides the live objects.

    Attributes:
        owners: looks up which other intent owns which field of some targets.
        now: with a time zone.
        source: where the intent came from.
        cluster: what the objects cannot tell about their cluster.
        paused_executors: those that take nothing now.
    """

    owners: Callable[[Collection[Place]], Mapping[Place, Mapping[str, str]]]
    history: rules.History
    now: datetime
    source: Source
    cluster: krm.ClusterSettings
    paused_executors: tuple[str, ...] = ()


def gather(
    standing: Standing, understood: Understood, inventory: live.Inventory, context: Context
) -> Snapshot:
    """Gathers the facts around each action and resolves what depends on them."""
    assert standing.intent is not None  # noqa: S101 - `malformed` has ended the look of what is no intent
    views = tuple(live.gather(action, inventory) for action in understood.actions)
    if standing.resolved:
        actions, from_live, unresolved = _resolved_before(standing.resolved, understood)
    else:
        actions, from_live, unresolved = _resolved_now(understood, views)
    assumed = [(item.action, item.field) for item in understood.assumed]
    assumed += [(index, value.field) for index, value in from_live]
    owners = _owners(actions, views, context, understood.types)
    facts = tuple(
        replace(
            live.facts(action, view, actions[:index]),
            field_owners=owners[index],
            assumed=tuple(field for number, field in assumed if number == index),
        )
        for index, (action, view) in enumerate(zip(actions, views, strict=True))
    )
    return Snapshot(
        intent=standing.intent,
        understood=understood,
        actions=actions,
        views=views,
        rules=rules.Snapshot(
            _view(standing.intent, context.source),
            actions,
            facts,
            context.history,
            context.now,
            approved=standing.approved,
        ),
        from_live=from_live,
        unresolved=unresolved,
        shadow=standing.shadow,
        paused_executors=context.paused_executors,
    )


_Resolved = tuple[tuple[dict[str, Any], ...], tuple[tuple[int, live.FromLive], ...], Ruling | None]
"""Actions, what of them was taken from live objects, and why one of them could not be resolved."""


def _resolved_now(understood: Understood, views: Sequence[live.LiveView]) -> _Resolved:
    actions: list[dict[str, Any]] = []
    from_live: list[tuple[int, live.FromLive]] = []
    unresolved: Ruling | None = None
    for index, (action, view) in enumerate(zip(understood.actions, views, strict=True)):
        result = live.resolve(action, view)
        if isinstance(result, live.Unresolved):
            unresolved = unresolved or Ruling(Step.REFUSE, result.reason, result.message)
            actions.append(dict(action))
        else:
            actions.append(result.action)
            from_live += [(index, value) for value in result.assumed]
    return tuple(actions), tuple(from_live), unresolved


def _resolved_before(resolved: Sequence[Mapping[str, Any]], understood: Understood) -> _Resolved:
    """Returns the actions as they were resolved before, if the text still says all that they say."""
    said = [{**action, "replicas_change": None} for action in understood.actions]
    stays = len(said) == len(resolved) and all(
        {**before, **now, "replicas_change": None} == {**before, "replicas_change": None}
        for before, now in zip(resolved, said, strict=True)
    )
    if not stays:
        message = "its text is read otherwise than when it was done; state it in other words to have it anew"
        unresolved = Ruling(Step.REFUSE, Reason.AMBIGUOUS, message)
        return tuple(dict(action) for action in understood.actions), (), unresolved
    from_live = tuple(
        (index, live.FromLive(field, before[field], "as it was decided first"))
        for index, (before, now) in enumerate(zip(resolved, said, strict=True))
        for field in sorted(before.keys() - now.keys())
    )
    return tuple(dict(action) for action in resolved), from_live, None


def _owners(
    actions: Sequence[Mapping[str, Any]],
    views: Sequence[live.LiveView],
    context: Context,
    types: IntentTypes,
) -> list[Mapping[str, str]]:
    """Returns for each action who owns which of the fields that it would write.

    Only the plan knows the fields; where there cannot be one, the owners of every field of the target count.
    """
    places = [_places(view) for view in views]
    owners = context.owners(set().union(*places))
    found: list[Mapping[str, str]] = [
        {field: owner for place in around for field, owner in owners.get(place, {}).items()}
        for around in places
    ]
    if not any(found):
        return found
    routes = [rules.Route("", "", "")] * len(actions)
    plan = krm.plan(actions, views, routes, context.cluster, types.resources)
    if isinstance(plan, krm.CannotRender):
        return found
    written = {field for change in plan.packages for field in change.fields}
    return [{field: owner for field, owner in owners.items() if field in written} for owners in found]


def _places(view: live.LiveView) -> set[Place]:
    """Returns the targets whose packages an action may write: what is about a host is that of its Service."""
    services = view.target_services() or ()
    return {(view.namespace, view.target), *((view.namespace, name_of(item)) for item in services)}


def _view(intent: Intent, source: Source) -> rules.IntentView:
    spec = intent.spec
    return rules.IntentView(
        namespace=intent.namespace,
        name=intent.name,
        uid=intent.uid,
        generation=intent.generation,
        text=spec.intent,
        labels=intent.labels,
        annotations=intent.annotations,
        priority=spec.priority,
        source=source,
        requester=intent.requester,
        dry_run=spec.dry_run,
        target_namespace=spec.target_namespace or "",
        min_replicas=spec.constraints.min_replicas,
        max_replicas=spec.constraints.max_replicas,
        allowed_namespaces=tuple(spec.constraints.allowed_namespaces or ()),
    )
