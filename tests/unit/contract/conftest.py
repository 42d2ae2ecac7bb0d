from __future__ import annotations

import json
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def corpus() -> list[dict]:
    """Every action that the corpus expects, relative numbers resolved."""
    lines = (TESTS / "corpus" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    actions = [action for line in lines for action in json.loads(line)["expect"].get("intents", [])]
    for action in actions:
        if action.pop("replicas_change", None):
            action["replicas"] = 3
    return actions
