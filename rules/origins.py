"""Where what is in force comes from: whose rules and vars apply, and which ones do not because of whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from documents import Place
from rules.snapshot import Json


@dataclass(frozen=True, slots=True)
class VarOrigin:
    """Where the value of a var is stated.

    Attributes:
        shipped: whether the shipped rules state it.
        overrides: what the shipped rules state instead, and where; None where they have no such var, or rule.
    """

    place: Place
    shipped: bool
    overrides: tuple[Json, Place] | None = None


@dataclass(frozen=True, slots=True)
class Disabled:
    """A rule that does not apply.

    Attributes:
        rule: its id.
        place: where it stands.
        by: where it is disabled.
        set_name: the RuleSet that does so.
    """

    rule: str
    place: Place
    shipped: bool
    by: Place
    set_name: str


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each var comes from, by name, and the rules that do not apply, in the order of their files."""

    vars: Mapping[str, VarOrigin]
    disabled: tuple[Disabled, ...]
