"""Misspelt words: one letter wrong, missing, too many, or two changed places."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase

MIN_LETTERS = 5
"""Shorter words are names as likely as mistakes; of these only swapped letters count."""
MAX_LETTERS = 30
"""Longer words are no words."""


def corrections(word: str, known: Collection[str]) -> list[str]:
    """Returns the known words that one slip makes `word` of, swapped letters first.

    Of words under five letters only a swap counts as a slip.
    """
    if not word.isalpha() or word in known or len(word) > MAX_LETTERS:
        return []
    found = [other for other in _swapped(word) if other in known]
    if len(word) >= MIN_LETTERS - 1:
        found += [other for other in _edited(word) if other in known and len(other) >= MIN_LETTERS]
    return list(dict.fromkeys(found))


def swaps(word: str, known: Collection[str]) -> list[str]:
    """Returns the known words of five or more letters that `word` is with two letters swapped."""
    return [other for other in _swapped(word) if len(other) >= MIN_LETTERS and other in known]


def _swapped(word: str) -> Sequence[str]:
    return [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for at in range(len(word) - 1)
        if word[at] != word[at + 1]
    ]


def _edited(word: str) -> Sequence[str]:
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    return [
        *(left + right[1:] for left, right in halves if right),
        *(left + letter + right for left, right in halves for letter in ascii_lowercase),
        *(left + letter + right[1:] for left, right in halves if right for letter in ascii_lowercase),
    ]
