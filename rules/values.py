"""The values of one action that expressions are evaluated over, and how a person is shown them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from pydantic.alias_generators import to_camel

from rules.book import RuleBook
from rules.expressions import Expression, Read, Scope
from rules.shapes import UNREAD
from rules.snapshot import Action, Bounds, ContainerFacts, Facts, History, IntentView, Snapshot
from rules.templates import Condition, shown

_SHOWN = 60
"""How many characters of a value are shown."""


@dataclass(frozen=True, slots=True)
class Values:
    """The variables of one action, as plain maps without what is None, and for expressions."""

    index: int
    action: Action
    variables: Mapping[str, object]
    scope: Scope
    _told: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, index: int, book: RuleBook, bounds: Bounds) -> Values:
        """Returns the variables of the action at `index`."""
        action = snapshot.actions[index]
        variables: dict[str, object] = {
            "action": _of_dicts(action),
            "facts": _plain(snapshot.facts[index]),
            "history": _plain(snapshot.history),
            "intent": _plain(snapshot.intent),
            "now": snapshot.now,
            "settings": {"ownNamespace": bounds.own_namespace},
            "vars": book.vars,
        }
        return cls(index, action, variables, book.compiler.scope(variables))

    def with_action(self, action: Action, book: RuleBook) -> Values:
        """Returns the same variables with a changed action."""
        variables = {**self.variables, "action": _of_dicts(action)}
        return Values(self.index, action, variables, book.compiler.scope(variables))

    def told(self, read: Read) -> str:
        """Returns what an expression read, as `action.replicas = 5`; kept, for many rules read alike."""
        found = self._told.get(read.path)
        if found is None:
            found = self._told[read.path] = f"{read.path} = {self._text(read.keys)}"
        return found

    def _text(self, keys: tuple[str, ...]) -> str:
        value: object = self.variables
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return "unknown" if keys[0] == "facts" else "absent"
            value = value[key]
        if isinstance(value, Mapping):
            return f"{{{len(value)} entries}}"
        text = shown(value) if isinstance(value, str | int | float | bool | list | tuple) else str(value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def compared(clause: Expression, values: Values) -> str:
    """Returns a clause with the values that it reads: `action.replicas > 100 (action.replicas = 5)`."""
    if not clause.reads:
        return clause.text
    return f"{clause.text} ({', '.join([values.told(each) for each in clause.reads])})"


def evidence(condition: Condition, values: Values) -> str:
    """Returns a condition that holds, with the values that it reads."""
    return " && ".join(compared(clause, values) for clause in condition.clauses)


_NAMES = {
    record: tuple((item.name, to_camel(item.name)) for item in fields(record) if item.name != UNREAD)
    for record in (ContainerFacts, Facts, History, IntentView)
}
"""The fields that expressions read of each record, each with its name there."""


def _plain(record: ContainerFacts | Facts | History | IntentView) -> dict[str, object]:
    values = ((camel, getattr(record, name)) for name, camel in _NAMES[type(record)])
    return {camel: _of_dicts(value) for camel, value in values if value is not None}


def _of_dicts(value: object) -> object:
    """Returns a value made of dicts and lists, the only containers that CEL takes."""
    if isinstance(value, str):  # most are, and are no containers
        return value
    if isinstance(value, Mapping):
        return {key: _of_dicts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_of_dicts(item) for item in value]
    return _plain(value) if isinstance(value, ContainerFacts) else value
