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
from rules.expressions import EvaluationError
from rules.lint import vars_read
from rules.loading import documents_of, load
from rules.models import Mode
from rules.snapshot import Action, Bounds, ContainerFacts, Facts, History, IntentView, Json, Snapshot
from rules.structures import Structure, compile_structures
from rules.testing import CaseResult, run_tests, untouched
from rules.timing import UNTIMED, RuleTime, Stopwatch, Timer

__all__ = [
    "UNTIMED",
    "Action",
    "Bounds",
    "CaseResult",
    "Change",
    "ContainerFacts",
    "Contract",
    "Decision",
    "EvaluationError",
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
    "Structure",
    "Timer",
    "Verdict",
    "compile_structures",
    "documents_of",
    "evaluate",
    "load",
    "run_tests",
    "untouched",
    "vars_read",
]
