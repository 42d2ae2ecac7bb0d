"""Numbers as people write them: digits, words up to thousands, dozens, fractions, and their units.

Each reader takes the tokens and a position and returns (position after, value), or None. Whether a value may
be (a port of 70000) is asked later: only then can a person be told so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from nlp.tokens import Token

Found = tuple[int, Decimal] | None

_DIGITS = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\Z|[-+]?\.\d+\Z")
_THOUSANDS = re.compile(r"([-+]?\d+(?:\.\d+)?)k\Z", re.IGNORECASE)
_ONES = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {"hundred": 100, "thousand": 1000}
SCALE_WORDS = frozenset({*_SCALES, "dozen"})
"""What may stand after a number in digits and be part of it."""
_FRACTIONS = {
    "half": Decimal("0.5"),
    "third": None,
    "quarter": Decimal("0.25"),
    "quarters": Decimal("0.25"),
    "fifth": Decimal("0.2"),
    "fifths": Decimal("0.2"),
    "eighth": Decimal("0.125"),
    "tenth": Decimal("0.1"),
    "tenths": Decimal("0.1"),
}
NUMBER_WORDS = frozenset({*_ONES, *_TENS, *SCALE_WORDS, "minus", "negative"})
FRACTION_WORDS = frozenset({word for word, value in _FRACTIONS.items() if value is not None})
MAX_DIGITS = 15


def digits(text: str) -> Decimal | None:
    """Returns the number that a token in digits is, or None."""
    if len(text) > MAX_DIGITS + 6 or not _DIGITS.match(text):
        return None
    return Decimal(text.replace(",", ""))


def number(tokens: Sequence[Token], at: int) -> Found:
    """Reads a number: `12`, `1,000`, `-3`, `twenty-four`, `two hundred and fifty`, `a dozen`."""
    low = tokens[at].low
    if low in ("minus", "negative") and at + 1 < len(tokens):
        found = number(tokens, at + 1)
        return (found[0], -found[1]) if found else None
    value = digits(low)
    if value is not None:
        if at + 1 < len(tokens) and tokens[at + 1].low in SCALE_WORDS:
            return at + 2, value * (12 if tokens[at + 1].low == "dozen" else _SCALES[tokens[at + 1].low])
        return at + 1, value
    return _number_words(tokens, at)


def count(tokens: Sequence[Token], at: int) -> Found:
    """Reads a number of things: any number, and `1k`."""
    thousands = _THOUSANDS.match(tokens[at].low)
    if thousands:
        return at + 1, Decimal(thousands[1]) * 1000
    found = number(tokens, at)
    if found and [token.text for token in tokens[found[0] : found[0] + 3 : 2]] == ["(", ")"]:
        # "five (5)" says it twice.
        again = number(tokens, found[0] + 1)
        if again == (found[0] + 2, found[1]):
            return found[0] + 3, found[1]
    return found


def fraction(tokens: Sequence[Token], at: int) -> Found:
    """Reads a fraction: `half`, `a quarter`, `three quarters`, `1/2`."""
    low = tokens[at].low
    if re.fullmatch(r"[1-9]/[248]|[1-9]/(?:5|10)", low):
        top, bottom = low.split("/")
        return at + 1, Decimal(top) / Decimal(bottom)
    value = _FRACTIONS.get(low)
    if value is not None:
        return at + 1, value
    if at + 1 < len(tokens):
        value = _FRACTIONS.get(tokens[at + 1].low)
        times = Decimal(1) if low in ("a", "an") else Decimal(_ONES.get(low, 0))
        if value is not None and times:
            return at + 2, times * value
    if "-" in low:
        first, _, second = low.partition("-")
        value = _FRACTIONS.get(second)
        if value is not None and first in _ONES:
            return at + 1, _ONES[first] * value
    return None


def _number_words(tokens: Sequence[Token], at: int) -> Found:
    """Reads a number in words; greedy, as a number is never meant to stop half-way."""
    total, current, position, seen = 0, 0, at, False
    if tokens[at].low in ("a", "half") and at + 1 < len(tokens):
        return _dozen_or_scale(tokens, at)
    while position < len(tokens):
        low = tokens[position].low
        if low == "and" and seen and current >= 100 and _is_below_hundred(tokens, position + 1):  # noqa: PLR2004
            position += 1
            continue
        value = _below_hundred(low)
        if value is not None and (not seen or (total and not current) or _may_follow(current, value)):
            current += value
        elif low == "dozen" and seen:
            current *= 12
        elif low in _SCALES and seen:
            current *= _SCALES[low]
            if low == "thousand":
                total, current = total + current, 0
        else:
            break
        seen = True
        position += 1
    return (position, Decimal(total + current)) if seen else None


def _may_follow(current: int, value: int) -> bool:
    """Whether `value` continues a number: five after twenty or two hundred, not five after five."""
    if current == 0:
        return False
    return (current % 100 == 0) or (current % 10 == 0 and current % 100 >= 20 and 0 < value < 10)  # noqa: PLR2004


def _dozen_or_scale(tokens: Sequence[Token], at: int) -> Found:
    words = [token.low for token in tokens[at : at + 3]]
    if words[:3] == ["half", "a", "dozen"]:
        return at + 3, Decimal(6)
    if words[:2] == ["a", "dozen"]:
        return at + 2, Decimal(12)
    if words[0] == "a" and len(words) > 1 and words[1] in _SCALES:
        return at + 2, Decimal(_SCALES[words[1]])
    return None


def _below_hundred(word: str) -> int | None:
    value = _ONES.get(word, _TENS.get(word))
    if value is None and "-" in word:
        tens, _, ones = word.partition("-")
        if tens in _TENS and 0 < _ONES.get(ones, 0) < 10:  # noqa: PLR2004
            value = _TENS[tens] + _ONES[ones]
    return value


def _is_below_hundred(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and _below_hundred(tokens[at].low) is not None
