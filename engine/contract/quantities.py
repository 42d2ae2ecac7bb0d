"""Amounts and durations as actions write them, by value."""

from __future__ import annotations

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "M": Decimal(1000**2),
    "G": Decimal(1000**3),
    "T": Decimal(1000**4),
    "Ki": Decimal(1024),
    "Mi": Decimal(1024**2),
    "Gi": Decimal(1024**3),
    "Ti": Decimal(1024**4),
}
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def amount(quantity: str) -> Decimal:
    """Returns the value of a quantity that fits the schema, in cores, bytes or pods."""
    number, suffix = _split(quantity)
    return Decimal(number) * _SUFFIXES[suffix]


def milliseconds(duration: str) -> int:
    """Returns the length of a duration that fits the schema."""
    number, unit = _split(duration)
    return int(number) * _MILLISECONDS[unit]


def _split(text: str) -> tuple[str, str]:
    number = re.sub(r"[A-Za-z]+\Z", "", text)
    return number, text[len(number) :]
