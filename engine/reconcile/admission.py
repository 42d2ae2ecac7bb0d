"""The guards before a text is read: what need not, or must not, be looked at now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.network_intent import Intent
from engine.reasons import Reason
from engine.reconcile.ruling import Ruling, Step


@dataclass(frozen=True, slots=True)
class Standing:
    """How an intent stands before it is looked at.

    Attributes:
        intent: None where the manifest could not be read as one.
        problem: what is wrong with the manifest; empty where nothing is.
        existing: it was there before anything was carried out, and wishes what it wished then.
        paused: why nothing is done for it now, by the settings; empty where nothing is paused.
        shadow: it is decided and recorded only.
        approved: somebody has approved exactly this spec.
        confirmed: the effect of the same spec has happened for an earlier generation.
        superseded: which intent decides its fields since, in words; empty where none does.
        resolved: its actions, where it is decided anew: as they were first resolved.
    """

    intent: Intent | None
    problem: str = ""
    existing: bool = False
    paused: str = ""
    confirmed: bool = False
    superseded: str = ""
    shadow: bool = False
    approved: bool = False
    resolved: tuple[Mapping[str, Any], ...] = ()


def malformed(standing: Standing) -> Ruling | None:
    """Refuses a manifest that is not a NetworkIntent, or stands in two files."""
    if standing.intent is None or standing.problem:
        return Ruling(Step.REFUSE, Reason.INVALID, standing.problem)
    return None


def existing(standing: Standing) -> Ruling | None:
    """Takes for done what was there before; in shadow it is looked at like any other."""
    if standing.existing and not standing.shadow:
        message = "it was there before anything was carried out; change its spec to have it carried out"
        return Ruling(Step.FINISH, Reason.ADOPTED, message)
    return None


def suspended(standing: Standing) -> Ruling | None:
    """Lets an intent wait whose own spec says so."""
    if standing.intent is not None and standing.intent.spec.suspend:
        message = "spec.suspend is true; set it to false to go on"
        return Ruling(Step.WAIT, Reason.SUSPENDED, message)
    return None


def paused(standing: Standing) -> Ruling | None:
    """Lets an intent wait while the settings pause everything or its namespace."""
    if standing.paused:
        return Ruling(Step.WAIT, Reason.PAUSED, standing.paused)
    return None


def unchanged(standing: Standing) -> Ruling | None:
    """Finishes a generation that wishes what the one before it has got."""
    if standing.confirmed and standing.intent is not None and not standing.intent.spec.dry_run:
        if standing.superseded:
            return Ruling(Step.FINISH, Reason.SUPERSEDED, standing.superseded)
        return Ruling(Step.FINISH, Reason.COMPLETED, "nothing new is wished; what was done still holds")
    return None


GUARDS: tuple[Callable[[Standing], Ruling | None], ...] = (
    malformed,
    existing,
    suspended,
    paused,
    unchanged,
)
"""In the order in which they are asked; the first that rules ends the look."""


def admit(standing: Standing) -> Ruling | None:
    """Asks each guard in order; None where the intent is to be read."""
    return next((ruling for guard in GUARDS if (ruling := guard(standing)) is not None), None)
