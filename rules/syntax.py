"""The syntax tree of a checked CEL expression, as small frozen nodes.

CEL hands its tree out only as a serialized `cel.expr.CheckedExpr`; the part of that message that is read here
is declared below, by the field numbers of the CEL specification (cel/expr/syntax.proto, checked.proto).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Any": {"value": (2, "bytes")},
    "Checked": {"references": (2, "*Chosen"), "expr": (4, "Expr"), "source": (5, "Source")},
    "Chosen": {"key": (1, "int64"), "value": (2, "Reference")},
    "Reference": {"overloads": (3, "*string")},
    "Source": {"positions": (4, "*Position")},
    "Position": {"key": (1, "int64"), "value": (2, "int32")},
    "Expr": {
        "id": (2, "int64"),
        "constant": (3, "Constant"),
        "ident": (4, "Ident"),
        "select": (5, "Select"),
        "call": (6, "Call"),
        "list": (7, "List"),
        "struct": (8, "Struct"),
        "comprehension": (9, "Comprehension"),
    },
    "Constant": {
        "bool": (2, "?bool"),
        "int": (3, "?int64"),
        "double": (5, "?double"),
        "string": (6, "?string"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "arguments": (3, "*Expr")},
    "List": {"elements": (1, "*Expr")},
    "Struct": {"entries": (2, "*Entry")},
    "Entry": {"key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "variable": (1, "string"),
        "range": (2, "Expr"),
        "initial": (4, "Expr"),
        "condition": (5, "Expr"),
        "step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}
_TYPES = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "string": _FIELD.TYPE_STRING,
}

_JOINING = frozenset({"add_bytes", "add_list", "add_string"})


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; None for those that no check looks at (null, bytes, unsigned)."""

    offset: int
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or the one that a comprehension declares."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `has(operand.field)` where `test` is set."""

    offset: int
    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function; the receiver of a method is its first argument.

    Attributes:
        joins: whether it makes a longer text or list of its arguments, by their types.
    """

    offset: int
    function: str
    arguments: tuple[Node, ...]
    joins: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list literal, or the keys and values of a map literal in turn."""

    offset: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A macro (`exists`, `all`, `map`, `filter`) over `range`; `body` are its other parts."""

    offset: int
    variable: str
    range: Node
    body: tuple[Node, ...]


Node: TypeAlias = Constant | Name | Select | Call | Sequence | Comprehension
"""A part of an expression; `offset` counts characters from the expression's start."""


def tree(serialized: bytes) -> Node:
    """Returns the syntax tree of a serialized checked expression."""
    checked = _CHECKED.FromString(_ANY.FromString(serialized).value)
    positions = {item.key: item.value for item in checked.source.positions}
    joins = {item.key for item in checked.references if _JOINING.intersection(item.value.overloads)}
    return _Reader(positions, joins).node(checked.expr)


def nodes(node: Node) -> Iterator[Node]:
    """Yields the node and everything within it."""
    yield node
    for child in children(node):
        yield from nodes(child)


def children(node: Node) -> tuple[Node, ...]:
    """Returns the direct parts of a node."""
    match node:
        case Select(operand=operand):
            return (operand,)
        case Call(arguments=parts) | Sequence(items=parts):
            return parts
        case Comprehension(range=over, body=body):
            return (over, *body)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the nodes of one expression.

    Attributes:
        positions: by a node's id, its offset.
        joins: the ids of the calls that join texts or lists.
    """

    positions: Mapping[int, int]
    joins: Collection[int]

    def node(self, expr: Any) -> Node:
        offset = self.positions.get(expr.id, 0)
        node: Node = Constant(offset, _literal(expr.constant))
        if expr.HasField("ident"):
            node = Name(offset, expr.ident.name)
        elif expr.HasField("select"):
            node = Select(offset, self.node(expr.select.operand), expr.select.field, expr.select.test)
        elif expr.HasField("call"):
            receiver = [expr.call.target] if expr.call.HasField("target") else []
            arguments = self._within(*receiver, *expr.call.arguments)
            node = Call(offset, expr.call.function, arguments, expr.id in self.joins)
        elif expr.HasField("list"):
            node = Sequence(offset, self._within(*expr.list.elements))
        elif expr.HasField("struct"):
            parts = (part for item in expr.struct.entries for part in (item.key, item.value))
            node = Sequence(offset, self._within(*parts))
        elif expr.HasField("comprehension"):
            macro = expr.comprehension
            body = self._within(macro.initial, macro.condition, macro.step, macro.result)
            node = Comprehension(offset, macro.variable, self.node(macro.range), body)
        return node

    def _within(self, *parts: Any) -> tuple[Node, ...]:
        return tuple(self.node(part) for part in parts)


def _literal(constant: Any) -> bool | int | float | str | None:
    for kind in _MESSAGES["Constant"]:
        if constant.HasField(kind):
            value: bool | int | float | str = getattr(constant, kind)
            return value
    return None


def _declare() -> descriptor_pool.DescriptorPool:
    """Declares the messages above; `*` marks a repeated field, `?` one whose presence counts."""
    file = descriptor_pb2.FileDescriptorProto(name="syntax.proto", package="syntax", syntax="proto3")
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for member, (number, marked) in members.items():
            kind = marked.lstrip("*?")
            added = message.field.add(name=member, number=number, label=_FIELD.LABEL_OPTIONAL)
            if marked.startswith("*"):
                added.label = _FIELD.LABEL_REPEATED
            elif marked.startswith("?"):
                added.proto3_optional = True
                added.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{member}")
            if kind in _TYPES:
                added.type = _TYPES[kind]
            else:
                added.type = _FIELD.TYPE_MESSAGE
                added.type_name = f".syntax.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _declare()
_ANY: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("syntax.Any"))
_CHECKED: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("syntax.Checked"))
