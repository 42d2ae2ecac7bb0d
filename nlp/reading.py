"""What a text was read as: actions with the words they came from, or a refusal that helps.

Plain records that go to JSON and back without loss, so that a store can keep them. They hold offsets into
the original text and nothing of spaCy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
"""Plain JSON data."""


class RefusalReason(StrEnum):
    """Why a text is not acted on."""

    AMBIGUOUS = "Ambiguous"
    """Of a supported type, but a target or a value is missing, vague or contradicts itself."""
    UNSUPPORTED = "Unsupported"
    """A question, condition, time, negation, or something that no intent type does."""
    INVALID = "Invalid"
    """Well formed, but a value cannot be."""
    UNSAFE = "Unsafe"
    """Injection, hidden characters, look-alikes, secrets, attempts to instruct the reader."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the original text."""

    start: int
    end: int
    text: str

    def to_json(self) -> dict[str, JSON]:
        """Returns the span as JSON data."""
        return {"start": self.start, "end": self.end, "text": self.text}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the span that `to_json` wrote."""
        return cls(data["start"], data["end"], data["text"])


@dataclass(frozen=True, slots=True)
class Assumption:
    """A value that was not said, and why it is there.

    Attributes:
        action: index of the action in the reading.
        field: dotted path in the action, as `network_policy.ports[0].protocol`.
    """

    action: int
    field: str
    value: JSON
    why: str

    def to_json(self) -> dict[str, JSON]:
        """Returns the assumption as JSON data."""
        return {"action": self.action, "field": self.field, "value": self.value, "why": self.why}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the assumption that `to_json` wrote."""
        return cls(data["action"], data["field"], data["value"], data["why"])


@dataclass(frozen=True, slots=True)
class ReadAction:
    """One action of a text.

    Attributes:
        fields: the action by the contract; `namespace` is absent where the text states none, and a relative
            scaling has `replicas_change` in place of `replicas`.
        words: the spans that each dotted field came from.
    """

    fields: dict[str, JSON]
    words: dict[str, tuple[Span, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Returns the action as JSON data."""
        words: dict[str, JSON] = {
            name: [span.to_json() for span in spans] for name, spans in self.words.items()
        }
        return {"fields": self.fields, "words": words}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the action that `to_json` wrote."""
        words = {name: tuple(Span.from_json(span) for span in spans) for name, spans in data["words"].items()}
        return cls(data["fields"], words)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text is refused and what to write instead.

    Attributes:
        message: what is wrong and what to do, in a person's words.
        unread: the words that were not understood.
        suggestions: up to three rewritings, each of which is accepted.
    """

    reason: RefusalReason
    message: str
    unread: tuple[Span, ...] = ()
    suggestions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Returns the refusal as JSON data."""
        return {
            "reason": self.reason.value,
            "message": self.message,
            "unread": [span.to_json() for span in self.unread],
            "suggestions": list(self.suggestions),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the refusal that `to_json` wrote."""
        return cls(
            RefusalReason(data["reason"]),
            data["message"],
            tuple(Span.from_json(span) for span in data["unread"]),
            tuple(data["suggestions"]),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with its meaning: `actions`, or a `refusal`; never both.

    Attributes:
        text: the original text; a secret in it is redacted.
        ignored: words without meaning for an action, each with why.
        reason_text: the reasons that the text gives, for the contract's `reason`; empty if none.
        understood: for a refusal, the actions that could be read.
        grammar_digest: names the grammar and lexicon in force.
    """

    text: str
    actions: tuple[ReadAction, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    ignored: tuple[tuple[Span, str], ...] = ()
    reason_text: str = ""
    refusal: Refusal | None = None
    understood: tuple[ReadAction, ...] = ()
    grammar_digest: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Returns the reading as JSON data."""
        return {
            "text": self.text,
            "actions": [action.to_json() for action in self.actions],
            "assumed": [assumption.to_json() for assumption in self.assumed],
            "ignored": [[span.to_json(), why] for span, why in self.ignored],
            "reason_text": self.reason_text,
            "refusal": self.refusal.to_json() if self.refusal else None,
            "understood": [action.to_json() for action in self.understood],
            "grammar_digest": self.grammar_digest,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Builds the reading that `to_json` wrote."""
        return cls(
            data["text"],
            tuple(ReadAction.from_json(action) for action in data["actions"]),
            tuple(Assumption.from_json(assumption) for assumption in data["assumed"]),
            tuple((Span.from_json(span), why) for span, why in data["ignored"]),
            data["reason_text"],
            Refusal.from_json(data["refusal"]) if data["refusal"] else None,
            tuple(ReadAction.from_json(action) for action in data["understood"]),
            data["grammar_digest"],
        )
