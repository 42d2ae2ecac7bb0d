"""The contract of an action: what may be decided, rendered and handed over, and in which files.

`intent.schema.json` beside this module is the contract's text; `docs/contracts/` publishes the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from engine.contract.handoff import HandoffDocument, Origin, handoff_documents, write_atomically
from engine.contract.problem import Problem
from engine.contract.whole import Contract

__all__ = [
    "Contract",
    "HandoffDocument",
    "Origin",
    "Problem",
    "base",
    "handoff_documents",
    "said_problems",
    "schema",
    "validate",
    "write_atomically",
]


@cache
def base() -> Contract:
    """Returns the contract of the types that are built in, without those that users teach."""
    return Contract.of()


def schema() -> dict[str, Any]:
    """Returns a copy of the JSON schema of an action, without types that users teach."""
    return base().schema()


def validate(action: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Returns all that is wrong with an action of a built-in type; as `Contract.validate`."""
    return base().validate(action)


def said_problems(action: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with an action of a built-in type in words; as `Contract.said_problems`."""
    return base().said_problems(action)
