"""What was prepared, pushed: all of one repository together, or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.child.running import CannotRunError, Result
from engine.executors.base import ExecuteOutcome, Revision, Unknown
from engine.executors.kpt.git import Remote
from engine.executors.kpt.problems import GitError, understand

_RACES = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "already exists",
    "cannot lock ref",
    "incorrect old value",
    "failed to update ref",
)
"""What git says of a ref that somebody else pushed meanwhile."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Commits that are made and not pushed.

    Attributes:
        refspecs: what is pushed; nothing where all is there already.
        leases: refs that go, as they were when they were looked at.
        expected: how the refs have to be afterwards.
    """

    remote: Remote
    revisions: tuple[Revision, ...]
    refspecs: tuple[str, ...] = ()
    leases: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pushed:
    """All of it is there."""

    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Raced:
    """Somebody else was faster, and nothing was pushed."""

    message: str


def push(ready: Ready) -> Pushed | Raced | ExecuteOutcome:
    """Pushes what was prepared, and looks whether it is there.

    Where git does not say clearly that nothing was pushed, the repository is asked.
    """
    if not ready.refspecs:
        return Pushed(ready.revisions)
    try:
        result = ready.remote.push(ready.refspecs, ready.leases)
        lines = result.stdout.decode("utf-8", "replace").splitlines()
        if any(why in line for line in lines if line.startswith("!") for why in _RACES):
            return Raced("others push to the repository all the time; it takes its turn in a while")
        shown = ready.remote.refs(ready.expected) if ready.expected else {}
    except (GitError, CannotRunError) as error:
        return Unknown(f"pushed, and whether it arrived is not known: {error}")
    return _judge(ready, result, shown)


def _judge(ready: Ready, result: Result, shown: Mapping[str, str]) -> Pushed | Raced | ExecuteOutcome:
    """Returns what came of a push, by the refs that the repository shows afterwards."""
    arrived = all(shown.get(ref) == commit for ref, commit in ready.expected.items())
    if arrived and (ready.expected or result.succeeded):
        return Pushed(ready.revisions)
    if result.succeeded:
        return Unknown("git says that it pushed, and the repository shows something else")
    if shown:
        return Raced("an earlier try of it may have arrived; it takes its turn in a while")
    return understand(result, "git push").failure.outcome()
