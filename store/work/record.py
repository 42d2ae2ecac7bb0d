"""The record of a generation's work, its states, and the refusal of a step that does not hold."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a generation stands on its way."""

    SEEN = "seen"  #: It is known; nothing has been read of it yet.
    READ = "read"  #: Its text has been read; no decision has been made, or it is held.
    DECIDED = "decided"  #: What to do is fixed for good; nothing has been sent.
    CLAIMED = "claimed"  #: A worker has it, by a token; nothing has been sent under that token.
    SENT = "sent"  #: The effect is on its way: it may or may not have happened.
    CONFIRMED = "confirmed"  #: It is done.
    RETRY = "retry"  #: The effect did not happen; it will be tried again.
    TERMINAL = "terminal"  #: It will not be done; `reason` says why.
    UNKNOWN = (
        "unknown"  #: The effect may have happened: what is there must be read back before anything else.
    )


class Package(NamedTuple):
    """A package of a repository."""

    repository: str
    name: str


@dataclass(frozen=True, slots=True)
class Work:
    """One generation of an intent. Times are in seconds since 1970.

    Attributes:
        id: its number in the store.
        namespace, name, uid, generation: of the intent.
        spec_hash: the hash of what counts in its spec.
        effect_key: the same for everything that would be the same effect; None before the decision.
        state: see State.
        token: the fencing token of its last claim; 0 before the first.
        attempts: how many tries have been counted against it.
        next_at: when it is looked at again; None if it is ready, finished, or waits for a change.
        rank: its place in its queue, lower first; None unless it is ready to be taken.
        priority: 0 to 10, higher first.
        reason, message: why it is in its state, for people; empty if there is nothing to say.
        trace_id: the trace it belongs to.
        executor: who carries the decision out; None before the decision.
        basis: the digest of the rules and facts it was last looked at with; empty before that.
        superseded: a newer generation is known, or the intent is gone.
        read_back: the effect may have happened before; what is there must be read before anything is sent.
        created_at, updated_at: when it was seen, when it last changed.
        status_reported: its present state has been shown on the intent.
    """

    id: int
    namespace: str
    name: str
    uid: str
    generation: int
    spec_hash: str
    effect_key: str | None
    state: State
    token: int
    attempts: int
    next_at: float | None
    rank: float | None
    priority: int
    reason: str
    message: str
    trace_id: str | None
    executor: str | None
    basis: str
    superseded: bool
    read_back: bool
    created_at: float
    updated_at: float
    status_reported: bool


class StaleTransition(Exception):  # noqa: N818 - named by what it tells
    """A step that does not hold: somebody else moved the generation, or there is no such step from its state.

    Attributes:
        found: the generation as it is now; None if it is gone.
    """

    def __init__(self, step: str, expected: str, work_id: int, found: Work | None) -> None:
        self.found = found
        actual = "it is gone" if found is None else f"found {found.state} with token {found.token}"
        super().__init__(f"cannot {step} work {work_id}: expected {expected}, {actual}")


def from_row(row: sqlite3.Row) -> Work:
    """Reads a row of the table `work`."""
    values = dict(row)
    for flag in ("superseded", "read_back", "status_reported"):
        values[flag] = bool(values[flag])
    values["state"] = State(values["state"])
    return Work(**values)


AGEING = 60.0
"""The seconds of waiting that make up for one point of priority."""


def rank(ready_at: float, priority: int) -> float:
    """Returns the place in a queue of work that is ready since `ready_at`.

    The place is fixed, so that taking the next needs no sorting, and yet everything gets its turn: whatever
    becomes ready ten minutes later ranks behind, however high its priority.
    """
    return ready_at - priority * AGEING
