from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nlp import Reader

CORPUS = Path(__file__).parents[2] / "corpus"


def examples(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()
