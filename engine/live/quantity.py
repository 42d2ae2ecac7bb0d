"""Kubernetes quantities: `1500m`, `0.5Gi`, `2e3` to exact numbers, and back to how the API writes them."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2})?\Z"
)
_BINARY: dict[str, int] = {
    suffix: 1024**power for power, suffix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
}
_DECIMAL: dict[str, int] = {
    suffix: 1000**power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))
}


def parse_quantity(text: str | float) -> Fraction:
    """Returns the exact value of a quantity: cores, bytes or a count.

    Raises:
        ValueError: `text` is no quantity.
    """
    match = _QUANTITY.match(str(text))
    if not match:
        raise ValueError(f"{text!r} is no quantity such as 500m, 2 or 1.5Gi")
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix == "m":
        return number / 1000
    if suffix[:1] in ("e", "E") and suffix[1:]:
        return number * Fraction(10) ** int(suffix[1:])
    unit = _BINARY[suffix] if suffix in _BINARY else _DECIMAL[suffix]
    return number * unit


def milli(text: str | float) -> int:
    """Returns a quantity in thousandths, rounded up as Kubernetes does: millicores for CPU."""
    return math.ceil(parse_quantity(text) * 1000)


def whole(text: str | float) -> int:
    """Returns a quantity as a whole number, rounded up as Kubernetes does: bytes for memory."""
    return math.ceil(parse_quantity(text))


def written(text: str) -> str:
    """Returns a quantity without a fraction, as the API stores it: `1.5` is `1500m`, `0.5Gi` is `512Mi`.

    A live object then compares equal to its manifest. Quantities without a fraction stay as they are.

    Raises:
        ValueError: `text` is no quantity, or finer than Kubernetes keeps.
    """
    value = parse_quantity(text)
    if "." not in text:
        return text
    match = _QUANTITY.match(text)
    suffix = (match[2] or "") if match else ""
    scale = _BINARY if suffix.endswith("i") else _DECIMAL
    for name, unit in sorted(scale.items(), key=lambda item: -item[1]):
        if value >= unit and value % unit == 0:
            return f"{value // unit}{name}"
    if (value * 1000).denominator == 1:
        return f"{value * 1000}m"
    raise ValueError(f"{text} is finer than a thousandth, which Kubernetes does not keep")
