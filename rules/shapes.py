"""What expressions may read: the shape of each variable, taken from the records, the contract and the vars.

A shape says which fields there are, of which type, and when they are sure to be there. The CEL types and the
check for optional fields both come from it. Holds no value and reads none.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from pydantic.alias_generators import to_camel

from rules.snapshot import ContainerFacts, Facts, History, IntentView, Json


class Kind(StrEnum):
    """The scalar types of CEL that values of ours have."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    DYN = "dyn"  #: Known only when evaluated.


class Presence(StrEnum):
    """When a field is there."""

    ALWAYS = "always"
    OPTIONAL = "optional"  #: An expression has to ask with has() first.
    FACT = "fact"  #: Unless it is unknown, which is found out, and said, at evaluation.


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `choices` are the only texts it can be, where they are known."""

    kind: Kind
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one shape."""

    item: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """Values of one shape by free keys, or by the `keys` that there can be."""

    value: Shape
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields; `name` is how people refer to it, as `action.autoscale`."""

    name: str
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a record; `required_by` are the intent types that always have it."""

    shape: Shape
    presence: Presence = Presence.ALWAYS
    required_by: frozenset[str] = field(default_factory=frozenset)


Shape: typing.TypeAlias = Scalar | ListOf | MapOf | Record

UNREAD = "unknown"
"""The field of Facts that expressions do not read: they ask has() of the fact itself."""
_ANYTHING = Scalar(Kind.DYN)
_KINDS: Mapping[object, Kind] = {
    str: Kind.STRING,
    int: Kind.INT,
    float: Kind.DOUBLE,
    bool: Kind.BOOL,
    datetime: Kind.TIMESTAMP,
    "string": Kind.STRING,
    "integer": Kind.INT,
    "number": Kind.DOUBLE,
    "boolean": Kind.BOOL,
}


def variables(schema: Mapping[str, Json], values: Mapping[str, Json]) -> dict[str, Shape]:
    """Returns the shape of each variable of an expression, by its name.

    Args:
        schema: the JSON schema of an action.
        values: the effective `vars` of the rules.
    """
    return {
        "action": action_shape(schema),
        "facts": record_shape("facts", Facts, Presence.FACT),
        "history": record_shape("history", History, Presence.OPTIONAL),
        "intent": record_shape("intent", IntentView, Presence.OPTIONAL),
        "now": Scalar(Kind.TIMESTAMP),
        "settings": Record("settings", {"ownNamespace": Member(Scalar(Kind.STRING))}),
        "vars": Record("vars", {name: Member(value_shape(value)) for name, value in values.items()}),
    }


def record_shape(name: str, record: type, absent: Presence) -> Record:
    """Returns the shape of a dataclass; its fields that may be None are `absent` where they are."""
    hints = typing.get_type_hints(record)
    members: dict[str, Member] = {}
    for item in fields(record):
        if item.name == UNREAD:
            continue
        hint, optional = _without_none(hints[item.name])
        member = to_camel(item.name)
        members[member] = Member(
            _hint_shape(f"{name}.{member}", hint), absent if optional else Presence.ALWAYS
        )
    return Record(name, members)


def _without_none(hint: object) -> tuple[object, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [part for part in typing.get_args(hint) if part is not types.NoneType]
        return rest[0], True
    return hint, False


def _hint_shape(name: str, hint: object) -> Shape:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return Scalar(Kind.STRING, tuple(str(choice) for choice in arguments))
    if origin is tuple:
        return ListOf(_hint_shape(name, arguments[0]))
    if origin is not None:
        return MapOf(_hint_shape(name, arguments[1]))
    if hint is ContainerFacts:
        return record_shape(name, ContainerFacts, Presence.OPTIONAL)
    return Scalar(_KINDS[hint])


def action_shape(schema: Mapping[str, Json]) -> Record:
    """Returns the shape of an action by its JSON schema, with what each intent type requires."""
    required = _required_by_type(schema)
    shape = _schema_shape("action", schema, schema)
    if not isinstance(shape, Record):
        raise TypeError("the schema of an action describes no object with properties")
    members = {
        name: Member(
            member.shape,
            member.presence,
            frozenset(intent_type for intent_type, names in required.items() if name in names),
        )
        for name, member in shape.members.items()
    }
    return Record("action", members)


def _required_by_type(schema: Mapping[str, Json]) -> dict[str, set[str]]:
    """Reads "if intent_type is …, then … is required" from the schema's allOf."""
    found: dict[str, set[str]] = {}
    for branch in _list(schema.get("allOf")):
        rule = _map(branch)
        conditions = _map(_map(rule.get("if")).get("properties"))
        if set(conditions) != {"intent_type"}:
            continue
        condition = _map(conditions["intent_type"])
        intent_types = [condition["const"]] if "const" in condition else _list(condition.get("enum"))
        for intent_type in intent_types:
            names = _list(_map(rule.get("then")).get("required"))
            found.setdefault(str(intent_type), set()).update(str(name) for name in names)
    return found


def _schema_shape(name: str, schema: Mapping[str, Json], root: Mapping[str, Json]) -> Shape:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target: Json = root
        for step in reference.removeprefix("#/").split("/"):
            target = _map(target)[step]
        return _schema_shape(name, _map(target), root)
    properties = _map(schema.get("properties"))
    if properties:
        return _object_shape(name, schema, properties, root)
    if schema.get("type") == "object":
        extra = schema.get("additionalProperties")
        return MapOf(_schema_shape(name, extra, root) if isinstance(extra, Mapping) else _ANYTHING)
    if schema.get("type") == "array":
        return ListOf(_schema_shape(name, _map(schema.get("items")), root))
    choices = tuple(str(choice) for choice in _list(schema.get("enum")))
    kind = Kind.STRING if choices else _KINDS.get(schema.get("type"), Kind.DYN)
    return Scalar(kind, choices)


def _object_shape(
    name: str, schema: Mapping[str, Json], properties: Mapping[str, Json], root: Mapping[str, Json]
) -> Shape:
    required = _list(schema.get("required"))
    members = {
        key: Member(
            _schema_shape(f"{name}.{key}", _map(value), root),
            Presence.ALWAYS if key in required else Presence.OPTIONAL,
        )
        for key, value in properties.items()
    }
    if all(key.isidentifier() for key in members):
        return Record(name, members)
    # A key like "ephemeral-storage" is no field name: such an object is read as a map of known keys.
    return MapOf(next(iter(members.values())).shape, tuple(members))


def value_shape(value: Json) -> Shape:
    """Returns the shape of a var from its value; what an empty list or map holds is not known."""
    if isinstance(value, Mapping):
        return MapOf(_common_shape(list(value.values())))
    if isinstance(value, list | tuple):
        return ListOf(_common_shape(value))
    return Scalar(_KINDS.get(type(value), Kind.DYN))


def _common_shape(values: list[Json] | tuple[Json, ...]) -> Shape:
    shapes = {value_shape(value) for value in values}
    common = shapes.pop() if len(shapes) == 1 else _ANYTHING
    return common if isinstance(common, Scalar) else _ANYTHING


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []
