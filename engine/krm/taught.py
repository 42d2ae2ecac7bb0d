"""Types that users teach: the objects that their documents state, filled for one action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.krm.change import JsonObject
from engine.krm.draft import Draft, Refused, field_path, known, whole
from engine.live.view import LiveView
from engine.reasons import Reason
from rules import EvaluationError, Structure

_IDENTITY = ("apiVersion", "kind", "metadata")


def render(
    structures: Sequence[Structure], action: Mapping[str, Any], view: LiveView, facts: Mapping[str, str]
) -> tuple[Draft, ...]:
    """Returns the objects of an action, whole, in the package of its target.

    Args:
        structures: what its type writes.
        action: by the contract, of that type.
        view: what is known around it.
        facts: by kind, the field of the view that holds the live objects.

    Raises:
        Refused: an expression failed, or the name of an object is taken or is none.
    """
    items: list[JsonObject] = []
    warnings: list[str] = []
    for structure in structures:
        item = _object(_filled(structure, action), view, facts, warnings)
        if any((other["kind"], other["metadata"]["name"]) == _key(item) for other in items):
            message = f"the type {action['intent_type']} writes two {item['kind']} {_key(item)[1]}"
            raise Refused(Reason.INVALID, message)
        items.append(item)
    fields = tuple(path for item in items for path in _fields(item))
    return (Draft(view.target, tuple(items), fields, tuple(warnings)),)


def _filled(structure: Structure, action: Mapping[str, Any]) -> JsonObject:
    try:
        filled = structure.fill(action)
    except EvaluationError as error:
        raise Refused(Reason.RULE_ERROR, f"the type {action['intent_type']}: {error}") from error
    assert isinstance(filled, dict)  # noqa: S101 - the model of an IntentType lists maps alone
    return filled


def _object(said: JsonObject, view: LiveView, facts: Mapping[str, str], warnings: list[str]) -> JsonObject:
    metadata, kind = said["metadata"], said["kind"]
    present: Sequence[Mapping[str, Any]] = ()
    if kind in facts:
        present = known(getattr(view, facts[kind]), facts[kind], view)
    else:
        name = f"{kind} {metadata['name']}"
        warnings.append(f"whether there is a {name} already is not known; it would be written over")
    content = {key: value for key, value in said.items() if key not in _IDENTITY}
    item = whole(said["apiVersion"], kind, view, str(metadata["name"]), present, **content)
    for part in ("labels", "annotations"):
        if part in metadata:
            item["metadata"][part] = {**metadata[part], **item["metadata"].get(part, {})}
    return item


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def _fields(item: JsonObject) -> Iterator[str]:
    """Yields the path of every value that an object states."""
    for name, value in item.items():
        if name not in _IDENTITY:
            yield from (field_path(item, *path) for path in _leaves(value, (name,)))


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping) and value:
        for key, inside in value.items():
            yield from _leaves(inside, (*path, str(key)))
    else:
        yield path
