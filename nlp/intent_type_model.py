"""The shape of an IntentType document: a type of intent that a user teaches with YAML alone.

Only the YAML is modelled and checked here; `intent_types` makes grammar of it. What it writes (`resources`)
is opaque to reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from documents import Document, DocumentError, StrictModel, validate
from documents.reading import KeyPath
from nlp.grammar_model import Metadata, Name
from nlp.meanings import MEANINGS, ROOTS

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
ValueType = Literal["word", "name", "number", "percent", "duration", "bandwidth", "cpu", "memory"]
FieldType = Literal["integer", "string"]
FIELD_TYPES: Mapping[ValueType, FieldType] = {
    "word": "string",
    "name": "string",
    "number": "integer",
    "percent": "integer",
    "duration": "integer",
    "bandwidth": "integer",
    "cpu": "string",
    "memory": "string",
}
"""The type of the contract's field that each type of value fills: a duration in ms, a bandwidth in kbit/s."""
SLOT = re.compile(r"\{([^{}:]+)\}")
"""A slot of the type in a phrase; with a colon it is one of the grammar's own."""
TARGET = "target"
"""The slot that every type has: the name of what an intent is about."""


class SlotSpec(StrictModel):
    """A value that phrases hold, for the contract's field of the same name.

    Attributes:
        words: for a value of type word: each value, and the phrases that mean it.
    """

    value: ValueType
    words: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _words_are_of_words(self) -> SlotSpec:
        if (self.value == "word") != bool(self.words):
            raise ValueError("`words` lists the values of a slot of type word, and of no other")
        return self


class PhraseSpec(StrictModel):
    """A way to state one action, as a frame of the grammar: parts in any order, with `{slot}` for values."""

    head: str = ""
    parts: list[str] = Field(default_factory=list)
    may: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_something(self) -> PhraseSpec:
        if not self.head and not self.parts:
            raise ValueError("a phrase needs a head or parts")
        return self


class FieldSpec(StrictModel):
    """A field of the contract and what it may hold.

    Attributes:
        default: what it holds where the text does not say; it is told as assumed.
    """

    type: FieldType
    description: str = ""
    required: bool = False
    default: int | str | None = None
    minimum: int | None = None
    maximum: int | None = None
    enum: list[str] | None = None
    max_length: int | None = Field(default=None, ge=1, le=4096)

    def fault(self, value: int | str) -> str:
        """Returns why the field cannot hold a value; empty where it can."""
        if isinstance(value, int) != (self.type == "integer"):
            return f"{value!r} is no {self.type}"
        return self._outside(value) if isinstance(value, int) else self._unfit(value)

    def _outside(self, value: int) -> str:
        if self.minimum is not None and value < self.minimum:
            return f"{value} is less than {self.minimum}"
        if self.maximum is not None and value > self.maximum:
            return f"{value} is more than {self.maximum}"
        return ""

    def _unfit(self, value: str) -> str:
        if self.enum is not None and value not in self.enum:
            return f"{value!r} is none of {', '.join(self.enum)}"
        if self.max_length is not None and len(value) > self.max_length:
            return f"{value!r} is longer than {self.max_length} characters"
        return ""


class IntentTypeSpec(StrictModel):
    """What a type is called, how it is said, what its actions hold, and what they write.

    Attributes:
        rules: phrases by name, that other phrases refer to as `<name>`.
        contract: the fields of `action.<type>`.
        resources: KRM objects, with `${CEL}` over `action` in their values.
    """

    type: FieldName
    slots: dict[FieldName, SlotSpec] = Field(default_factory=dict)
    rules: dict[Name, list[str]] = Field(default_factory=dict)
    phrases: list[PhraseSpec] = Field(min_length=1)
    contract: dict[FieldName, FieldSpec] = Field(min_length=1)
    resources: list[dict[str, Any]] = Field(min_length=1)


class IntentTypeFile(StrictModel):
    """The document."""

    api_version: Literal["conductor-watch/v1"]
    kind: Literal["IntentType"]
    metadata: Metadata
    spec: dict[str, Any]


def read_intent_type(document: Document) -> IntentTypeSpec:
    """Reads an IntentType document and checks it in itself.

    Raises:
        DocumentError: with every problem, each with its place.
    """
    validate(document, IntentTypeFile)
    spec = validate(document, IntentTypeSpec, ("spec",))
    problems = [document.problem(("spec", *path), message) for path, message in _faults(spec)]
    if problems:
        raise DocumentError(tuple(problems))
    return spec


def _faults(spec: IntentTypeSpec) -> Iterator[tuple[KeyPath, str]]:
    if spec.type in MEANINGS or spec.type in ROOTS or spec.type == TARGET:
        yield ("type",), f"{spec.type!r} is taken by the base contract; choose another name"
    if TARGET in spec.slots:
        yield ("slots", TARGET), f"{{{TARGET}}} is there already: the name of what an intent is about"
    for rule in spec.rules:
        if rule.startswith(f"{spec.type}-"):
            yield (
                ("rules", rule),
                f"names that begin with {spec.type}- are those of its slots; choose another",
            )
    for path, text in _phrases(spec):
        for name in SLOT.findall(text):
            if name not in spec.slots and name != TARGET:
                known = ", ".join((TARGET, *spec.slots))
                yield path, f"there is no slot {name!r}; there are {known}"
    for name, slot in spec.slots.items():
        yield from _slot_faults(name, slot, spec.contract.get(name))
    for name, field in spec.contract.items():
        yield from ((("contract", name, *path), fault) for path, fault in _field_faults(field))
        if field.required and field.default is None and name not in spec.slots:
            yield (
                ("contract", name, "required"),
                "no slot fills this field; add the slot, or give it a default",
            )


def _phrases(spec: IntentTypeSpec) -> Iterator[tuple[KeyPath, str]]:
    """Yields every phrase with its path."""
    for name, texts in spec.rules.items():
        yield from ((("rules", name, index), text) for index, text in enumerate(texts))
    for number, phrase in enumerate(spec.phrases):
        yield ("phrases", number, "head"), phrase.head
        for part in ("parts", "may"):
            texts = getattr(phrase, part)
            yield from ((("phrases", number, part, index), text) for index, text in enumerate(texts))


def _slot_faults(name: str, slot: SlotSpec, field: FieldSpec | None) -> Iterator[tuple[KeyPath, str]]:
    if field is None:
        yield ("slots", name), f"the contract has no field {name!r}; add it to spec.contract"
        return
    if field.type != FIELD_TYPES[slot.value]:
        message = f"a {slot.value} is read as {FIELD_TYPES[slot.value]}, but the field is {field.type}"
        yield ("slots", name, "value"), message
    for word in slot.words:
        if fault := field.fault(word):
            yield ("slots", name, "words", word), f"{fault} (contract.{name})"


def _field_faults(field: FieldSpec) -> Iterator[tuple[KeyPath, str]]:
    if field.default is not None and (fault := field.fault(field.default)):
        yield ("default",), fault
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        yield ("minimum",), f"{field.minimum} is more than the maximum, {field.maximum}"
    texts = [name for name in ("enum", "max_length") if getattr(field, name) is not None]
    numbers = [name for name in ("minimum", "maximum") if getattr(field, name) is not None]
    for name in texts if field.type == "integer" else numbers:
        shown = "maxLength" if name == "max_length" else name
        yield (shown,), f"{shown} does not go with a field of type {field.type}"
