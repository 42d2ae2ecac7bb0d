"""What a guard says: how the intent goes on, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.reasons import Reason


class Step(StrEnum):
    """How an intent goes on after a look."""

    WAIT = "wait"  #: It is looked at again at its time, or when what it waits for changes.
    REFUSE = "refuse"  #: It ends here; a change of its spec starts afresh.
    FINISH = "finish"  #: It ends here, well, without an effect.
    EXECUTE = "execute"  #: Its plan is carried out.


@dataclass(frozen=True, slots=True)
class Ruling:
    """The end of a look.

    Attributes:
        message: in a person's words, what happens or what is wrong, and what to do.
        next_at: for WAIT, when to look again, in epoch seconds; None until something changes.
    """

    step: Step
    reason: Reason
    message: str
    next_at: float | None = None
