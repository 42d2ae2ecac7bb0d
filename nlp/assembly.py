"""Clauses to actions: targets, pronouns, namespaces of a sentence, and several actions in one clause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nlp.clauses import REASON, Cover
from nlp.dns_names import namespace_name, target_name
from nlp.draft import (
    Draft,
    Places,
    Rejected,
    Workload,
    impossible,
    places_of,
    spliced,
    unclear,
    unsupported,
    workload,
)
from nlp.frames import IGNORED, Clause
from nlp.meanings import MEANINGS, ROOTS, check_bounds
from nlp.policies import flows
from nlp.reading import JSON
from nlp.values import Assign

MAX_ACTIONS = 32
"""The most actions of one text."""
LEADING_WORDS = 3
"""A namespace within so many tokens of the start of a clause leads it."""
_OF_NAMESPACES = frozenset({"network_policy", "resource_limits", "service_mesh"})
"""Types that can be about every pod of a namespace."""
_JOINED = frozenset({"configuration", "resource_limits", "service_mesh"})
"""Types of which one action may say several things."""
_REPEATABLE = frozenset({"affinity", "network_policy"})
"""Types of which one target may have several, that add up."""


@dataclass(slots=True)
class Meant:
    """An action with the token ranges that its fields came from."""

    fields: dict[str, JSON]
    places: dict[str, Places]
    assumed: list[tuple[str, JSON, str]]


@dataclass(slots=True)
class _Part:
    """One clause being assembled: its workloads and where its namespace was said."""

    clause: Clause
    found: dict[str, list[Assign]]
    targets: list[Workload]
    namespace: str
    namespace_places: Places


def assemble(cover: Cover) -> list[Meant]:
    """Returns the actions that a cover means, in the order of the text.

    Raises:
        Rejected: it means nothing that can be done.
    """
    said = {one.field for clause in cover.clauses for one in clause.found}
    if "question" in said and "asked" not in said:
        raise unsupported("questions are not answered; write what is to be done")
    for clause in cover.clauses:
        _refuse_statements(clause)
    parts = [_part(clause) for clause in cover.clauses]
    _resolve_pronouns(parts)
    _share_namespaces(parts)
    actions: list[Meant] = []
    for part in parts:
        meant = _actions(part)
        if not (part.clause.carried and len(meant) == 1 and actions and _joined(actions[-1], meant[0])):
            actions += meant
    if len(actions) > MAX_ACTIONS:
        raise impossible(f"more than {MAX_ACTIONS} actions in one text; split it")
    _refuse_contradictions(actions)
    _refuse_requests_above_limits(actions)
    return _merged(actions)


def _refuse_statements(clause: Clause) -> None:
    """Refuses "is" and "are" but for what is to be ensured: else a text says how things are, or asks."""
    stated = min((one.start for one in clause.found if one.field == "stated"), default=None)
    ensured = min((one.start for one in clause.found if one.field == "ensured"), default=None)
    if stated == clause.start:
        raise unsupported("questions are not answered; write what is to be done")
    if stated is not None and (ensured is None or ensured > stated):
        raise unclear("the text says how things are; write what is to be done", ((stated, stated + 1),))


def _part(clause: Clause) -> _Part:
    found: dict[str, list[Assign]] = {}
    for one in (*spliced(clause.found), *(Assign(name, value, 0, 0) for name, value in clause.frame.sets)):
        if one.field not in (IGNORED, REASON):
            found.setdefault(one.field, []).append(one)
    said = [*found.pop("namespace", []), *_partners_namespaces(found)]
    if len({one.value for one in said}) > 1:
        raise unclear("two namespaces are named; name one", places_of(said))
    namespace = namespace_name(str(said[0].value), places_of(said)) if said else ""
    kind = found.pop("kind", [])
    if kind:
        found["target"] = [_of_kind(one, kind[0]) for one in found.get("target", [])]
    targets = [workload(one) for one in found.get("target", [])]
    each = found.pop("each", [])
    if each and len(targets) == 1:
        raise unclear("'each' is said of one workload; name them all, or leave it out", places_of(each))
    return _Part(clause, found, targets, namespace, places_of(said))


def _partners_namespaces(found: Mapping[str, list[Assign]]) -> Iterable[Assign]:
    """Yields where a namespace stands beside a workload to be placed with: it is the action's too."""
    for one in found.get("affinity.with", []):
        if isinstance(one.value, tuple):
            yield from (part for part in spliced(one.value) if part.field == "namespace")


def _of_kind(one: Assign, kind: Assign) -> Assign:
    parts = one.value if isinstance(one.value, tuple) else ()
    return one._replace(value=(*(part for part in parts if isinstance(part, Assign)), kind))


def _resolve_pronouns(parts: Sequence[_Part]) -> None:
    """Puts the latest target in the place of it, its and them."""
    latest: list[Workload] = []
    before: set[tuple[str, bool]] = set()
    for part in parts:
        for name in ("target", "flow.from[]", "flow.to[]", "affinity.with"):
            values = part.found.get(name, [])
            for index, one in enumerate(values):
                meant = workload(one)
                if not meant.pronoun:
                    continue
                if len(latest) != 1 or (meant.pronoun == "many" and len(before) > 1):
                    raise unclear("it is not clear which workload is meant; name it", meant.places)
                values[index] = _as_assign(one, latest[0])
        part.targets = [workload(one) for one in part.found.get("target", [])]
        named = part.targets or [workload(one) for one in _policy_targets(part)]
        before |= {(one.name, one.everything) for one in named}
        if named:
            latest = [replace(one, namespace=one.namespace or part.namespace) for one in named]


def _policy_targets(part: _Part) -> list[Assign]:
    egress = any(one.value == "egress" for one in part.found.get("network_policy.direction", []))
    return part.found.get("flow.from[]" if egress else "flow.to[]", [])


def _as_assign(one: Assign, meant: Workload) -> Assign:
    parts = [Assign("name", meant.name, one.start, one.end)]
    if meant.kind:
        parts.append(Assign("kind", meant.kind, one.start, one.end))
    if meant.everything:
        parts.append(Assign("everything", True, one.start, one.end))
    if meant.namespace:
        parts.append(Assign("namespace", meant.namespace, one.start, one.end))
    return one._replace(value=tuple(parts))


def _share_namespaces(parts: Sequence[_Part]) -> None:
    """Gives a namespace that stands at the begin or the end of a sentence to all of its clauses.

    The field of a ticket holds for the whole text.
    """
    tickets = [part for part in parts if any(one.field == "ticket" for one in part.clause.found)]
    others = [part for part in parts if part not in tickets]
    if tickets and any(_own_namespace(part) for part in others):
        raise unclear("it is not clear for which actions the namespace holds; say it for each")
    for part in others if tickets else ():
        part.namespace, part.namespace_places = tickets[0].namespace, tickets[0].namespace_places
    for sentence in {part.clause.sentence for part in parts}:
        members = [part for part in parts if part.clause.sentence == sentence]
        without = [part for part in members if not _own_namespace(part)]
        if not without or len(without) == len(members):
            continue
        first, last = members[0], members[-1]
        if without == members[1:] and _leads(first):
            source = first
        elif without == members[:-1]:
            source = last
        else:
            raise unclear("it is not clear for which actions the namespace holds; say it for each")
        for part in without:
            part.namespace = _own_namespace(source)
            part.namespace_places = source.namespace_places


def _leads(part: _Part) -> bool:
    """Whether a clause begins with its namespace: "in the ran namespace, ..."."""
    return any(start - part.clause.start <= LEADING_WORDS for start, _ in part.namespace_places)


def _own_namespace(part: _Part) -> str:
    if part.namespace:
        return part.namespace
    named = {target.namespace for target in part.targets if target.namespace}
    if not part.targets:
        named = {one.namespace for one in map(workload, _policy_targets(part)) if one.namespace}
    return named.pop() if len(named) == 1 else ""


def _actions(part: _Part) -> list[Meant]:
    groups = _groups(part)
    targets: list[Workload | None] = [*part.targets] or [None]
    shared = part.namespace or (part.targets[-1].namespace if part.targets else "")
    actions: list[Meant] = []
    for target in targets:
        for intent_type, found in groups:
            for flow in flows(found) if intent_type == "network_policy" else [found]:
                draft = Draft(intent_type, flow, target or Workload())
                own = part.clause.frame.meaning if intent_type == part.clause.frame.intent_type else None
                (own or MEANINGS[intent_type])(draft)
                actions.append(_finished(draft, part, shared))
    return actions


def _groups(part: _Part) -> list[tuple[str, dict[str, list[Assign]]]]:
    """Sorts what a clause said by the intent type that it belongs to, the clause's own type first."""
    own = part.clause.frame.intent_type
    groups: dict[str, dict[str, list[Assign]]] = {own: {}}
    for name, values in part.found.items():
        root = name.partition(".")[0]
        intent_type = own if name in ("target", "replicas") else ROOTS.get(root, own)
        groups.setdefault(intent_type, {})[name] = values
    return list(groups.items())


def _finished(draft: Draft, part: _Part, shared: str) -> Meant:
    target = draft.target
    fields: dict[str, JSON] = {"intent_type": draft.intent_type, "target": target_name(target)}
    places: dict[str, Places] = {
        "intent_type": ((part.clause.start, part.clause.end),),
        "target": target.places,
    }
    if target.kind and target.kind != "Deployment":
        fields["target_kind"] = target.kind
        places["target_kind"] = target.places
    if target.everything and draft.intent_type not in _OF_NAMESPACES:
        raise unclear("a whole namespace is meant; name one workload", target.places)
    if target.kind == "DaemonSet" and draft.intent_type == "scaling":
        raise impossible("a DaemonSet cannot be scaled: it runs one pod on each node", target.places)
    if target.namespace and part.namespace and target.namespace != part.namespace:
        raise unclear("two namespaces are named; name one", target.namespace_places + part.namespace_places)
    namespace = target.namespace or shared
    if namespace:
        where = target.namespace_places or part.namespace_places
        fields["namespace"] = namespace_name(namespace, where)
        places["namespace"] = where
    return Meant(fields | draft.fields, places | draft.places, draft.assumed)


def _refuse_contradictions(actions: Sequence[Meant]) -> None:
    seen: dict[tuple[str, str, str, str], tuple[JSON, Places]] = {}
    for action in actions:
        whose = (
            str(action.fields["intent_type"]),
            str(action.fields["target"]),
            str(action.fields.get("namespace", "")),
        )
        for name, value in _leaves(action):
            key = (*whose, name)
            places = action.places.get("target", ())
            if key in seen and seen[key][0] != value:
                raise unclear(
                    f"{whose[1]} is given two values for {re.sub('[._]', ' ', name)}; say one",
                    seen[key][1] + places,
                )
            seen[key] = (value, places)


def _refuse_requests_above_limits(actions: Sequence[Meant]) -> None:
    """Compares what several actions say about one workload; one action was checked by itself."""
    amounts: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for action in actions:
        whose = (str(action.fields["target"]), str(action.fields.get("namespace", "")))
        resources = action.fields.get("resources")
        for bound, said in resources.items() if isinstance(resources, dict) else ():
            if isinstance(said, dict):
                known = amounts.setdefault(whose, {}).setdefault(bound, {})
                known.update((resource, str(amount)) for resource, amount in said.items())
    for bounds in amounts.values():
        check_bounds(bounds.get("requests", {}), bounds.get("limits", {}))


def _leaves(action: Meant) -> list[tuple[str, JSON]]:
    """Returns the values of an action that another for the same target must not contradict."""
    kind = action.fields["intent_type"]
    body = {
        name: value
        for name, value in action.fields.items()
        if name not in ("intent_type", "target", "namespace")
    }
    if kind == "network_policy":
        policy = body["network_policy"]
        if isinstance(policy, dict):
            rest = repr(sorted((name, repr(value)) for name, value in policy.items() if name != "action"))
            return [(f"network_policy {rest}", policy["action"])]
    if kind in _REPEATABLE:
        return []
    if kind == "scaling":
        return [("replicas", {name: body.get(name) for name in ("replicas", "replicas_change", "autoscale")})]
    return _flat(body, "")


def _flat(value: JSON, name: str) -> list[tuple[str, JSON]]:
    if isinstance(value, dict):
        return [
            leaf for key, inside in value.items() for leaf in _flat(inside, f"{name}.{key}" if name else key)
        ]
    return [(name, value)]


def _joined(before: Meant, action: Meant) -> bool:
    """Joins to an action what the same verb says of the same workload; False if it is another action."""
    whose = ("intent_type", "target", "target_kind", "namespace")
    if before.fields["intent_type"] not in _JOINED or any(
        before.fields.get(name) != action.fields.get(name) for name in whose
    ):
        return False
    mine, more = dict(_flat(before.fields, "")), dict(_flat(action.fields, ""))
    if any(mine.get(name, value) != value for name, value in more.items()):
        return False
    _fill(before.fields, action.fields)
    before.places |= {name: places for name, places in action.places.items() if name not in before.places}
    before.assumed += action.assumed
    return True


def _fill(into: dict[str, JSON], more: Mapping[str, JSON]) -> None:
    for name, value in more.items():
        inside = into.get(name)
        if isinstance(inside, dict) and isinstance(value, dict):
            _fill(inside, value)
        else:
            into[name] = value


def _merged(actions: Sequence[Meant]) -> list[Meant]:
    """Drops an action that says again what another has said."""
    kept: list[Meant] = []
    for action in actions:
        if all(action.fields != other.fields for other in kept):
            kept.append(action)
    return kept


__all__ = ["Meant", "Rejected", "assemble"]
