"""What is wrong with an action."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an action.

    Attributes:
        field: its path, as `network_policy.ports[0].port`; empty for the action as a whole.
        message: what is wrong, in words that follow the field's name.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message
