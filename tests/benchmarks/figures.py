"""A measured figure beside its bound, and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement.

    Attributes:
        bound: what it must not exceed, or fall below where `at_least`; None for a figure without one.
        aim: what is hoped for.
    """

    name: str
    value: float
    unit: str
    bound: float | None = None
    aim: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __rich__(self) -> Text:
        sign = "≥" if self.at_least else "≤"
        wanted = "" if self.bound is None else f"   must be {sign} {self.bound:g}"
        aim = "" if self.aim is None else f", aim {sign} {self.aim:g}"
        line = f"{self.name:<58} {self.value:>10,.2f} {self.unit:<12}{wanted}{aim}"
        return Text(line, style="" if self.holds else "bold red")


def quantile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def histogram(values: Sequence[float], unit: str, width: int = 50, rows: int = 8) -> str:
    """Returns a picture of how values are spread, for the terminal."""
    low, high = min(values), quantile(values, 0.99)
    step = (high - low) / rows or 1.0
    counts = [0] * rows
    for value in values:
        counts[min(rows - 1, int((value - low) / step))] += 1
    top = max(counts)
    return "\n".join(
        f"{low + step * row:>9.2f} {unit} │{'█' * round(width * count / top)} {count}"
        for row, count in enumerate(counts)
    )
