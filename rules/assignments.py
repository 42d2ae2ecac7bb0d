"""What `set` does: find the field by its dotted path, check the type when loading, assign when deciding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from rules.expressions import Scope
from rules.shapes import Kind, ListOf, MapOf, Record, Scalar, Shape
from rules.snapshot import Action, Json
from rules.templates import Template

KeyPath: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "Template | Mapping[str, Value] | tuple[Value, ...] | int | float | bool | None"
"""A value of `set`: literals, with a Template for each text."""

IDENTITY = ("intent_type", "target", "target_kind", "namespace")
"""What the facts of an action are about: a rule that changed it would judge by the facts of another."""
_NAMES: Mapping[Kind | None, str] = {
    Kind.STRING: "a text",
    Kind.INT: "a whole number",
    Kind.DOUBLE: "a number",
    Kind.BOOL: "true or false",
}
_TYPES: Mapping[type, Kind] = {bool: Kind.BOOL, int: Kind.INT, float: Kind.DOUBLE}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One entry of `set`: the field's path in steps, and its value; None takes the field away."""

    path: tuple[str, ...]
    value: Value

    def __str__(self) -> str:
        return ".".join(self.path)


def locate(action: Record, name: str) -> tuple[tuple[str, ...], Shape]:
    """Returns the steps to a dotted field and its shape; what follows a map is one key, dots and all.

    Raises:
        LookupError: there is no such field, or it cannot be set; says what there is.
    """
    steps: list[str] = []
    shape: Shape = action
    rest = name
    while rest:
        if isinstance(shape, MapOf):
            return (*steps, rest), shape.value
        step, _, rest = rest.partition(".")
        members = shape.members if isinstance(shape, Record) else {}
        if step not in members:
            owner, known = ".".join(["action", *steps]), ", ".join(members) or "no fields"
            raise LookupError(f"{owner} has no field {step!r}; there are {known}")
        steps.append(step)
        shape = members[step].shape
    if steps[0] in IDENTITY:
        raise LookupError(f"{steps[0]} cannot be set: the facts of the action belong to it")
    return tuple(steps), shape


def type_problems(value: Value, shape: Shape) -> Iterator[tuple[KeyPath, str]]:
    """Yields where within a value, and why, its type is not the field's."""
    if isinstance(shape, Scalar):
        kind = _kind(value)
        if kind is not shape.kind and Kind.DYN not in (kind, shape.kind) and value is not None:
            yield (), f"has to be {_NAMES[shape.kind]}, this is {_NAMES.get(kind, 'a list or a map')}"
    elif value is None or isinstance(value, Template):
        return
    elif isinstance(shape, ListOf):
        yield from _list_problems(value, shape)
    else:
        yield from _map_problems(value, shape)


def _list_problems(value: Value, shape: ListOf) -> Iterator[tuple[KeyPath, str]]:
    if not isinstance(value, tuple):
        yield (), "has to be a list"
        return
    for index, item in enumerate(value):
        yield from (((index, *path), message) for path, message in type_problems(item, shape.item))


def _map_problems(value: Value, shape: Record | MapOf) -> Iterator[tuple[KeyPath, str]]:
    if not isinstance(value, Mapping):
        yield (), "has to be a map"
        return
    for key, item in value.items():
        if isinstance(shape, Record) and key not in shape.members:
            yield (key,), f"{shape.name} has no field {key!r}; there are {', '.join(shape.members)}"
            continue
        inner = shape.members[key].shape if isinstance(shape, Record) else shape.value
        yield from (((key, *path), message) for path, message in type_problems(item, inner))


def _kind(value: Value) -> Kind | None:
    """Returns the type of a value as far as it is known at load; None for a list or a map."""
    if isinstance(value, Template):
        return value.kind
    return _TYPES.get(type(value))


def resolve(value: Value, scope: Scope) -> Json:
    """Returns a value with its expressions evaluated.

    Raises:
        EvaluationError: an expression failed.
    """
    if isinstance(value, Template):
        return value.value(scope)
    if isinstance(value, Mapping):
        return {key: resolve(item, scope) for key, item in value.items()}
    if isinstance(value, tuple):
        return [resolve(item, scope) for item in value]
    return value


def read(action: Action, path: tuple[str, ...]) -> Json:
    """Returns the value at a path; None where there is none."""
    value: Json = action
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def assign(action: Action, path: tuple[str, ...], value: Json) -> Action:
    """Returns the action with the value at a path; None takes the field away."""
    step, *rest = path
    changed = dict(action)
    if rest:
        inner = changed.get(step)
        changed[step] = assign(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)
    elif value is None:
        changed.pop(step, None)
    else:
        changed[step] = value
    return changed
