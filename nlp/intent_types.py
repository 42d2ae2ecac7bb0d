"""IntentTypes to grammar: what a user's document teaches, as a grammar file's content and as a meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from documents import Document, DocumentError, Problem
from documents.reading import KeyPath
from nlp.dns_names import dns_label
from nlp.draft import Draft, impossible, places_of, unclear
from nlp.grammar_model import Frame, GrammarFile, Metadata, Rule
from nlp.intent_type_model import SLOT, TARGET, IntentTypeSpec, SlotSpec, ValueType, read_intent_type
from nlp.quantity import to_milliseconds
from nlp.values import Assign

_GRAMMAR_TYPES: dict[ValueType, str] = {
    "name": "name",
    "number": "count",
    "percent": "percent",
    "duration": "duration",
    "bandwidth": "bandwidth",
    "cpu": "cpu",
    "memory": "memory",
}
"""The grammar's name of each type of value; words are a rule of their own."""
_DURATION = re.compile(r"\d+(?:ms|s|m|h)\Z")
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class TaughtType:
    """A type that a document teaches.

    Attributes:
        document: where it stands, for what is found wrong with it later.
    """

    document: Document
    spec: IntentTypeSpec

    @classmethod
    def read(cls, document: Document) -> TaughtType:
        """Reads a document of kind IntentType.

        Raises:
            documents.DocumentError: it teaches no type that can be.
        """
        return cls(document, read_intent_type(document))

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Returns a problem at a path of the grammar that `grammar` made, at its place in the document."""
        top, *rest = path
        own = "phrases" if top == "frames" else top
        if own == "rules" and rest and str(rest[0]).startswith(f"{self.spec.type}-"):
            own, rest = "slots", [str(rest[0]).split("-")[1]]
        return self.document.problem(("spec", own, *rest), message)

    def grammar(self) -> GrammarFile:
        """Returns the type as the content of a grammar file."""
        rules: dict[str, list[str] | Rule] = {}
        for name, slot in self.spec.slots.items():
            rules |= self._words(name, slot)
        for name, phrases in self.spec.rules.items():
            rules[name] = [self._phrase(text) for text in phrases]
        frames = [
            Frame(
                name=f"{self.spec.type}-{index}",
                head=self._phrase(phrase.head),
                parts=[self._phrase(text) for text in phrase.parts],
                may=[self._phrase(text) for text in phrase.may],
            )
            for index, phrase in enumerate(self.spec.phrases)
        ]
        return GrammarFile(
            api_version="conductor-watch/v1",
            kind="Grammar",
            metadata=Metadata(name=self.spec.type),
            intent_type=self.spec.type,
            rules=rules,
            frames=frames,
        )

    def _words(self, name: str, slot: SlotSpec) -> dict[str, list[str] | Rule]:
        """Returns a rule for each value of a slot of words, and one for the slot."""
        if not slot.words:
            return {}
        whole = f"{self.spec.type}-{name}"
        each: dict[str, list[str] | Rule] = {
            f"{whole}-{index}": Rule(phrases=phrases, sets={f"{self.spec.type}.{name}": value})
            for index, (value, phrases) in enumerate(slot.words.items())
        }
        return {**each, whole: [f"<{rule}>" for rule in each]}

    def _phrase(self, text: str) -> str:
        """Writes `{slot}` as the grammar does."""
        return SLOT.sub(lambda match: self._slot(match[1]), text)

    def _slot(self, name: str) -> str:
        if name == TARGET:
            return f"{{{TARGET}:name-only}}"
        slot = self.spec.slots[name]
        if slot.words:
            return f"<{self.spec.type}-{name}>"
        return f"{{{self.spec.type}.{name}:{_GRAMMAR_TYPES[slot.value]}}}"

    def means(self, draft: Draft) -> None:
        """Writes what a clause said to the action's fields.

        Raises:
            Rejected: the target or a required field is missing, or a value cannot be.
        """
        spoken = self.spec.type.replace("_", " ")
        if not draft.target.name:
            raise unclear(f"the name of the {spoken} is missing; say which one is meant", draft.target.places)
        for name, field in self.spec.contract.items():
            path = f"{self.spec.type}.{name}"
            said = draft.one(path) if name in self.spec.slots else None
            if said is not None:
                value = _value(self.spec.slots[name].value, said)
                if fault := field.fault(value):
                    raise impossible(f"the {name.replace('_', ' ')} cannot be: {fault}", places_of((said,)))
                draft.put(path, value, said)
            elif field.default is not None:
                draft.put(path, field.default)
                draft.assume(path, field.default, f"the default of the type {self.spec.type}")
            elif field.required:
                raise unclear(f"the {name.replace('_', ' ')} of the {spoken} is missing; say it")
        draft.fields.setdefault(self.spec.type, {})


def refuse_doubles(types: Iterable[TaughtType]) -> None:
    """Checks that each type is taught once.

    Raises:
        documents.DocumentError: naming both places.
    """
    first: dict[str, TaughtType] = {}
    problems: list[Problem] = []
    for one in types:
        path = ("spec", "type")
        known = first.setdefault(one.spec.type, one)
        if known is not one:
            message = f"the type {one.spec.type!r} is taught at {known.document.place(path)} already"
            problems.append(one.document.problem(path, message))
    if problems:
        raise DocumentError(tuple(problems))


def _value(value_type: ValueType, said: Assign) -> int | str:
    """Returns a value as the contract has it.

    Raises:
        Rejected: it is no whole number of its unit.
    """
    where = places_of((said,))
    if value_type == "name":
        return dns_label(str(said.value), "valid", where)
    if value_type in ("word", "cpu", "memory"):
        return str(said.value)
    if value_type == "duration":
        if not _DURATION.match(str(said.value)):
            raise impossible(f"{said.value} is no whole number of milliseconds", where)
        return to_milliseconds(str(said.value))
    if value_type == "bandwidth":
        if not str(said.value).isdecimal():
            raise impossible(f"{said.value} kbit/s is no whole number of kbit/s", where)
        return int(str(said.value))
    if not isinstance(said.value, int):
        raise impossible(f"{said.value} cannot be; say a whole number", where)
    if value_type == "percent" and not 0 <= said.value <= _WHOLE:
        raise impossible(f"{said.value} percent cannot be; say 0 to {_WHOLE}", where)
    return said.value
