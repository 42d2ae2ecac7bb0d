r"""The language of grammar phrases, and its parser.

    word            that word, whatever its case
    <rule>          a rule of the grammar
    {field:type}    a value: `type` is a value type or a rule
    [ ... ]         may be left out
    ( a | b )       one of several
    \(              a character of the language as a word
    x+              one or several, joined by commas or "and"
    x*              the same, but "and" stands before the last

Knows nothing of how phrases are matched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEXER = re.compile(
    r"\s*(?:(?P<rule><[\w-]+>)|(?P<slot>\{[\w.?\[\]-]+:[\w-]+\})|(?P<punctuation>[\[\]()|+*])|(?P<word>\\.|[-=]>|[^\s\[\]()|+<>{}*]+))"
)


class PhraseError(ValueError):
    """A phrase that does not follow the language; says where."""


@dataclass(frozen=True, slots=True)
class Word:
    """A literal token."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule by its name."""

    rule: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of `type` for `field`."""

    field: str
    type: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """May be left out."""

    part: Phrase


@dataclass(frozen=True, slots=True)
class Several:
    """One or more, joined by commas or "and"; `closed` if "and" must stand before the last."""

    part: Phrase
    closed: bool


Phrase = Word | Reference | Slot | Sequence | Choice | Maybe | Several


def parse_phrase(text: str) -> Phrase:
    """Parses a phrase.

    Raises:
        PhraseError: it does not follow the language.
    """
    parser = _Parser(text)
    phrase = parser.choice()
    if parser.kind:
        raise PhraseError(f"unexpected {parser.value!r} at character {parser.at + 1} of the phrase {text!r}")
    return phrase


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text.rstrip()
        self.at = 0
        self._next_at = 0
        self.kind = ""
        self.value = ""
        self._advance()

    def _advance(self) -> None:
        self.at = self._next_at
        if self.at >= len(self.text):
            self.kind = self.value = ""
            return
        match = _LEXER.match(self.text, self.at)
        if match is None:
            raise PhraseError(f"cannot read character {self.at + 1} of the phrase {self.text!r}")
        self.kind = match.lastgroup or ""
        self.value = match[self.kind]
        self._next_at = match.end()

    def choice(self) -> Phrase:
        options = [self._sequence()]
        while self.value == "|" and self.kind == "punctuation":
            self._advance()
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Phrase:
        parts: list[Phrase] = []
        while self.kind and not (self.kind == "punctuation" and self.value in "|)]"):
            parts.append(self._item())
        if not parts:
            raise PhraseError(f"nothing to match at character {self.at + 1} of the phrase {self.text!r}")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _item(self) -> Phrase:
        kind, value = self.kind, self.value
        self._advance()
        item: Phrase
        if kind == "word":
            item = Word(value.removeprefix("\\").lower())
        elif kind == "rule":
            item = Reference(value[1:-1])
        elif kind == "slot":
            field, _, type_name = value[1:-1].rpartition(":")
            item = Slot(field, type_name)
        elif value == "(":
            item = self._closed(")")
        elif value == "[":
            item = Maybe(self._closed("]"))
        else:
            raise PhraseError(f"unexpected {value!r} in the phrase {self.text!r}")
        if self.kind == "punctuation" and self.value in ("+", "*"):
            item = Several(item, closed=self.value == "*")
            self._advance()
        return item

    def _closed(self, close: str) -> Phrase:
        inner = self.choice()
        if self.value != close:
            raise PhraseError(f"a {close!r} is missing in the phrase {self.text!r}")
        self._advance()
        return inner
