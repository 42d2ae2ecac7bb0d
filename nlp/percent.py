"""Whole percentages, checked."""

from __future__ import annotations

from nlp.draft import impossible, places_of
from nlp.values import Assign

WHOLE = 100


def percent(said: Assign, least: int = 0) -> int:
    """Returns a percentage.

    Raises:
        Rejected: it is no whole number from `least` to 100.
    """
    where = places_of((said,))
    if not isinstance(said.value, int):
        raise impossible(f"{said.value} percent cannot be; say a whole number", where)
    if not least <= said.value <= WHOLE:
        raise impossible(f"{said.value} percent cannot be; say {least} to 100", where)
    return said.value
