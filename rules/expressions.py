"""CEL expressions: compiled once and checked whole, then evaluated over plain values.

An expression compiles twice: against the declared messages, which finds unknown fields, wrong types and
unguarded optional fields; and against untyped maps, which is what is evaluated, because there a field that is
not there is an error and never a zero.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cel_expr_python import cel

from rules.descriptors import PACKAGE, declare
from rules.functions import FUNCTIONS, Tables, declarations
from rules.presence import Finding, Paths, PresenceCheck, Sure, path_of, shape_of
from rules.scanning import closing
from rules.shapes import Kind, MapOf, Shape
from rules.snapshot import Json
from rules.syntax import Call, Comprehension, Constant, Name, Node, Select, children, nodes, tree

MAX_LENGTH = 1000
"""The longest expression, in characters."""
MAX_LOOPS = 2
"""How deep macros (`exists`, `all`, `map`, `filter`) may nest; each level multiplies the time."""
MAX_NODES = 400
"""The largest expression, in parts."""

_MISSING_KEY = re.compile(r"""NOT_FOUND: Key not found in map : (["'])(.*)\1""", re.DOTALL)
_COMPILE_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container")
_STATUS_CODE = re.compile(r"^[A-Z_]+: ")
_RESULTS = {kind.upper(): kind for kind in Kind}


class ExpressionError(Exception):
    """An expression that cannot be used; `findings` says what is wrong and where in it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("; ".join(finding.message for finding in findings))


class EvaluationError(Exception):
    """An expression that could not be evaluated for an intent; the message says why.

    Attributes:
        fact: the fact that it reads by the name of what is not there; empty if there is no such fact.
    """

    def __init__(self, message: str, fact: str = "") -> None:
        super().__init__(message)
        self.fact = fact


@dataclass(frozen=True, slots=True)
class Read:
    """A value that an expression reads: its path as people write it, and the keys that lead to it."""

    path: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        kind: the type of its result: DYN where only the evaluation shows it, None where it is no scalar.
        reads: the values that it reads, in order; has() reads what it asks of.
        facts: the names of the facts among them.
        constant: whether it reads nothing at all, so that it always comes out the same.
        functions: the names of our own functions that it calls.
        unordered: whether a list that it gives may come in any order, as it goes over the keys of a map.
    """

    text: str
    kind: Kind | None
    reads: tuple[Read, ...]
    facts: frozenset[str]
    constant: bool
    functions: frozenset[str]
    unordered: bool
    program: Any

    def holds(self, scope: Scope) -> bool:
        """Evaluates it as a condition.

        Raises:
            EvaluationError: it failed, or its result is no bool.
        """
        result = scope.run(self)
        value = result.value()
        if value is True or value is False:
            return bool(value)
        raise self._error(result, "a condition has to be true or false")

    def value(self, scope: Scope) -> Json:
        """Evaluates it.

        Raises:
            EvaluationError: it failed, or its result is no JSON.
        """
        result = scope.run(self)
        if result.type() == cel.Type.ERROR:
            raise self._error(result, "")
        value = result.plain_value()
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, list | dict):
            ordered = _ordered(value)
            return sorted(ordered, key=str) if self.unordered and isinstance(ordered, list) else ordered
        if value is None or isinstance(value, str | int | float | bool):
            return value
        raise self._error(result, "it has no value in JSON")

    def _error(self, result: Any, expected: str) -> EvaluationError:
        value = str(result.value())
        if result.type() != cel.Type.ERROR:
            return EvaluationError(f"{self.text}: gives {value}; {expected}")
        if (key := _missing_key(value)) is not None:
            return EvaluationError(f"{self.text}: {key!r} is not there", key if key in self.facts else "")
        return EvaluationError(f"{self.text}: {_reason(value)}")


class Scope:
    """Values of the variables, in the form in which expressions are evaluated over them."""

    def __init__(self, environment: Any, tables: Tables, variables: Mapping[str, object]) -> None:
        self._environment = environment
        self._tables = tables
        self._variables = {**variables, **tables.maps}
        self._renew()

    def run(self, expression: Expression) -> Any:
        """Evaluates an expression to a CEL value, which is of type ERROR where it failed.

        Raises:
            EvaluationError: the evaluation took too many steps, or a function cannot take its argument.
        """
        while True:
            try:
                result = expression.program.eval(self._activation)
                if not expression.functions or not self._renewed(expression, result):
                    return result
            except RuntimeError as error:  # the limit on iterations
                raise EvaluationError(f"{expression.text}: {_reason(str(error))}") from error

    def _renewed(self, expression: Expression, result: Any) -> bool:
        """Puts in the result of a function that the evaluation missed; tells whether there is news to try."""
        if result.type() != cel.Type.ERROR or (key := _missing_key(result.value())) is None:
            return False
        if self._tables.version == self._version:
            try:
                self._tables.learn(expression.functions, key)
            except ValueError as error:
                if key in expression.facts:  # not an argument, but a fact that is not known
                    return False
                raise EvaluationError(f"{expression.text}: {error}") from error
        if self._tables.version == self._version:
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        # An activation keeps the maps as they are when it first reads them.
        self._version = self._tables.version
        self._activation = self._environment.Activation(self._variables)


class Compiler:
    """Compiles expressions over a set of variables.

    Args:
        variables: the shape of each.
        values: what is the same in every evaluation, by variable: the vars.
    """

    def __init__(self, variables: Mapping[str, Shape], values: Mapping[str, Mapping[str, Json]]) -> None:
        self._variables = dict(variables)
        self.values = values
        pool, types, self._records = declare(variables)
        self._checking = cel.NewEnv(descriptor_pool=pool, variables=types, functions=declarations())
        maps = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
        untyped = {name: maps if kind.is_message() else kind for name, kind in types.items()}
        self._running = cel.NewEnv(variables=untyped | dict.fromkeys(FUNCTIONS, maps))
        self._tables = Tables()

    def scope(self, variables: Mapping[str, object]) -> Scope:
        """Returns values of the variables in the form in which expressions are evaluated over them."""
        return Scope(self._running, self._tables, variables)

    def compile(
        self, text: str, intent_types: frozenset[str] = frozenset(), sure: Paths = frozenset()
    ) -> tuple[Expression, Sure]:
        """Compiles one expression and tells what it makes sure of.

        Args:
            text: the expression.
            intent_types: what the action is narrowed to; empty for any.
            sure: the fields that are sure to be there.

        Raises:
            ExpressionError: with everything that is wrong.
        """
        if len(text) > MAX_LENGTH:
            raise ExpressionError(
                (Finding(0, f"longer than {MAX_LENGTH} characters; make it several rules"),)
            )
        try:
            checked = self._checking.compile(text)
        except (RuntimeError, ValueError) as error:
            if "recursion" in str(error):
                raise ExpressionError((Finding(0, "nests too deeply; make it several rules"),)) from error
            raise ExpressionError(self._findings(str(error), text)) from error
        root = tree(checked.serialize())
        _check_size(root)
        check = PresenceCheck(intent_types)
        result = check.walk(root, self._variables, sure)
        if check.findings:
            found = (Finding(_at_name(text, each.offset), each.message) for each in check.findings)
            raise ExpressionError(tuple(sorted(found, key=lambda finding: finding.offset)))
        return self._expression(text, root, _RESULTS.get(checked.return_type().name())), result

    def _expression(self, text: str, root: Node, kind: Kind | None) -> Expression:
        reads = tuple(dict.fromkeys(_reads(root, self._variables)))
        facts = frozenset(read.keys[1] for read in reads if read.keys[0] == "facts" and len(read.keys) > 1)
        constant = not any(isinstance(node, Name) and node.name in self._variables for node in nodes(root))
        calls = [node for node in nodes(root) if isinstance(node, Call) and node.function in FUNCTIONS]
        self._try(calls)
        try:
            program = self._running.compile(_with_tables(text, calls))
        except (RuntimeError, ValueError) as error:
            message = f"cannot be evaluated: {_reason(str(error))}; write it without comments and raw texts"
            raise ExpressionError((Finding(0, message),)) from error
        functions = frozenset(call.function for call in calls)
        unordered = any(
            isinstance(node, Comprehension) and isinstance(shape_of(node.range, self._variables), MapOf)
            for node in nodes(root)
        )
        return Expression(text, kind, reads, facts, constant, functions, unordered, program)

    def _try(self, calls: list[Call]) -> None:
        """Computes the functions whose arguments are known already, to find those that cannot be."""
        for call in calls:
            argument = self._known(call.arguments[-1])
            if isinstance(argument, str):
                try:
                    self._tables.learn([call.function], argument)
                except ValueError as error:
                    where = path_of(call.arguments[-1])
                    message = f"{where} is not of the form asked for: {error}" if where else str(error)
                    raise ExpressionError((Finding(call.offset, message),)) from error

    def _known(self, node: Node) -> Json:
        if isinstance(node, Constant):
            return node.value
        keys = _keys(node, self._variables)
        value: Json = dict(self.values)
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if keys else None

    def _findings(self, error: str, text: str) -> tuple[Finding, ...]:
        lines = text.split("\n")
        found: list[Finding] = []
        for line, column, message in _COMPILE_ERROR.findall(error):
            if "*error*" in message:  # follows from another error
                continue
            before = sum(len(each) + 1 for each in lines[: max(int(line), 1) - 1])
            offset = before + max(int(column), 1) - 1
            if match := _UNDECLARED.match(message):
                name = match[1].split(".")[0]
                start = max(text.rfind(name, 0, offset + len(name)), 0)
                found.append(Finding(start, f"{name!r} is not known here{_hint(name, self._variables)}"))
            else:
                found.append(Finding(_at_name(text, offset), self._plain(message)))
        return tuple(dict.fromkeys(found)) or (Finding(0, _reason(error)),)

    def _plain(self, message: str) -> str:
        """Says in a person's words what CEL finds wrong."""
        if match := re.match(r"undefined field '(.*)' not found in struct '(.*)'", message):
            record = self._records[match[2]]
            return f"{record.name} has no field {match[1]!r}{_hint(match[1], record.members)}"
        if match := re.match(r"found no matching overload for '(.*)' applied to '(.*)'", message):
            operator = match[1].strip("_@").replace("_", " … ")
            return f"{operator!r} does not take {match[2]}".replace(f"{PACKAGE}.", "")
        return message


def _with_tables(text: str, calls: list[Call]) -> str:
    """Returns an expression with each call of a function of ours as a look into the table of its results."""
    edits: dict[int, tuple[int, str]] = {}
    for call in calls:
        opening, name = call.offset, call.function  # CEL gives the place of the bracket
        start = text.rindex(name, 0, opening)
        before, after = (f"matches({name}[", "])") if name == "like" else (f"{name}[", "]")
        end = closing(text, opening)
        if end < 0:
            raise ValueError(f"the bracket of {name} does not close")
        edits[start] = (opening + 1, before)
        edits[end] = (end + 1, after)
    for start, (end, replacement) in sorted(edits.items(), reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _at_name(text: str, offset: int) -> int:
    """Returns where the name of a field stands, whose place CEL gives as that of the dot before it."""
    return offset + 1 if text[offset : offset + 1] == "." else offset


def _hint(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _check_size(root: Node) -> None:
    if sum(1 for _ in nodes(root)) > MAX_NODES:
        raise ExpressionError((Finding(0, f"more than {MAX_NODES} parts; make it several rules"),))
    if _loops(root) > MAX_LOOPS:
        raise ExpressionError((Finding(0, f"macros nest deeper than {MAX_LOOPS}; make it several rules"),))
    if _joins(root):
        message = "joins texts or lists within two macros, as map and filter do; make it several rules"
        raise ExpressionError((Finding(0, message),))


def _joins(node: Node, loops: int = 0) -> bool:
    """Tells whether something is joined in the inner one of two macros: that has no bound in memory."""
    match node:
        case Comprehension(range=over, body=body):
            return _joins(over, loops) or any(_joins(part, loops + 1) for part in body)
        case Call(joins=True) if loops == MAX_LOOPS:
            return True
        case _:
            return any(_joins(child, loops) for child in children(node))


def _loops(node: Node) -> int:
    """Returns how deep macros nest: one over the result of another runs after it, not within it."""
    if isinstance(node, Comprehension):
        return max(_loops(node.range), 1 + max(_loops(part) for part in node.body))
    return max((_loops(child) for child in children(node)), default=0)


def _reads(node: Node, variables: Mapping[str, Shape]) -> list[Read]:
    """Lists the longest paths from a variable that a node reads."""
    if isinstance(node, Select) and node.test:  # asks whether it is there, of what has to be there
        return [read for read in _reads(node.operand, variables) if len(read.keys) > 1]
    if keys := _keys(node, variables):
        return [Read(path_of(node), keys)]
    return [read for child in children(node) for read in _reads(child, variables)]


def _keys(node: Node, variables: Mapping[str, Shape]) -> tuple[str, ...]:
    match node:
        case Name(name=name) if name in variables:
            return (name,)
        case Select(operand=operand, field=name, test=False):
            keys = _keys(operand, variables)
            return (*keys, name) if keys else ()
        case _:
            return ()


def _ordered(value: Any) -> Json:
    """Returns a value with the keys of its maps in order: cel-cpp gives them in another one each time."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _missing_key(error: str) -> str | None:
    """Returns the key that an evaluation did not find in a map; None where it failed otherwise."""
    match = _MISSING_KEY.fullmatch(error)
    return match[2] if match else None


def _reason(error: str) -> str:
    """Takes the status codes, which only programmers know, off an error of CEL."""
    return _STATUS_CODE.sub("", error.split(" [", maxsplit=1)[0])
