"""Business rules in YAML, decided by pure evaluation of a frozen snapshot: no I/O, no clock."""

from rules.decision import (
    Change,
    Decision,
    Outcome,
    RateLimit,
    Reason,
    RetryPolicy,
    Route,
    RuleTrace,
    RuleWarning,
    Verdict,
)
from rules.snapshot import Action, Bounds, ContainerFacts, Facts, History, IntentView, Json, Snapshot

__all__ = [
    "Action",
    "Bounds",
    "Change",
    "ContainerFacts",
    "Decision",
    "Facts",
    "History",
    "IntentView",
    "Json",
    "Outcome",
    "RateLimit",
    "Reason",
    "RetryPolicy",
    "Route",
    "RuleTrace",
    "RuleWarning",
    "Snapshot",
    "Verdict",
]
