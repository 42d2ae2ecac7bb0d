"""Normal text to tokens, by spaCy's tokenizer with the field's own rules.

What operators type stays whole where it is one thing (`38412/sctp`, `10.0.0.0/8`, `registry/x:1.2`) and falls
apart where it is several (`cpu=500m`, `--replicas=3`, `50%`, `AMF's`). Tokens leave as plain records: spaCy's
own objects end with the memory zone that they were made in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlp.light_spacy import Doc, spacy

_PREFIX = re.compile(r"""^["'(\[,;:!?]""")
_SUFFIX = re.compile(r"""(?:'s|["')\],;:!?%]|(?<=[^.])\.|(?<=.)[-=]>)$""", re.IGNORECASE)
_ARROW = re.compile(r"(?<=\w)[-=]>(?=\w)")
_COMMA = re.compile(r",(?=[^\d\s])|(?<=[^\d]),|,(?=\d{1,2}(?:\D|$))|,(?=\d{4})")
_ASSIGN = re.compile(r"(?<=[\w\"'.%-])=(?=[^=>\s])|(?<=[\w\"'.%-])=$")
_QUOTED = re.compile(r"(?<==)[\"']")
_SEMICOLON = re.compile(r";(?=\w)")


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a normal text.

    Attributes:
        text: as written.
        low: in lower case.
        start: offset of its first character in the normal text.
        end: offset after its last character.
        spaced: whether white space (or the start of the text) stands before it.
        new_line: whether a line break stands before it.
    """

    text: str
    low: str
    start: int
    end: int
    spaced: bool
    new_line: bool


class Tokenizer:
    """Makes tokens; one instance is for one thread at a time."""

    def __init__(self) -> None:
        self.nlp = spacy.blank("en")
        self.nlp.tokenizer = spacy.tokenizer.Tokenizer(
            self.nlp.vocab,
            prefix_search=_PREFIX.search,
            suffix_search=_SUFFIX.search,
            infix_finditer=_infixes,
        )


def to_tokens(doc: Doc, text: str) -> list[Token]:
    """Returns the tokens of a spaCy document as plain records.

    Args:
        doc: the document; its line breaks may be spaces, so that they part no name.
        text: the text that it was made of, with its line breaks.
    """
    tokens: list[Token] = []
    end = 0
    for word in doc:
        start = word.idx
        between = text[end:start]
        plain = word.text
        tokens.append(
            Token(
                plain, plain.lower(), start, start + len(plain), not tokens or bool(between), "\n" in between
            )
        )
        end = start + len(plain)
    return tokens


def _infixes(text: str) -> Iterator[re.Match[str]]:
    """Yields where a word without spaces falls apart; a URL and what follows the first `=` stay whole."""
    assign = _ASSIGN.search(text)
    url = text.find("://")
    limit = url if url >= 0 else len(text)
    found = [match for pattern in (_ARROW, _COMMA, _SEMICOLON) for match in pattern.finditer(text, 0, limit)]
    if assign and assign.start() < limit:
        found.append(assign)
        opening = _QUOTED.match(text, assign.end())
        if opening:
            found.append(opening)
        second = _ASSIGN.search(text, assign.end()) if text.startswith("--") else None
        if second:  # --limits=cpu=1,memory=1Gi
            found.append(second)
    if url < 0 and assign:
        # "a=1,b=2" assigns again after each comma.
        for comma in _COMMA.finditer(text, assign.end()):
            later = _ASSIGN.search(text, comma.end())
            if later and all(later.start() != match.start() for match in found):
                found.append(later)
    found.sort(key=lambda match: match.start())
    yield from found
