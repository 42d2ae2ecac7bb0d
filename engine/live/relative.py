"""What an action leaves to the live objects: its target's kind, and the number that "double" means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.live.inventory import Object
from engine.live.objects import name_of, replicas_of
from engine.live.view import LiveView
from engine.reasons import Reason

MAX_REPLICAS = 10_000
"""The most that the contract of actions can say."""


@dataclass(frozen=True, slots=True)
class FromLive:
    """One field of an action that was taken from the live objects, and why it has this value."""

    field: str
    value: str | int
    why: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """An action with every value stated.

    Attributes:
        action: by the contract; without `replicas_change`.
        assumed: the fields that were taken from the live objects, for the record.
    """

    action: dict[str, Any]
    assumed: tuple[FromLive, ...]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An action that the live objects leave open or contradict; `message` says what to do."""

    reason: Reason
    message: str


def resolve(action: Mapping[str, Any], view: LiveView) -> Resolved | Unresolved:
    """Fills in the kind of the target's live object, and turns a relative scaling into a number.

    A stated kind that differs from the live one is refused, naming both. A relative number counts from the
    replicas that the live object asks for, is rounded up, and never reaches 0.

    Args:
        action: by the contract, with `replicas_change` ({"by"|"percent"|"factor": number}) in place of
            `replicas` where it is relative.
        view: what `gather` found for the same action.
    """
    resolved = {key: value for key, value in action.items() if key != "replicas_change"}
    assumed: list[FromLive] = []
    if view.workload is not None:
        live, stated = view.workload["kind"], action.get("target_kind")
        if stated not in (None, live):
            message = (
                f"the text says {stated}, but {view.target} in namespace {view.namespace} is a {live} "
                f"({view.origin}); leave the kind out, or name the {stated} that is meant"
            )
            return Unresolved(Reason.INVALID, message)
        if stated is None:
            resolved["target_kind"] = live
            assumed.append(FromLive("target_kind", live, f"the kind of the live object ({view.origin})"))
    if "replicas_change" in action:
        number = _replicas(action["replicas_change"], view)
        if isinstance(number, Unresolved):
            return number
        resolved["replicas"] = number.value
        assumed.append(number)
    return Resolved(resolved, tuple(assumed))


def _replicas(change: Mapping[str, float], view: LiveView) -> FromLive | Unresolved:
    where = f"{view.target} in namespace {view.namespace}"
    if view.workload is None:
        why = view.unknown.get("workload", f"there is no workload {where} ({view.origin})")
        return Unresolved(Reason.MISSING_FACT, f"{why}; a change needs a number to count from")
    live = replicas_of(view.workload)
    if live is None:
        return Unresolved(
            Reason.INVALID, f"{where} is a DaemonSet, which runs one pod a node and cannot scale"
        )
    number, words = _changed(live, change)
    if number < 1:
        message = (
            f"{where} has {live} replicas ({view.origin}), and {words} leaves {number}; a relative change "
            f"never reaches 0: say the number that is meant, as 'scale {view.target} to 0'"
        )
        return Unresolved(Reason.INVALID, message)
    if number > MAX_REPLICAS:
        message = (
            f"{where} has {live} replicas ({view.origin}), and {words} is {number}, above {MAX_REPLICAS}"
        )
        return Unresolved(Reason.INVALID, message)
    return FromLive("replicas", number, f"{words} from the {live} of {_named(view.workload)} ({view.origin})")


def _changed(live: int, change: Mapping[str, float]) -> tuple[int, str]:
    """Returns the number that a change makes of the live one, rounded up, and the change in words.

    Fractions, because in floats 10 times 1.1 is more than 11.
    """
    ((how, amount),) = change.items()
    exact = Fraction(str(amount))
    match how:
        case "by":
            return live + math.ceil(exact), f"{amount:+}"
        case "percent":
            return math.ceil(live * (100 + exact) / 100), f"{amount:+}%"
        case "factor":
            return math.ceil(live * exact), f"{amount} times"
    raise ValueError(f"unknown relative change {how!r}; the contract knows by, percent and factor")


def _named(workload: Object) -> str:
    return f"{workload['kind']} {name_of(workload)}"
