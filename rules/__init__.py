"""Business rules in YAML, decided by pure evaluation of a frozen snapshot: no I/O, no clock."""

from rules.book import Rule, RuleBook
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
from rules.evaluation import Contract, evaluate
from rules.loading import load
from rules.models import Mode
from rules.snapshot import Action, Bounds, ContainerFacts, Facts, History, IntentView, Json, Snapshot
from rules.testing import CaseResult, run_tests, untouched
from rules.timing import RuleTime, Stopwatch, Timer

__all__ = [
    "Action",
    "Bounds",
    "CaseResult",
    "Change",
    "ContainerFacts",
    "Contract",
    "Decision",
    "Facts",
    "History",
    "IntentView",
    "Json",
    "Mode",
    "Outcome",
    "RateLimit",
    "Reason",
    "RetryPolicy",
    "Route",
    "Rule",
    "RuleBook",
    "RuleTime",
    "RuleTrace",
    "RuleWarning",
    "Snapshot",
    "Stopwatch",
    "Timer",
    "Verdict",
    "evaluate",
    "load",
    "run_tests",
    "untouched",
]
