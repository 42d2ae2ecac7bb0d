"""Where the brackets and quotes of an expression close, and where its clauses end, by its text alone."""

from __future__ import annotations

import re

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "\"'"
_HARD_TO_SPLIT = re.compile(r"""//|\"{3}|'{3}|\b[rRbB]+["']""")
"""Comments, and texts whose end is not simply the next quote."""


def split_clauses(text: str) -> list[str]:
    """Splits `a && b && c` into its clauses; a text with `||` or `?:` outside brackets is one clause."""
    if _HARD_TO_SPLIT.search(text):
        return [text.strip()]
    cuts: list[int] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character in _QUOTES or character in _PAIRS:
            position = closing(text, position)
            if position < 0:
                return [text.strip()]
        elif text.startswith("&&", position):
            cuts.append(position)
            position += 1
        elif character == "?" or text.startswith("||", position):
            return [text.strip()]
        position += 1
    starts = [0, *(cut + 2 for cut in cuts)]
    return [text[start:end].strip() for start, end in zip(starts, [*cuts, len(text)], strict=True)]


def closing(text: str, start: int) -> int:
    """Returns where the quote or bracket that opens at `start` closes; -1 where it does not."""
    awaited: list[str] = []
    position = start
    while 0 <= position < len(text):
        character = text[position]
        if character in _QUOTES:
            position = _end_of_quote(text, position)
        elif character in _PAIRS:
            awaited.append(_PAIRS[character])
        elif awaited and character == awaited[-1]:
            awaited.pop()
        if not awaited or position < 0:
            return position
        position += 1
    return -1


def _end_of_quote(text: str, start: int) -> int:
    position = start + 1
    while position < len(text):
        if text[position] == text[start]:
            return position
        position += 2 if text[position] == "\\" else 1
    return -1
