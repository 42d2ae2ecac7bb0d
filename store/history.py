"""All that is known of one intent's past."""

from __future__ import annotations

from dataclasses import dataclass

from store import audit, decisions, retention, work
from store.connection import Reader


@dataclass(frozen=True, slots=True)
class History:
    """The past of an intent, each part newest first.

    Attributes:
        generations: what became of each generation.
        decisions: what was decided; `work_id` tells of which generation.
        audit: what was recorded.
        pruned_before: what ended before this time, in seconds since 1970, may no longer be kept; None where
            all that ever was is.
    """

    generations: tuple[work.Work, ...]
    decisions: tuple[decisions.Decision, ...]
    audit: tuple[audit.Record, ...]
    pruned_before: float | None = None


def of_intent(reader: Reader, namespace: str, name: str, *, limit: int) -> History:
    """Returns the past of an intent, at most `limit` of each part."""
    return History(
        generations=tuple(work.generations(reader, namespace, name, limit=limit)),
        decisions=tuple(decisions.of_intent(reader, namespace, name, limit=limit)),
        audit=tuple(audit.of_intent(reader, namespace, name, limit=limit)),
        pruned_before=retention.pruned_before(reader),
    )
