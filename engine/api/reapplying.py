"""What is done decided anew by the rules in force, as far as they decide it otherwise, a few a minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.api.peer import Peer
from engine.reapplication import reapply
from engine.rehearsal import Decide, Difference, compare, done
from engine.status import timestamp
from store import Reader, Transaction, Work, intents, meta, work

_NEXT = "reapply_next"
"""The name in the store of the time at which the next one is to be decided anew."""


@dataclass(frozen=True, slots=True)
class Reapplication:
    """Which intents are to be looked through.

    Attributes:
        namespace: theirs; None for any.
        rate: how many are decided anew in a minute.
        limit: how many are looked through at most.
        after: the namespace and name of the last one that was.
    """

    namespace: str | None = None
    rate: int = 60
    limit: int = 100
    after: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Found:
    """What came of looking through a page of intents.

    Attributes:
        compared: how many were decided again, for comparison.
        unreadable: how many could not be.
        differing: those that are decided otherwise.
        after: where the next page begins; empty at the end.
    """

    compared: int
    unreadable: int
    differing: Sequence[tuple[Work, Difference]]
    after: str


def look_through(reader: Reader, wanted: Reapplication, decide: Decide) -> Found:
    """Finds the finished intents of a page that rules decide otherwise, by the facts of their decisions."""
    page = intents.page(reader, wanted.limit, after=wanted.after)
    compared = unreadable = 0
    differing: list[tuple[Work, Difference]] = []
    for intent in page:
        if wanted.namespace not in (None, intent.namespace):
            continue
        for item, case in done(reader, intent):
            if case.snapshot is None:
                unreadable += 1
                continue
            compared += 1
            difference = compare(case, case.decision, decide(case.snapshot))
            if difference is not None:
                differing.append((item, difference))
    after = f"{page[-1].namespace}/{page[-1].name}" if len(page) == wanted.limit else ""
    return Found(compared, unreadable, differing, after)


def carry_out(tx: Transaction, found: Found, rate: int, peer: Peer, now: float) -> dict[str, Any]:
    """Has what was found decided anew, one after the other; what has moved on since is left alone.

    Returns:
        {"compared", "unreadable", "continue", "reapplied": [{"intent", "generation", "before", "after",
        "fields", "at"}]}.
    """
    at = max(now, float(meta.get(tx, _NEXT) or now))
    reapplied: list[Mapping[str, Any]] = []
    for item, difference in found.differing:
        said = {
            "who": peer.name,
            "userID": peer.uid,
            "message": f"reapplied by {peer.name}",
            "rulesDigest": difference.after["rulesDigest"],
        }
        if work.get(tx, item.id) == item and reapply(tx, item, said, at=at, now=now):
            reapplied.append(
                {
                    "intent": difference.intent,
                    "generation": difference.generation,
                    "before": dict(difference.before),
                    "after": dict(difference.after),
                    "fields": list(difference.fields),
                    "at": timestamp(at),
                }
            )
            at += 60 / rate
    meta.put(tx, _NEXT, repr(at))
    return {
        "compared": found.compared,
        "unreadable": found.unreadable,
        "reapplied": reapplied,
        "continue": found.after,
    }
