"""The contract of an action: what may be decided, rendered and handed over, and in which files.

`intent.schema.json` beside this module is the contract's text; `docs/contracts/` publishes the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contract.handoff import HandoffDocument, Origin, handoff_documents, write_atomically
from engine.contract.problem import Problem
from engine.contract.semantics import semantic_problems
from engine.contract.structure import schema, structural_problems

__all__ = [
    "HandoffDocument",
    "Origin",
    "Problem",
    "handoff_documents",
    "said_problems",
    "schema",
    "validate",
    "write_atomically",
]


def validate(action: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Returns all that is wrong with an action, sorted by field; empty if it fits the contract.

    Values are compared with one another only in an action that has the right shape.
    """
    return tuple(structural_problems(action) or semantic_problems(action))


def said_problems(action: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with an action in words, as rules are told it."""
    return [f"{problem.field}: {problem.message}" for problem in validate(action)]
