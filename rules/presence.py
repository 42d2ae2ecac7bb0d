"""Finds in a checked expression reads of fields that may be absent, and comparisons with impossible texts.

An optional field may be read only where `has()`, `in`, or what surrounds the expression makes sure of it.
Facts are not asked for here: whether one is known shows when the rule is evaluated.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rules.shapes import Kind, ListOf, MapOf, Presence, Record, Scalar, Shape
from rules.syntax import Call, Comprehension, Constant, Name, Node, Select, Sequence, children

Paths = frozenset[str]
"""Fields that are sure to be there, as dotted paths."""
_NONE: Paths = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with an expression, `offset` characters into it."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class Sure:
    """What is sure to be there after an expression came out true, and after it came out false."""

    if_true: Paths = _NONE
    if_false: Paths = _NONE


@dataclass(slots=True)
class PresenceCheck:
    """Walks expressions; `findings` collects what is wrong.

    Attributes:
        intent_types: what the rule's `match` narrows the action to; empty for any.
    """

    intent_types: frozenset[str]
    findings: list[Finding] = field(default_factory=list)

    def walk(self, node: Node, scope: Mapping[str, Shape], sure: Paths) -> Sure:
        """Checks one expression whose surroundings make sure of `sure`."""
        match node:
            case Select():
                return self._select(node, scope, sure)
            case Call(function="_&&_" | "_||_" | "!_" | "_?_:_"):
                return self._logic(node, scope, sure)
            case Call():
                return self._call(node, scope, sure)
            case Comprehension():
                return self._comprehension(node, scope, sure)
            case _:
                for child in children(node):
                    self.walk(child, scope, sure)
                return Sure()

    def _logic(self, node: Call, scope: Mapping[str, Shape], sure: Paths) -> Sure:
        first = self.walk(node.arguments[0], scope, sure)
        if node.function == "!_":
            return Sure(first.if_false, first.if_true)
        if node.function == "_&&_":
            second = self.walk(node.arguments[1], scope, sure | first.if_true)
            return Sure(first.if_true | second.if_true, first.if_false & second.if_false)
        if node.function == "_||_":
            second = self.walk(node.arguments[1], scope, sure | first.if_false)
            return Sure(first.if_true & second.if_true, first.if_false | second.if_false)
        self.walk(node.arguments[1], scope, sure | first.if_true)
        self.walk(node.arguments[2], scope, sure | first.if_false)
        return Sure()

    def _select(self, node: Select, scope: Mapping[str, Shape], sure: Paths) -> Sure:
        self.walk(node.operand, scope, sure)
        self._check_key(node, shape_of(node.operand, scope), node.field)
        path = path_of(node)
        if node.test:
            return Sure(if_true=frozenset({path}) if path else _NONE)
        if self._may_be_absent(node.operand, node.field, scope) and path not in sure:
            shown = path or f"….{node.field}"
            self._find(node, f"{shown} may be absent; {self._remedy(node, shown, scope)}")
        return Sure()

    def _call(self, node: Call, scope: Mapping[str, Shape], sure: Paths) -> Sure:
        for argument in node.arguments:
            self.walk(argument, scope, sure)
        match node:
            case Call(function="_[_]", arguments=(operand, key)):
                shape = shape_of(operand, scope)
                if isinstance(key, Constant) and isinstance(key.value, str):
                    self._check_key(node, shape, key.value)
                path = path_of(node)
                if isinstance(shape, MapOf) and path not in sure:
                    self._find(
                        node, f"the key may be absent; ask first: {_shown(key)} in {_shown(operand)} && …"
                    )
            case Call(function="@in", arguments=(key, operand)):
                if isinstance(operand, Sequence):
                    self._check_choices(key, operand.items, scope)
                path = _indexed(operand, key)
                return Sure(if_true=frozenset({path}) if path else _NONE)
            case Call(function="_==_" | "_!=_", arguments=(left, right)):
                self._check_choices(left, (right,), scope)
                self._check_choices(right, (left,), scope)
        return Sure()

    def _comprehension(self, node: Comprehension, scope: Mapping[str, Shape], sure: Paths) -> Sure:
        self.walk(node.range, scope, sure)
        over = shape_of(node.range, scope)
        item = over.item if isinstance(over, ListOf) else Scalar(Kind.DYN)
        inner = {**scope, node.variable: item}
        kept = frozenset(path for path in sure if path.split(".")[0].split("[")[0] != node.variable)
        if isinstance(over, MapOf):  # the variable runs over the keys, so each is there
            kept |= {f"{path_of(node.range)}[{node.variable}]"}
        for part in node.body:
            self.walk(part, inner, kept)
        return Sure()

    def _may_be_absent(self, operand: Node, name: str, scope: Mapping[str, Shape]) -> bool:
        shape = shape_of(operand, scope)
        if isinstance(shape, MapOf):
            return True
        if not isinstance(shape, Record) or name not in shape.members:
            return False
        member = shape.members[name]
        required = bool(self.intent_types) and self.intent_types <= member.required_by
        return member.presence is Presence.OPTIONAL and not required

    def _remedy(self, node: Select, path: str, scope: Mapping[str, Shape]) -> str:
        remedy = f"ask first: has({path}) && …"
        shape = shape_of(node.operand, scope)
        if isinstance(shape, Record) and shape.members[node.field].required_by:
            types = ", ".join(sorted(shape.members[node.field].required_by))
            remedy += f", or match.intentTypes: [{types}]"
        return remedy

    def _check_key(self, node: Node, shape: Shape | None, key: str) -> None:
        if isinstance(shape, MapOf) and shape.keys and key not in shape.keys:
            self._find(node, f"there is no {key!r} here; there are {', '.join(shape.keys)}")

    def _check_choices(self, node: Node, others: Iterable[Node], scope: Mapping[str, Shape]) -> None:
        shape = shape_of(node, scope)
        if not isinstance(shape, Scalar) or not shape.choices:
            return
        for other in others:
            if (
                isinstance(other, Constant)
                and isinstance(other.value, str)
                and other.value not in shape.choices
            ):
                close = difflib.get_close_matches(other.value, shape.choices, n=1)
                hint = (
                    f"; did you mean {close[0]!r}?" if close else f"; it is one of {', '.join(shape.choices)}"
                )
                self._find(other, f"{path_of(node)} is never {other.value!r}{hint}")

    def _find(self, node: Node, message: str) -> None:
        finding = Finding(node.offset, message)
        if finding not in self.findings:
            self.findings.append(finding)


def shape_of(node: Node, scope: Mapping[str, Shape]) -> Shape | None:
    """Returns the shape of what a node reads; None where it is computed."""
    match node:
        case Name(name=name):
            return scope.get(name)
        case Select(operand=operand, field=name, test=False):
            shape = shape_of(operand, scope)
            if isinstance(shape, Record) and name in shape.members:
                return shape.members[name].shape
            return shape.value if isinstance(shape, MapOf) else None
        case Call(function="_[_]", arguments=(operand, _)):
            shape = shape_of(operand, scope)
            if isinstance(shape, ListOf):
                return shape.item
            return shape.value if isinstance(shape, MapOf) else None
        case _:
            return None


def path_of(node: Node) -> str:
    """Returns the dotted path of what a node reads; empty where it is computed."""
    match node:
        case Name(name=name):
            return name
        case Select(operand=operand, field=name):
            path = path_of(operand)
            return f"{path}.{name}" if path else ""
        case Call(function="_[_]", arguments=(operand, key)):
            return _indexed(operand, key)
        case _:
            return ""


def _indexed(operand: Node, key: Node) -> str:
    """Returns the path of `operand[key]`; m["k"] and m.k are one path."""
    path = path_of(operand)
    if isinstance(key, Constant):
        inner = f".{key.value}" if isinstance(key.value, str) else f"[{key.value}]"
    else:
        inner = f"[{path_of(key)}]" if path_of(key) else ""
    return path + inner if path and inner else ""


def _shown(node: Node) -> str:
    if isinstance(node, Constant):
        return f'"{node.value}"' if isinstance(node.value, str) else str(node.value)
    return path_of(node) or "…"
