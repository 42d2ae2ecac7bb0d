"""Whose wishes a revision holds: its commit says so, as nobody else's does; pure.

    Holds: cw-0a1b2c… core/scale-amf
    Decision: cw-0a1b2c… {"decision": …}

Open revisions are never gone on from. Each is made anew on what is published, from the effects that it holds,
so that none undoes what was published meanwhile or keeps what an older generation of an intent wished.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.executors.base import Effect

_HOLDS = re.compile(r"^Holds: (cw-[0-9a-f]{20}) (\S+)$", re.MULTILINE)
_DECISION = re.compile(r"^Decision: (cw-[0-9a-f]{20}) (.+)$", re.MULTILINE)
_LONGEST_RECORD = 32_000
"""In characters; a commit does not keep a longer one, as it may hold those of many wishes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An effect that a revision holds.

    Attributes:
        workspace: made from the effect key.
        intent: "namespace/name".
        record: `Effect.record`; empty where it is not kept.
    """

    workspace: str
    intent: str
    record: str = field(default="", compare=False)

    @classmethod
    def of(cls, effect: Effect) -> Wish:
        """Returns the wish of an effect."""
        keeps = len(effect.record) <= _LONGEST_RECORD and len(effect.record.splitlines()) == 1
        return cls(effect.workspace, effect.intent, effect.record if keeps else "")


@dataclass(frozen=True, slots=True)
class OpenRevision:
    """A revision of ours that is not published.

    Attributes:
        ref: its branch, by its full name.
        commit: the hash of its commit.
    """

    ref: str
    commit: str
    workspace: str
    lifecycle: str
    wishes: tuple[Wish, ...]

    @property
    def workspaces(self) -> frozenset[str]:
        """The workspaces of the effects that it holds."""
        return frozenset(wish.workspace for wish in self.wishes)


def wishes_in(message: str) -> tuple[Wish, ...]:
    """Reads the wishes in the message of a commit."""
    records = dict(_DECISION.findall(message))
    return tuple(
        Wish(workspace, intent, records.get(workspace, "")) for workspace, intent in _HOLDS.findall(message)
    )


def message_of(title: str, effect: Effect, wishes: Iterable[Wish]) -> str:
    """Returns the message of a commit that an effect makes and that holds some wishes."""
    held = "".join(map(_lines, wishes))
    return (
        f"{title}\n\n"
        f"Intent: {effect.intent}\nGeneration: {effect.generation}\nEffect-Key: {effect.key}\n{held}"
    )


def _lines(wish: Wish) -> str:
    holds = f"Holds: {wish.workspace} {wish.intent}\n"
    return holds + (f"Decision: {wish.workspace} {wish.record}\n" if wish.record else "")
