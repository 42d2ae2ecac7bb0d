"""What shadow decisions would have done, beside what an existing system did; compares, and changes nothing.

The other side is a folder of structured intents by contract 1.0.0, or the live objects. It is judged by what
it can say: a contract that has no field for an image neither agrees nor differs in the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine import contract, live
from engine.krm.change import JsonObject, Plan
from engine.krm.merge import merge_object
from engine.settings import fits
from store import Reader, decisions, intents, work

_PAGE = 500
_LARGEST_FILE = 1_048_576
"""In bytes; a structured intent has a few hundred."""
_V1_FIELDS = frozenset({"intent_type", "target", "namespace", "replicas"})
_ABOUT = frozenset(
    {"reason", "source", "correlation_id", "priority", "constraints", "created_at", "updated_at", "status"}
)
"""What a file says of itself rather than of what is wished."""

Action = Mapping[str, Any]
Key = tuple[str, str, str]
"""Namespace, target and type of an action."""


class Agreement(StrEnum):
    """How one shadow action stands to what the other side did."""

    SAME = "same"  #: Both do the same, or both do nothing.
    DIFFERS = "differs"  #: Both do something, and not the same; or one refuses what the other did.
    ABSENT = "absent"  #: The other side did nothing of it.
    ONLY_THERE = "only there"  #: The other side did what no intent in shadow asks for.
    UNKNOWN = "unknown"  #: What the other side did cannot be told.


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The newest decision of one intent in shadow.

    Attributes:
        refused: why nothing would be done; empty where the actions would be carried out.
        actions: as the rules leave them; none where the text could not be read.
        plan: what would be written.
        decided_at: in seconds since 1970.
    """

    intent: str
    refused: str
    actions: tuple[Action, ...]
    plan: Plan
    decided_at: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison.

    Attributes:
        intent: "namespace/name"; empty for what is only there.
        subject: what was compared: a target, or a live object.
        differences: what is not the same, in words.
    """

    intent: str
    intent_type: str
    subject: str
    agreement: Agreement
    differences: tuple[str, ...] = ()


@dataclass(slots=True)
class HandoffFolder:
    """The structured intents of another system, the newest by modification time for each key.

    Attributes:
        problems: the files that could not be used, and why.
    """

    actions: dict[Key, Action] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> HandoffFolder:
        """Reads intent-*.json of a folder and those below it.

        Raises:
            OSError: the folder cannot be read.
        """
        found = cls()
        files = [path for path in folder.rglob("intent-*.json") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name)):
            try:
                action = _read_action(path)
            except ValueError as error:
                found.problems.append(f"{path}: {error}")
            else:
                found.actions[_key(action)] = action
        return found


def shadowed(reader: Reader, namespaces: Sequence[str]) -> Iterator[Shadowed]:
    """Reads the newest decision of each intent in the namespaces, which are globs; dry runs are left out."""
    after = ("", "")
    while page := intents.page(reader, _PAGE, after=after):
        for intent in page:
            if fits(namespaces, intent.namespace):
                yield from _shadowed(reader, intent.namespace, intent.name)
        after = (page[-1].namespace, page[-1].name)


def against_handoff(
    ours: Iterable[Shadowed], theirs: HandoffFolder, namespaces: Sequence[str]
) -> list[Finding]:
    """Compares each action with the newest file of its namespace, target and type.

    Of several intents about one key the newest decision counts, as it would have taken the fields over.
    """
    newest: dict[Key, tuple[Shadowed, Action]] = {}
    for item in sorted(ours, key=lambda item: item.decided_at):
        newest.update({_key(action): (item, action) for action in item.actions})
    found = [_with_file(item, action, theirs.actions.get(key)) for key, (item, action) in newest.items()]
    found += [
        Finding("", key[2], f"{key[0]}/{key[1]}", Agreement.ONLY_THERE)
        for key in theirs.actions
        if key not in newest and fits(namespaces, key[0])
    ]
    return sorted(found, key=_order)


def against_live(ours: Iterable[Shadowed], inventory: live.Inventory) -> list[Finding]:
    """Compares each object that would be written with the live one; the same is what it would not change."""
    found: list[Finding] = []
    for item in ours:
        if item.refused:
            continue
        types = {(action["namespace"], action["target"]): action["intent_type"] for action in item.actions}
        every = ", ".join(sorted(set(types.values())))
        for change in item.plan.packages:
            intent_type = types.get((change.namespace, change.target), every)
            found += [_with_live(item.intent, intent_type, patch, inventory) for patch in change.objects]
        if not item.plan.packages:
            found += [
                Finding(item.intent, action["intent_type"], _subject(action), Agreement.SAME)
                for action in item.actions
            ]
    return sorted(found, key=_order)


def _shadowed(reader: Reader, namespace: str, name: str) -> Iterator[Shadowed]:
    item = work.current(reader, namespace, name)
    stored = decisions.latest(reader, item.id) if item is not None else None
    if item is None or stored is None:
        return
    body = json.loads(stored.body)
    if body.get("snapshot", {}).get("intent", {}).get("dryRun"):
        return
    going = stored.verdict in ("finish", "execute")
    refused = "" if going else f"{stored.reason}: {item.message}"
    plan = Plan.from_json(body["plan"]) if "plan" in body else Plan(())
    yield Shadowed(f"{namespace}/{name}", refused, tuple(body.get("actions", ())), plan, stored.created_at)


def _read_action(path: Path) -> Action:
    """Reads a structured intent without what it says of itself.

    Raises:
        ValueError: it is none.
    """
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"larger than {_LARGEST_FILE} bytes")
    value = json.loads(path.read_bytes())
    names = ("intent_type", "target", "namespace")
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in names):
        raise ValueError("no structured intent; it has texts intent_type, target and namespace")
    known = contract.schema()["properties"].keys() - _ABOUT
    return {name: item for name, item in value.items() if name in known}


def _with_file(item: Shadowed, action: Action, theirs: Action | None) -> Finding:
    about = (item.intent, action["intent_type"], _subject(action))
    if item.refused:
        if theirs is None:
            return Finding(*about, Agreement.SAME, (f"not done here either ({item.refused})",))
        return Finding(*about, Agreement.DIFFERS, (f"done there, not here: {item.refused}",))
    if theirs is None:
        return Finding(*about, Agreement.ABSENT)
    fields = _comparable(action, theirs)
    ours, other = ({name: each.get(name) for name in fields} for each in (action, theirs))
    differences = tuple(_differences(ours, other))
    return Finding(*about, Agreement.DIFFERS if differences else Agreement.SAME, differences)


def _comparable(ours: Action, theirs: Action) -> set[str]:
    """Returns the fields in which two actions can be compared.

    Version 1.0.0 knows `replicas` alone and asks for it with every type, so it means something only where the
    action is about replicas.
    """
    if theirs.keys() <= _V1_FIELDS:
        return {"replicas"} & ours.keys()
    return (ours.keys() | theirs.keys()) - {"target_kind"}  # most files leave it to the default


def _with_live(intent: str, intent_type: str, patch: JsonObject, inventory: live.Inventory) -> Finding:
    metadata = patch["metadata"]
    subject = f"{patch['kind']} {metadata['namespace']}/{metadata['name']}"
    about = (intent, intent_type, subject)
    try:
        there = inventory.get(patch["kind"], metadata["namespace"], metadata["name"])
    except live.UnknownFact as unknown:
        return Finding(*about, Agreement.UNKNOWN, (str(unknown),))
    if there is None:
        return Finding(*about, Agreement.ABSENT)
    content = {name: value for name, value in patch.items() if name != "metadata"}  # guards are ours alone
    differences = tuple(_differences(merge_object(there, content), there))
    return Finding(*about, Agreement.DIFFERS if differences else Agreement.SAME, differences)


def _differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yields the values that differ, each with its path."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in sorted(ours.keys() | theirs.keys()):
            inner = f"{path}.{name}" if path else str(name)
            yield from _differences(ours.get(name), theirs.get(name), inner)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path}: {_shown(ours)} here, {_shown(theirs)} there"


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _key(action: Action) -> Key:
    return (action["namespace"], action["target"], action["intent_type"])


def _subject(action: Action) -> str:
    return f"{action['namespace']}/{action['target']}"


def _order(finding: Finding) -> tuple[str, str, str]:
    return (finding.intent_type, finding.subject, finding.intent)
