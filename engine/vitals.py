"""How the daemon is: checks with a level and words, and the pages `livez` and `readyz` made of them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How a check came out; the number is the metric's."""

    OK = 0  #: All is well.
    WARNING = 1  #: Something is wrong, and it goes on all the same.
    FAILED = 2  #: It cannot do its work.


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing.

    Attributes:
        name: what it is about, a label of metrics: "store", "backend porch".
        detail: for people; where it is not well, what is wrong and what to do.
    """

    name: str
    level: Level
    detail: str


@dataclass(frozen=True, slots=True)
class Vitals:
    """All that readiness and metrics tell besides the queues, as it is at one moment.

    Attributes:
        checks: what readiness is made of.
        watch_age: the seconds since the source was last heard of.
        failures: calls of the API server that failed so far, by area and the name of the error's class.
        events_dropped: how many Events about intents were not told, as there were too many.
        reloads: by what is reloaded (rules, lexicon, settings), how often it was taken up and how often not.
        not_in_force: what of these does not stand in its files as it is in force.
        schema_flaws: how many flaws the served definition has, by kind.
        rights_missing: how many rights the account lacks.
        circuits: by backend, whether work goes to it: closed, open or half-open.
    """

    checks: tuple[Check, ...] = ()
    watch_age: float = 0.0
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    events_dropped: int = 0
    reloads: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    not_in_force: frozenset[str] = frozenset()
    schema_flaws: Mapping[str, int] = field(default_factory=dict)
    rights_missing: int = 0
    circuits: Mapping[str, str] = field(default_factory=dict)


_MARKS = {Level.OK: "[+]", Level.WARNING: "[!]", Level.FAILED: "[-]"}


def passed(checks: Sequence[Check]) -> bool:
    """Tells whether none of them has failed; a warning is no failure."""
    return all(check.level is not Level.FAILED for check in checks)


def as_text(page: str, checks: Sequence[Check], *, verbose: bool) -> str:
    """Returns the page for people, as API servers have it: what is not well always, the rest if `verbose`.

    Args:
        page: its name: "readyz".
        checks: what it is made of.
        verbose: whether what is well is told too.
    """
    good = passed(checks)
    told = [check for check in checks if verbose or check.level is not Level.OK]
    if good and not told:
        return "ok\n"
    lines = [
        f"{_MARKS[check.level]}{check.name} {check.level.name.lower()}: {_indented(check.detail)}"
        for check in told
    ]
    return "\n".join([*lines, f"{page} check {'passed' if good else 'failed'}", ""])


def as_object(checks: Sequence[Check]) -> dict[str, Any]:
    """Returns the page for programs."""
    return {
        "status": "ok" if passed(checks) else "failed",
        "checks": [
            {"name": check.name, "level": check.level.name.lower(), "detail": check.detail}
            for check in checks
        ],
    }


def _indented(detail: str) -> str:
    """Keeps the lines of a detail apart from those of other checks."""
    return detail.replace("\n", "\n    ")
