"""What the tests of rules share: the contract as it is shipped, and rules written to real files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import rules
from tests.unit.rules.deciding import BOUNDS, HEAD, BookOf, Decide, snapshot

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs/contracts/intent.schema.json").read_text())
    return found


@pytest.fixture(scope="session")
def contract(schema: dict[str, Any]) -> rules.Contract:
    validator = jsonschema.Draft202012Validator(schema)
    return lambda action: [error.message for error in validator.iter_errors(action)]


@pytest.fixture(scope="session")
def shipped(schema: dict[str, Any]) -> rules.RuleBook:
    return rules.load([], schema)


@pytest.fixture
def book(tmp_path: Path, schema: dict[str, Any]) -> Callable[..., rules.RuleBook]:
    """Loads the texts given as the user's files, in their order."""

    def load(*texts: str, with_defaults: bool = False) -> rules.RuleBook:
        paths = [tmp_path / f"{index}.yaml" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return rules.load(paths, schema, with_defaults=with_defaults)

    return load


@pytest.fixture
def decide(book: BookOf, contract: rules.Contract) -> Decide:
    """Decides by the rules given, behind a head with `vars.cap`."""

    def run(
        text: str, *actions: Mapping[str, Any], bounds: rules.Bounds = BOUNDS, **more: Any
    ) -> rules.Decision:
        return rules.evaluate(snapshot(*actions, **more), book(HEAD + text), bounds, contract)

    return run
