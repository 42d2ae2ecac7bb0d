"""Kubernetes quantities and durations by value, to compare them."""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?\Z")
_SIZES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}
_DURATION = re.compile(r"(\d+)(ms|s|m|h)\Z")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def to_number(quantity: str) -> Decimal:
    """Returns the value of a quantity: `1500m` is 1.5, `1Ki` is 1024.

    Raises:
        ValueError: it is no quantity.
    """
    match = _QUANTITY.match(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity, such as 500m or 4Gi")
    return Decimal(match[1]) * _SIZES[match[2] or ""]


def to_milliseconds(duration: str) -> int:
    """Returns the length of a duration: `1m` is 60,000.

    Raises:
        ValueError: it is no duration.
    """
    match = _DURATION.match(duration)
    if match is None:
        raise ValueError(f"{duration!r} is no duration, such as 800ms or 2m")
    return int(match[1]) * _MILLISECONDS[match[2]]
