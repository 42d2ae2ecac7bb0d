"""Rewritings of a refused text: spelt right, without what is unsupported, or an example of its type.

Proposes only; the reader tries each one before it is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from nlp.open_names import read_certain_name
from nlp.refusals import Judge
from nlp.spelling import corrections
from nlp.texts import PreparedText

MAX_SUGGESTIONS = 3
MAX_TRIES = 2
"""The most rewritings of one text that are tried."""


class Helper:
    """Proposes rewritings.

    Args:
        known: the words that may have been meant.
        judge: tells which examples fit a text.
    """

    def __init__(self, known: Collection[str], judge: Judge) -> None:
        self._known = frozenset(known)
        self._judge = judge

    def rewritings(self, text: PreparedText, places: tuple[tuple[int, int], ...]) -> Iterator[str]:
        """Yields texts that may be accepted, the likeliest first; `places` are what was not understood."""
        for start, end in places:
            if end - start < len(text.tokens):
                yield from _without(text, start, end)
        for example in self._judge.examples(text.chart, text.words.quoted):
            yield example.replace("{target}", _target(text))

    def respelt(self, text: PreparedText) -> Iterator[str]:
        """Yields a text with its misspelt words put right, in up to two ways."""
        written = text.normal.text
        choices = {
            at: found
            for at, token in enumerate(text.tokens)
            if at not in text.words.names and (found := corrections(token.low, self._known))
        }
        if not choices:
            return
        for pick in (0, 1):
            corrected = written
            for at in sorted(choices, reverse=True):
                token, words = text.tokens[at], choices[at]
                word = words[min(pick, len(words) - 1)]
                corrected = corrected[: token.start] + word + corrected[token.end :]
            yield corrected.strip()
            if all(len(words) == 1 for words in choices.values()):
                return


def _without(text: PreparedText, start: int, end: int) -> Iterator[str]:
    """Yields a text without some tokens: up to the next comma where they open it, else to the end."""
    written, tokens = text.normal.text, text.tokens
    comma = next((at for at in range(end, len(tokens)) if tokens[at].text == ","), None)
    if comma is not None and start == 0:
        yield written[tokens[comma].end :].strip()
    if start > 0:
        yield written[: tokens[start - 1].end].rstrip(" ,;")


def _target(text: PreparedText) -> str:
    for at in range(len(text.tokens)):
        if at in text.words.names:
            return text.words.names[at][0][1]
    for at in range(len(text.tokens)):
        found = read_certain_name(text.words, at)
        if found and isinstance(found[0][1], str) and "_" not in found[0][1] and "." not in found[0][1]:
            return found[0][1]
    return "amf"
