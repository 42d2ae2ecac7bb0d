"""Text in one spelling, with the way back: NFKC, plain quotes and dashes, and a map of offsets.

Judges nothing: characters that must not be there are left for `safety` to see.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from nlp.reading import Span

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2044": "/",
        "\u2192": "->",
        "\u21d2": "=>",
        "\u2265": ">=",
        "\u2264": "<=",
        "\u00d7": "x",
        "\u1680": " ",
    }
)

_SPACES = frozenset(" \t\n\r\u2028\u2029")


@dataclass(frozen=True, slots=True)
class NormalText:
    """A text in one spelling.

    Attributes:
        original: the text as it was given.
        text: the text to read.
        offsets: for each character of `text`, and for its end, the offset in `original`.
    """

    original: str
    text: str
    offsets: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """Returns the original characters that `text[start:end]` came from."""
        first = self.offsets[start]
        last = self.offsets[end - 1] + 1 if end > start else first
        return Span(first, last, self.original[first:last])


def normalise(original: str) -> NormalText:
    """Brings a text into one spelling; each character keeps its place in the original.

    A run of white space becomes one space, or one line break if it holds one; none is left at the start, so
    that every token is a word.
    """
    parts: list[str] = []
    offsets: list[int] = []
    for index, character in enumerate(original):
        plain = character
        if not character.isascii():
            plain = unicodedata.normalize("NFKC", character.translate(_PLAIN)).translate(_PLAIN)
        if plain in _SPACES:
            plain = "\n" if plain in "\n\r\u2028\u2029" else " "
            if not parts:
                continue
            if parts[-1] in " \n":
                parts[-1] = "\n" if plain == "\n" else parts[-1]
                continue
        parts.append(plain)
        offsets.extend([index] * len(plain))
    offsets.append(len(original))
    return NormalText(original, "".join(parts), tuple(offsets))
