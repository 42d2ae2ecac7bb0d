"""The marks of a list: bullets, and numbers that count up. They say where an item begins, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nlp.tokens import Token

Names = Mapping[int, Sequence[tuple[int, str]]]
_BULLETS = frozenset({"-", "*", "+", "\u2022", "\u25cf", "\u25aa", "\u00b7"})
_NUMBER_ENDS: tuple[str, ...] = (".", ")", ":")


def without_marks(tokens: Sequence[Token], names: Names) -> tuple[Sequence[Token], Names]:
    """Returns the tokens without the marks of list items, and the names where they now stand.

    What follows a mark begins a line.
    """
    marks = dict([*_bullets(tokens), *_numbers(tokens)])
    if not marks:
        return tokens, names
    kept: list[Token] = []
    moved: dict[int, int] = {}
    at = 0
    while at < len(tokens):
        begins = at in marks
        at = marks.get(at, at)
        moved[at] = len(kept)
        kept.append(replace(tokens[at], new_line=bool(kept)) if begins else tokens[at])
        at += 1
    found = {
        moved[start]: [(moved[end - 1] + 1, target) for end, target in ends] for start, ends in names.items()
    }
    return kept, found


def _bullets(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yields each bullet that leads a line, as (its token, the one after it)."""
    for at in range(len(tokens) - 1):
        leads = at == 0 or tokens[at].new_line
        if leads and tokens[at].text in _BULLETS and tokens[at + 1].spaced:
            yield at, at + 1


def _numbers(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yields the numbers of items, as (first token, the one after): 1 leads the text, the others count up."""
    number = 1
    ends = _NUMBER_ENDS
    for at in range(len(tokens) - 2):
        leads = at == 0 or number > 1
        mark = tokens[at + 1]
        counts = tokens[at].text == str(number) and mark.text in ends and not mark.spaced
        if leads and counts and tokens[at + 2].spaced and tokens[at + 2].text[0].isalpha():
            yield at, at + 2
            number, ends = number + 1, (mark.text,)
